"""What a region of the baseline has against it, as the paper suspects (Qamar et al., 2023, Figure 3)."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from lit_samseg.refine import Region
from lit_samseg.refine.region_finders import Component

TAGS = ("multiple", "incomplete", "overlapping", "wrong class", "tiny")
"""In the order of their bits:

- ``multiple``: it covers at least half of more than one object of its class.
- ``incomplete``: it covers less than 80 % of the object of its class that it overlaps most.
- ``overlapping``: another region's box covers more than 10 % of its box.
- ``wrong class``: most of its pixels are of another class in the ground truth.
- ``tiny``: it has fewer than 32 x 32 pixels.

A region with none of them is ``clean``. An object is an 8-connected component of a class in the ground truth, of at
least 20 pixels; void pixels count nowhere.
"""

COVERED = 0.5
COMPLETE = 0.8
OVERLAP = 0.1
TINY = 32 * 32


def tag_regions(
    regions: Sequence[Region], numbers: NDArray[np.integer], target: NDArray[np.integer], ignore_index: int
) -> list[int]:
    """Tag the regions of one kind of one image.

    Args:
        regions: As ``find_regions`` gives them.
        numbers: Their ``numbers`` in host memory, integer ``[H, W]``.
        target: Ground truth likewise.
        ignore_index: Its void label.

    Returns:
        For each region the sum of ``1 << TAGS.index(tag)`` over its tags.
    """
    objects = {class_id: _objects(target == class_id) for class_id in {region.class_id for region in regions}}
    boxes = torch.stack([region.box for region in regions]).numpy() if regions else np.zeros((0, 4))
    crowded = _overlapping(boxes)
    tags = []
    for region, overlaps in zip(regions, crowded, strict=True):
        mask = numbers[region.in_box] == region.number
        labels = target[region.in_box][mask]
        labels = labels[labels != ignore_index]
        object_numbers, sizes = objects[region.class_id]
        covered = np.bincount(object_numbers[region.in_box][mask], minlength=len(sizes))[1:]
        sizes = sizes[1:]
        most = int(covered.argmax()) if covered.any() else None
        found = {
            "multiple": int((covered >= COVERED * sizes).sum()) > 1,
            "incomplete": most is not None and bool(covered[most] < COMPLETE * sizes[most]),
            "overlapping": bool(overlaps),
            "wrong class": not labels.size or int(np.bincount(labels).argmax()) != region.class_id,
            "tiny": region.area < TINY,
        }
        tags.append(sum(1 << TAGS.index(tag) for tag, holds in found.items() if holds))
    return tags


def names_of(tags: int) -> tuple[str, ...]:
    """Return the names of a sum of tags; ``clean`` where there is none."""
    return tuple(tag for bit, tag in enumerate(TAGS) if tags >> bit & 1) or ("clean",)


def _objects(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Number the objects of a class from 1 on; return the numbers ``[H, W]`` and the areas, that of no object first."""
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.int64)
    kept = areas >= Component().min_area
    kept[0] = False
    renumbered = np.zeros(count, np.int32)
    renumbered[kept] = np.arange(1, kept.sum() + 1, dtype=np.int32)
    return renumbered[numbers], np.concatenate([[0], areas[kept]])


def _overlapping(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which boxes ``[K, 4]`` (corners inclusive) another box covers by more than ``OVERLAP``."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.clip(high - low + 1, 0, None).prod(-1)
    area = (boxes[:, 2:] - boxes[:, :2] + 1).prod(-1)
    np.fill_diagonal(shared, 0)
    covered: NDArray[np.bool_] = (shared > OVERLAP * area[:, None]).any(1)
    return covered
