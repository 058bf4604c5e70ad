"""Colours as single numbers, since these are quicker to find, to count and to translate."""

import numpy as np
from numpy.typing import NDArray

from lit_samseg.formats.palettes import RGB

OPAQUE = 255 << 24
"""The alpha of a pixel that is not transparent, as part of its code."""

RGB_ONLY = 0xFFFFFF
"""The part of a code that is not alpha."""

Codes = NDArray[np.int64]


def codes_of(colours: NDArray[np.uint8]) -> Codes:
    """Return a number for each colour ``[..., 3 or 4]``: alpha, red, green and blue, a byte each, int64 ``[...]``."""
    wide = colours.astype(np.int64)
    alpha = wide[..., 3] << 24 if colours.shape[-1] > 3 else OPAQUE
    codes: Codes = alpha | wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
    return codes


def colours_of_codes(codes: Codes) -> NDArray[np.uint8]:
    """Return the colours of numbers ``[...]``, uint8 ``[..., 4]``."""
    return np.stack([codes >> 16 & 255, codes >> 8 & 255, codes & 255, codes >> 24], axis=-1).astype(np.uint8)


def rgb_of(code: int) -> RGB:
    """Return a number's colour, without its alpha."""
    return code >> 16 & 255, code >> 8 & 255, code & 255


def packed(colour: RGB) -> int:
    """Return a colour's number without alpha."""
    red, green, blue = colour
    return red << 16 | green << 8 | blue


def code_of(colour: RGB, alpha: int = 255) -> int:
    """Return a colour's number."""
    return alpha << 24 | packed(colour)


def distinct(numbers: NDArray[np.integer]) -> list[int]:
    """Return the numbers that occur, ascending; quick where neighbours are mostly equal, as in masks."""
    flat = numbers.ravel()
    if not flat.size:
        return []
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    found: list[int] = np.unique(np.append(flat[changes], flat[0])).tolist()
    return found
