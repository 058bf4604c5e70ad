"""Which bands of a raster are red, green and blue, and which of their values are black and white."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError

LOWEST, HIGHEST = 2, 98
"""Percentiles that become black and white."""
_MOST_GUESSED = 4
"""Bands: of more, the first three need not be colours that a person would see."""

_LEAST = 1e-30
"""Of what values are divided by: in a band of one value all becomes black."""

Range = Literal["auto", "percentile", "dtype"] | tuple[float, float]


@dataclass(frozen=True)
class ToRgb:
    """How a raster becomes a picture of three bytes a pixel.

    Attributes:
        bands: Numbers of the bands that are red, green and blue, from 1 on; None takes those that the file calls so, or
            the first three of 3 or 4, or the only one.
        range: What becomes black and white: ``percentile`` takes the 2nd and 98th of each band, in a decimated copy;
            ``dtype`` all that its type can hold (0 to 1 for fractions); two numbers themselves; ``auto`` leaves 8 bits
            as they are, and is ``percentile`` else.

    Raises:
        InputError: There is no such mapping.
    """

    bands: Sequence[int] | None = None
    range: Range = "auto"

    def __post_init__(self) -> None:
        """Check the options."""
        if self.bands is not None and (len(self.bands) != 3 or any(type(b) is not int or b < 1 for b in self.bands)):
            raise InputError(f"bands are {self.bands!r}; give three numbers from 1 on: red, green, blue")
        two = isinstance(self.range, tuple | list) and len(self.range) == 2 and self.range[0] < self.range[1]
        if self.range not in ("auto", "percentile", "dtype") and not two:
            raise InputError(
                f"range is {self.range!r}; it is auto, percentile, dtype, or the numbers that become black and white"
            )

    def choose(self, colours: Sequence[str], name: str) -> tuple[int, int, int]:
        """Choose the bands.

        Args:
            colours: What the file says of each of its bands: ``red``, ``gray``, ``alpha``, ``undefined``, ...
            name: The raster's, for messages.

        Raises:
            InputError: There is no such band, or nobody can tell which ones are colours.
        """
        if self.bands is not None:
            red, green, blue = self.bands
            if max(self.bands) > len(colours):
                raise InputError(f"{name} has {len(colours)} bands; bands are {list(self.bands)}")
            return red, green, blue
        if {"red", "green", "blue"} <= set(colours):
            red, green, blue = (colours.index(colour) + 1 for colour in ("red", "green", "blue"))
            return red, green, blue
        shown = [number for number, colour in enumerate(colours, start=1) if colour != "alpha"]
        if len(shown) == 1:
            return shown[0], shown[0], shown[0]
        if len(shown) == 2 or len(colours) > _MOST_GUESSED:
            raise InputError(
                f"{name} has {len(colours)} bands and does not say which are red, green and blue; name them: "
                "--bands [3, 2, 1], for example"
            )
        return shown[0], shown[1], shown[2]

    def measures(self, dtype: str) -> bool:
        """Tell whether the range is found in the raster's values."""
        return self.range == "percentile" or (self.range == "auto" and dtype != "uint8")

    def limits(self, dtype: str, overview: NDArray[Any] | None, name: str) -> tuple[tuple[float, float], ...]:
        """Return what becomes black and white in each of the three bands.

        Args:
            dtype: The bands' type.
            overview: A decimated copy, ``[3, N]`` of pixels that are data; where `measures` says that it is needed.
            name: The raster's, for messages.

        Raises:
            InputError: No pixel is data.
        """
        if self.measures(dtype):
            assert overview is not None, "measures() says so"
            if not overview.size:
                raise InputError(f"{name} has no pixel with data; give another raster")
            found = np.percentile(overview.astype(np.float64), (LOWEST, HIGHEST), axis=1).T
            return tuple((float(low), float(high)) for low, high in found)
        if isinstance(self.range, tuple | list):
            return ((float(self.range[0]), float(self.range[1])),) * 3
        kind = np.dtype(dtype)
        if kind.kind == "f":
            return ((0.0, 1.0),) * 3
        return ((float(np.iinfo(kind).min), float(np.iinfo(kind).max)),) * 3

    def describe(self, bands: Sequence[int], limits: Sequence[tuple[float, float]], dtype: str) -> str:
        """Say in words what becomes of the bands."""
        one = len(set(bands)) == 1
        what = f"band {bands[0]} as grey" if one else f"bands {', '.join(map(str, bands))} as red, green, blue"
        shown = [f"{low:.6g} to {high:.6g}" for low, high in limits]
        values = shown[0] if len(set(shown)) == 1 else ", ".join(shown)
        if self.measures(dtype):
            how = f" (percentiles {LOWEST} and {HIGHEST} of a decimated copy)"
        elif self.range == "auto":
            return f"{what}, {dtype} as it is"
        else:
            how = f" (all of {dtype})" if self.range == "dtype" else " (as given)"
        return f"{what}; of {dtype}, {values} become 0 to 255{how}"


def to_bytes(values: NDArray[Any], limits: Sequence[tuple[float, float]]) -> NDArray[np.uint8]:
    """Bring bands to bytes.

    Args:
        values: Numbers of any type, ``[3, h, w]``; what is no number becomes black.
        limits: What becomes 0 and 255 in each band; beyond them values are cut off.

    Returns:
        uint8 ``[3, h, w]``.
    """
    if values.dtype == np.uint8 and all(limit == (0, 255) for limit in limits):
        return values
    stretched = np.empty(values.shape, np.uint8)
    for band, (low, high), out in zip(values, limits, stretched, strict=True):
        scaled = (np.nan_to_num(band.astype(np.float32)) - low) * (255 / max(high - low, _LEAST))
        out[...] = scaled.clip(0, 255).round()
    return stretched


def of_palette(indices: NDArray[Any], colours: Mapping[int, Sequence[int]]) -> NDArray[np.uint8]:
    """Return the colours of a palette's indices ``[h, w]``, uint8 ``[3, h, w]``; those it does not have are black."""
    table = np.zeros((1 + max(int(indices.max(initial=0)), *colours), 3), np.uint8)
    for index, colour in colours.items():
        table[index] = colour[:3]
    return np.moveaxis(table[indices], -1, 0)
