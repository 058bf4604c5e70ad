"""Regions of a label map: what a prompt stands for."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MIN_AREA = 20
"""A component with fewer pixels is a speck and gets no prompt of its own (SPEC 1)."""


@dataclass(frozen=True)
class Region:
    """A set of pixels of one class.

    Attributes:
        class_id: The class.
        numbers: integer ``[H, W]`` on the label map's device, shared by the regions of an image.
        number: What ``numbers`` has where the region is.
        box: float64 ``[4]``, x_min, y_min, x_max, y_max in pixels, corners inclusive.
        centroids: float64 ``[K, 2]`` as (x, y): mean pixel of each 8-connected component, components by
            descending area, then by first pixel in row-major order.
    """

    class_id: int
    numbers: Tensor
    number: int
    box: Tensor
    centroids: Tensor

    @property
    def mask(self) -> Tensor:
        """Bool ``[H, W]``, made anew at each call: masks of hundreds of regions at once would be gigabytes."""
        return self.numbers == self.number


def find_regions(label_map: Tensor, kind: str, background: int | None, min_area: int = MIN_AREA) -> list[Region]:
    """Find the regions that are prompted.

    Args:
        label_map: integer ``[H, W]``, class ids.
        kind: ``class`` (all pixels of a class, the paper's) or ``component`` (each 8-connected component of at least
            ``min_area`` pixels; a class without one is one region).
        background: Class that is never prompted, or None.
        min_area: In pixels.

    Returns:
        Regions by ascending class id, components of a class by descending area. Memory: one int32 ``[H, W]`` for all.
    """
    # Connected components are compiled CPU code; this copy is the only wait for the device per image.
    labels = label_map.cpu().numpy()
    numbers = np.zeros(labels.shape, np.int32)
    found: list[tuple[int, int, NDArray[np.float64], NDArray[np.float64]]] = []
    for class_id in np.unique(labels).tolist():
        if class_id == background:
            continue
        mask = labels == class_id
        components, boxes, areas, centroids = _components(mask)
        order = [i for i in range(len(areas)) if areas[i] >= min_area] if kind == "component" else []
        first = len(found) + 1
        if order:
            # Components too small for a prompt of their own belong to no region.
            kept = np.zeros(len(areas) + 1, np.int32)
            kept[np.array(order) + 1] = np.arange(first, first + len(order))
            numbers += kept[components]
            found += [(class_id, first + n, boxes[i], centroids[i : i + 1]) for n, i in enumerate(order)]
        else:
            numbers[mask] = first
            box = np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])
            found.append((class_id, first, box, centroids))
    shared = torch.from_numpy(numbers).to(label_map.device)
    return [
        Region(class_id, shared, number, torch.from_numpy(box), torch.from_numpy(centres))
        for class_id, number, box, centres in found
    ]


def _components(
    mask: NDArray[np.bool_],
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Label the 8-connected components of a mask from 1 on, largest first.

    Returns:
        Labels int32 ``[H, W]`` (0 outside), boxes float64 ``[K, 4]``, areas int64 ``[K]``, centroids float64 ``[K,
        2]``.
    """
    count, labels, stats, centroids = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    areas = stats[1:, cv2.CC_STAT_AREA].astype(np.int64)
    flat = labels.ravel()
    first_pixel = np.zeros(count, dtype=np.int64)
    # Written back to front, so that what stays is each component's first pixel.
    first_pixel[flat[::-1]] = np.arange(flat.size)[::-1]
    order = np.lexsort((first_pixel[1:], -areas))
    rank = np.zeros(count, dtype=np.int32)
    rank[1 + order] = np.arange(1, count, dtype=np.int32)
    low = stats[1:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]]
    extent = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    boxes = np.concatenate([low, low + extent - 1], axis=1).astype(np.float64)
    return rank[labels], boxes[order], areas[order], centroids[1:][order].astype(np.float64)
