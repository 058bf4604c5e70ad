"""Where masks' successors are written, and what is said of a place in a mask, or of its size."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError
from lit_samseg.formats.source import MaskSource


def successors(masks: Iterable[Path], source: MaskSource, folder: Path) -> dict[Path, Path]:
    """Return where the successors of masks are written: in folders and under names as theirs.

    Raises:
        InputError: There the masks themselves are, or two of them would be written to one place.
    """
    found: dict[Path, Path] = {}
    taken: dict[Path, Path] = {}
    for mask in masks:
        place = folder / source.relative(mask)
        if place.absolute() == mask.absolute() or (place.exists() and place.samefile(mask)):
            raise InputError(f"{folder} holds the masks that are read ({mask.name}); give another folder to write to")
        if place in taken:
            raise InputError(f"masks {taken[place]} and {mask} would both be written as {place}; rename one")
        found[mask] = taken[place] = place
    return found


def first_place(where: NDArray[np.bool_]) -> str:
    """Return where the first pixel is that is marked in ``[H, W]``, in words."""
    row, column = np.unravel_index(int(where.argmax()), where.shape)
    return f"x {column}, y {row}"


def check_mask_size(shape: tuple[int, ...], height: int, width: int, path: Path) -> None:
    """Check that a mask ``[H, W]`` has its picture's size.

    Raises:
        InputError: It has not; where it fits when turned, the message says so.
    """
    if shape[:2] != (height, width):
        turned = " (or turn one of them: one may lie as the camera was held)" if shape[:2] == (width, height) else ""
        raise InputError(
            f"mask {path} is {shape[1]}x{shape[0]} pixels, its picture {width}x{height}; give the masks of these "
            f"pictures, in their sizes{turned}"
        )
