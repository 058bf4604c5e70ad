"""A refinement as a file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lit_samseg.drawing import VOID_COLOUR, class_colours
from lit_samseg.errors import InputError
from lit_samseg.formats.palettes import voc_palette
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.void import VOID

_NARROW, _WIDE = np.iinfo(np.uint8).max, np.iinfo(np.uint16).max
_LABELS = (".png", ".tif", ".tiff")
_SUFFIXES = {
    "palette": _LABELS,
    "index": _LABELS,
    "colours": _LABELS,
    "npy": (".npy",),
    "overlay": (".jpg", ".jpeg", ".png"),
    "coco": (".json",),
}
"""Which suffixes a format may have; without a format, that of the first with the suffix is meant."""


class Saved(NamedTuple):
    """What can be written.

    Attributes:
        ids: The label map, int64 ``[H, W]``.
        void: What pixels without a class have in it.
        overlay: Draws it over the picture.
        annotations: Makes COCO's.
    """

    ids: NDArray[np.int64]
    void: int
    overlay: Callable[[], Image.Image]
    annotations: Callable[[], list[dict[str, Any]]]


def save(saved: Saved, path: Path, format: str | None) -> Path:
    """Write a refinement to a file, which is there whole or not at all.

    Args:
        saved: What is written.
        path: The file.
        format: ``palette``: ids as indices, drawn in VOC's colours; above 255 they are an ``index``. ``index``: grey of
            8 bits, or of 16 where an id is above 255. ``colours``: VOC's colours themselves. ``npy``: an array of the
            smallest unsigned type. ``overlay``: the picture with the label map over it. ``coco``: a list of
            annotations. None: by the suffix, ``palette``, ``npy``, ``overlay`` (JPEG) or ``coco``.

    Returns:
        The path.

    Raises:
        InputError: The suffix is of no format, or does not go with it; or ids are above 255 and colours are asked for.
    """
    chosen = _format(path, format)
    numbers = _numbers(saved.ids)
    with atomic_file(path) as draft:
        if chosen == "coco":
            draft.write_text(json.dumps(saved.annotations()) + "\n", encoding="utf-8")
        elif chosen == "npy":
            np.save(draft, numbers)
        elif chosen == "overlay":
            saved.overlay().save(draft, quality=90)
        elif chosen == "colours":
            Image.fromarray(_colours(numbers, saved.void, path)).save(draft)
        else:
            picture = Image.fromarray(numbers)
            if chosen == "palette" and numbers.dtype == np.uint8:
                picture.putpalette(voc_palette())
            picture.save(draft)
    return path


def _format(path: Path, format: str | None) -> str:
    suffix = path.suffix.lower()
    if format is not None and format not in _SUFFIXES:
        raise InputError(f"{path}: there is no format {format!r}; give {', '.join(_SUFFIXES)}")
    chosen = format or next((name for name, suffixes in _SUFFIXES.items() if suffix in suffixes), None)
    if chosen is None or suffix not in _SUFFIXES[chosen]:
        known = _SUFFIXES[chosen] if chosen else sorted({s for suffixes in _SUFFIXES.values() for s in suffixes})
        what = f"format {chosen} is" if chosen else "a refinement is"
        raise InputError(f"{path}: {what} written as {', '.join(known)}, not {suffix or 'without a suffix'}")
    return chosen


def _numbers(ids: NDArray[np.int64]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return the label map as uint8, or uint16 where that is too narrow."""
    void = ids == VOID
    if void.any():
        # A part of one's own may leave void in an image that came without.
        ids = np.where(void, _WIDE if (ids >= _NARROW).any() else _NARROW, ids)
    return ids.astype(np.uint8) if ids.max(initial=0) <= _NARROW else ids.astype(np.uint16)


def _colours(numbers: NDArray[np.uint8] | NDArray[np.uint16], void: int, path: Path) -> NDArray[np.uint8]:
    if numbers.dtype != np.uint8:
        raise InputError(f"{path}: colours stand for ids up to 255, and there are more; give format='index'")
    table = class_colours(_NARROW + 1, voc_palette())
    if void in (VOID, _NARROW):
        table[_NARROW] = VOID_COLOUR
    colours: NDArray[np.uint8] = table[numbers]
    return colours
