"""What the files of masks hold, found by looking at all of them once: their forms, and every number or colour."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError
from lit_samseg.formats.pairing import Pairs, pair
from lit_samseg.formats.palettes import RGB
from lit_samseg.formats.pixels.colour_codes import OPAQUE, codes_of, distinct, rgb_of
from lit_samseg.formats.pixels.forms import Form, form_of
from lit_samseg.formats.reading import read_colours, read_indices
from lit_samseg.formats.source import MaskSource

MASK_SUFFIXES = (".png", ".tif", ".tiff", ".webp", ".bmp")
"""Of files that can hold masks."""

_OTHER_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".jp2", ".avif")
"""Of pictures that cannot, or not surely; where there are no others, reading them tells why."""

KINDS = ("PNG", "TIFF", "WEBP", "BMP")
"""Pillow's words for their formats."""

_THREADS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True)
class Look:
    """What one file holds.

    Attributes:
        form: How.
        found: All its numbers, ascending: indices or grey values; of colours their codes (`colour_codes`).
        coloured: Whether they are colours. A picture in colours that are all grey and opaque has numbers.
    """

    form: Form
    found: tuple[int, ...]
    coloured: bool

    @property
    def colours(self) -> set[RGB]:
        """The colours that the file shows, be they pixels, a palette's or greys."""
        if self.coloured:
            return {rgb_of(code) for code in self.found}
        if self.form.mode == "P":
            return {self.form.palette[index] for index in self.found if index < len(self.form.palette)}
        greys = [value * 255 if self.form.mode == "1" else value for value in self.found]
        return {(grey, grey, grey) for grey in greys}


def look_at(path: Path) -> Look:
    """Look at a file.

    Raises:
        InputError: It cannot be read as a mask.
    """
    form = form_of(path)
    look = _look(path, form)
    if form.kind not in KINDS:
        raise InputError(f"mask {path} is a picture in {form.kind}, in which none can be written; save it as PNG")
    return look


def _look(path: Path, form: Form) -> Look:
    if form.mode in ("RGB", "RGBA"):
        codes = distinct(codes_of(read_colours(path)))
        greys = [code & 255 for code in codes if code >= OPAQUE and len(set(rgb_of(code))) == 1]
        if len(greys) < len(codes):
            return Look(form, tuple(codes), True)
        return Look(form, tuple(greys), False)
    return Look(form, tuple(distinct(read_numbers(path, form))), False)


def read_numbers(path: Path, form: Form) -> NDArray[np.int32]:
    """Read the numbers of a file that has been looked at, as they lie there, upright, int32 ``[H, W]``.

    Raises:
        InputError: It cannot be read.
    """
    if form.mode in ("RGB", "RGBA"):
        return read_colours(path, upright=True)[..., 0].astype(np.int32)
    return read_indices(path, "mask", upright=True, labels=None).numpy().astype(np.int32)


class PixelMasks:
    """Masks that are pictures, a file for each picture.

    Attributes:
        source: Where they lie.
    """

    def __init__(self, source: MaskSource) -> None:
        self.source = source

    @cached_property
    def files(self) -> list[Path]:
        """The files that may be masks."""
        return self.source.ending_in(*MASK_SUFFIXES) or self.source.ending_in(*_OTHER_SUFFIXES)

    @cached_property
    def pairs(self) -> Pairs:
        """Which of them belong to pictures.

        Raises:
            InputError: See `pair`.
        """
        return pair(self.source, self.files)

    @cached_property
    def looks(self) -> dict[Path, Look]:
        """What each mask holds that belongs to a picture.

        Raises:
            InputError: One cannot be read.
        """
        return look_at_all(self.pairs.masks.values())


def look_at_all(paths: Iterable[Path]) -> dict[Path, Look]:
    """Look at many files.

    Raises:
        InputError: One cannot be read.
    """
    known = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            return dict(zip(known, pool.map(look_at, known), strict=True))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


@lru_cache(maxsize=1)
def pixel_masks(source: MaskSource) -> PixelMasks:
    """Return the pictures of a source; the same for all formats that ask, so that files are looked at once."""
    return PixelMasks(source)
