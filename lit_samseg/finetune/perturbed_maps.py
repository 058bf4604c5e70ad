"""Ground truth made as wrong as a segmenter's label maps are, so that a few hundred images go a long way."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Corruption = Callable[[Mask, np.random.Generator], Mask]

LEAST_AREA = 20
"""In pixels; of a smaller region nobody would ask."""


def coarsened(mask: Mask, rng: np.random.Generator, most: int = 32) -> Mask:
    """Return the mask as a network of stride 8 to ``most`` gives it: blocks with blurred corners, swollen or shrunk."""
    height, width = mask.shape
    block = int(rng.integers(8, most + 1))
    cells = (max(1, width // block), max(1, height // block))
    small = np.asarray(cv2.resize(mask.astype(np.float32), cells, interpolation=cv2.INTER_AREA), np.float32)
    small += np.float32(0.12) * (2 * rng.random(small.shape, np.float32) - 1)
    shares = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    coarse: Mask = shares > rng.uniform(0.25, 0.55)
    return coarse


def dilated(mask: Mask, rng: np.random.Generator) -> Mask:
    """Return the mask grown by up to an eighth of its extent."""
    return np.asarray(cv2.dilate(mask.astype(np.uint8), _disc(mask, rng))).astype(bool)


def eroded(mask: Mask, rng: np.random.Generator) -> Mask:
    """Return the mask shrunk by up to an eighth of its extent."""
    return np.asarray(cv2.erode(mask.astype(np.uint8), _disc(mask, rng), borderValue=1)).astype(bool)


def cut(mask: Mask, rng: np.random.Generator) -> Mask:
    """Return the mask without what lies in a rectangle of half its extent that lies over its border or end."""
    rows, columns = np.nonzero(mask)
    place = int(rng.integers(len(rows)))
    reach = [max(1.0, (int(side.max()) - int(side.min()) + 1) / 4) for side in (rows, columns)]
    y, x = int(rows[place]), int(columns[place])
    kept = mask.copy()
    top, left = (max(0, round(at - step)) for at, step in zip((y, x), reach, strict=True))
    kept[top : round(y + reach[0]) + 1, left : round(x + reach[1]) + 1] = False
    return kept


def spilled(mask: Mask, rng: np.random.Generator) -> Mask:
    """Return the mask with an ellipse over its border, as a neighbour that was taken for a part of it."""
    rows, columns = np.nonzero(mask)
    place = int(rng.integers(len(rows)))
    reach = [max(1, (int(side.max()) - int(side.min()) + 1) // int(rng.integers(4, 9))) for side in (columns, rows)]
    more = mask.astype(np.uint8)
    cv2.ellipse(more, (int(columns[place]), int(rows[place])), (reach[0], reach[1]), 0, 0, 360, 1, -1)
    return more.astype(bool)


CORRUPTIONS: tuple[Corruption, ...] = (coarsened, dilated, eroded, cut, spilled)


def corrupted(mask: Mask, rng: np.random.Generator) -> Mask:
    """Return a mask with one or two things wrong with it.

    Args:
        mask: bool ``[H, W]``, with at least one pixel.
        rng: Draws what is wrong, and how much.

    Returns:
        bool ``[H, W]``; the mask itself where less than `LEAST_AREA` pixels would be left.
    """
    wrong = mask
    for index in rng.permutation(len(CORRUPTIONS))[: int(rng.integers(1, 3))]:
        tried = CORRUPTIONS[int(index)](wrong, rng)
        if int(tried.sum()) >= LEAST_AREA:
            wrong = tried
    return wrong


def corrupted_label_map(
    target: NDArray[np.integer], background: int, ignore_index: int, rng: np.random.Generator
) -> NDArray[np.integer]:
    """Return a label map of corrupted masks of the ground truth's classes, painted in a random order.

    Args:
        target: integer ``[H, W]``.
        background: What void, and what no mask covers, becomes.
        ignore_index: Void label in ``target``.
        rng: Draws.
    """
    wrong = np.full_like(target, background)
    classes = [c for c in np.unique(target).tolist() if c not in (background, ignore_index)]
    for class_id in rng.permutation(np.array(classes, np.int64)).tolist():
        wrong[corrupted(target == class_id, rng)] = class_id
    return wrong


def _disc(mask: Mask, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a disc of a radius of up to an eighth of the mask's shorter extent, at least 1."""
    extent = min(int(side.max()) - int(side.min()) + 1 for side in np.nonzero(mask))
    radius = int(rng.integers(1, max(1, extent // 8) + 1))
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)
