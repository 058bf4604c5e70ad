"""A picture before and after, as the review shows it."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lit_samseg.drawing import draw_overlay
from lit_samseg.review.records import PICTURES
from lit_samseg.runtime.atomic import atomic_file

SIDE = 1024
"""Pixels of the longer side at most: two beside each other fill a large screen."""

KINDS = ("before", "after", "changed")

_MARK = np.array([230, 60, 0], np.float32)


def write_pictures(
    folder: Path,
    key: str,
    image: NDArray[np.uint8],
    maps: tuple[NDArray[np.integer], NDArray[np.integer]],
    colours: NDArray[np.uint8],
    background: int | None,
) -> None:
    """Draw a picture's masks before and after, and what changed, ``pictures/KEY.before.jpg`` and so on.

    Args:
        folder: Of the review.
        key: The picture's name.
        image: uint8 ``[H, W, 3]``, RGB.
        maps: Class ids ``[H, W]`` before and after.
        colours: RGB by class id, ``[C, 3]``.
        background: The class that is not drawn, or None.
    """
    small = [_smaller(labels.astype(np.int32), cv2.INTER_NEAREST) for labels in maps]
    photo = _smaller(image, cv2.INTER_AREA)
    changed = _smaller((maps[0] != maps[1]).astype(np.float32), cv2.INTER_AREA)[..., None]
    drawn = {kind: draw_overlay(photo, labels, colours, background) for kind, labels in zip(KINDS, small, strict=False)}
    # Thin changes are to be seen on small pictures too.
    strength = np.minimum(1, 2 * changed)
    drawn["changed"] = (strength * _MARK + (1 - strength) * (0.6 * photo + 0.4 * 255)).round().astype(np.uint8)
    for kind, pixels in drawn.items():
        with atomic_file(picture_path(folder, key, kind)) as draft:
            Image.fromarray(pixels).save(draft, quality=88)


def picture_path(folder: Path, key: str, kind: str) -> Path:
    """Return where a picture of one of `KINDS` is."""
    return folder / PICTURES / f"{key}.{kind}.jpg"


def _smaller(array: NDArray[Any], interpolation: int) -> NDArray[Any]:
    height, width = array.shape[:2]
    scale = SIDE / max(height, width)
    if scale >= 1:
        return array
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    return cv2.resize(array, size, interpolation=interpolation)
