"""Rasters that are read in windows, by rasterio: GeoTIFF and whatever else GDAL knows."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.tiling.bands import ToRgb, of_palette, to_bytes
from lit_samseg.tiling.plan import Window

CACHE_MB = 256
"""What GDAL may keep of blocks that it has read or has not written yet."""
_OVERVIEW = 1024
"""Longest side of the decimated copy in which percentiles are found, in pixels."""
_STRIP = 512
"""Rows that are looked at together, where a whole raster is looked at."""


def import_rasterio() -> Any:
    """Return rasterio.

    Raises:
        InputError: It is not installed.
    """
    try:
        import rasterio
        import rasterio.shutil
        import rasterio.windows
    except ImportError as error:
        raise InputError("rasters are read by rasterio; pip install 'lit_samseg[geo]'") from error
    return rasterio


@contextmanager
def sparing_rasterio() -> Iterator[Any]:
    """Yield rasterio, which keeps little in memory, and says nothing of rasters without coordinates.

    Raises:
        InputError: It is not installed.
    """
    rasterio = import_rasterio()
    with warnings.catch_warnings(), rasterio.Env(GDAL_CACHEMAX=CACHE_MB):
        # Such a raster is a picture like any other.
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        yield rasterio


@contextmanager
def reading(path: Path, what: str) -> Iterator[Any]:
    """Yield rasterio, and name a file in what it raises.

    Raises:
        InputError: rasterio cannot read it.
    """
    with sparing_rasterio() as rasterio:
        try:
            yield rasterio
        except rasterio.errors.RasterioError as error:
            reason = str(error).replace("\n", " ")
            raise InputError(f"{what} {path} cannot be read as a raster ({reason}); replace the file") from error


class Raster:
    """An open raster.

    Args:
        path: The file.
        what: What it is, for messages.

    Attributes:
        file: rasterio's ``DatasetReader``.

    Raises:
        InputError: There is no such file, or it is no raster.
    """

    def __init__(self, path: Path, what: str) -> None:
        if not path.is_file():
            raise InputError(f"no such {what}: {path}")
        self.path, self.what = path, what
        with reading(path, what) as rasterio:
            self.file = rasterio.open(path)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.what} {self.path}"

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.file.height, self.file.width

    @property
    def palette(self) -> dict[int, tuple[int, ...]] | None:
        """The first band's colours by index, or None."""
        try:
            return dict(self.file.colormap(1))
        except ValueError:
            return None

    def values(self, bands: Any, window: Window, **others: Any) -> NDArray[Any]:
        """Read a window of some bands."""
        with reading(self.path, self.what) as rasterio:
            found: NDArray[Any] = self.file.read(bands, window=_window(rasterio, window), **others)
            return found

    @property
    def has_holes(self) -> bool:
        """Whether there may be pixels without data."""
        return self._has_mask or any(np.dtype(dtype).kind == "f" for dtype in self.file.dtypes)

    @property
    def _has_mask(self) -> bool:
        return not all("all_valid" in [flag.name for flag in flags] for flags in self.file.mask_flag_enums)

    def data(self, window: Window, **others: Any) -> NDArray[np.bool_] | None:
        """Read where pixels are data, by nodata, a mask or alpha, bool ``[h, w]``; None where all are."""
        if not self._has_mask:
            return None
        with reading(self.path, self.what) as rasterio:
            found: NDArray[np.bool_] = self.file.dataset_mask(window=_window(rasterio, window), **others) > 0
            return found

    def strips(self) -> Iterator[Window]:
        """Yield windows of the whole width that cover it from above."""
        height, width = self.shape
        return (Window(top, 0, min(_STRIP, height - top), width) for top in range(0, height, _STRIP))

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class RasterPicture(Raster):
    """A raster as a picture.

    Args:
        path: The file.
        to_rgb: Which bands and values are which colours.

    Attributes:
        mapping: In words, what becomes of bands and values.

    Raises:
        InputError: It cannot be read, or nobody can tell which bands are colours.
    """

    def __init__(self, path: Path, to_rgb: ToRgb) -> None:
        super().__init__(path, "image")
        kinds = set(self.file.dtypes)
        dtype = str(self.file.dtypes[0])
        if len(kinds) > 1 or np.dtype(dtype).kind not in "uif":
            raise InputError(
                f"{self.name} has bands of {', '.join(sorted(kinds))}; give one of whole or broken numbers"
            )
        self._colours = self.palette if self.file.count == 1 and to_rgb.bands is None else None
        self._bands = to_rgb.choose([colour.name for colour in self.file.colorinterp], self.name)
        if self._colours is not None:
            self.mapping = "colours of its palette"
            return
        overview = self._overview() if to_rgb.measures(dtype) else None
        self._limits = to_rgb.limits(dtype, overview, self.name)
        self.mapping = to_rgb.describe(self._bands, self._limits, dtype)

    def read(self, window: Window) -> tuple[Tensor, Tensor | None]:
        """Read a window.

        Returns:
            uint8 ``[3, h, w]``, RGB, black where there is no data; and where that is, bool ``[h, w]``, or None for
            nowhere.
        """
        values = self.values(list(self._bands), window)
        data = self.data(window)
        if values.dtype.kind == "f":
            finite = np.isfinite(values).all(0)
            data = finite if data is None else data & finite
        pixels = to_bytes(values, self._limits) if self._colours is None else of_palette(values[0], self._colours)
        if data is None or data.all():
            return torch.from_numpy(pixels), None
        return torch.from_numpy(np.where(data, pixels, np.uint8(0))), torch.from_numpy(~data)

    def _overview(self) -> NDArray[Any]:
        """Return pixels that are data of a decimated copy, ``[3, N]``."""
        height, width = self.shape
        shrink = max(1.0, max(height, width) / _OVERVIEW)
        shape = max(1, round(height / shrink)), max(1, round(width / shrink))
        whole = Window(0, 0, height, width)
        values = self.values(list(self._bands), whole, out_shape=(3, *shape))
        data = self.data(whole, out_shape=shape)
        kept = np.isfinite(values).all(0)
        found: NDArray[Any] = values[:, kept if data is None else kept & data]
        return found


def _window(rasterio: Any, window: Window) -> Any:
    return rasterio.windows.Window(window.left, window.top, window.width, window.height)
