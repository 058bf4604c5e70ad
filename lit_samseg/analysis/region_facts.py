"""What is known of regions before SAM is asked about them: one line of numbers each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lit_samseg.analysis.tags import tag_regions
from lit_samseg.refine import Region

FACTS = ("region", "class_id", "area", "x_min", "y_min", "x_max", "y_max", "tags", "before")
"""``region``: its place among those of its kind; ``before``: its IoU with its class's ground truth."""


def describe_regions(regions: Sequence[Region], target: NDArray[np.integer], ignore_index: int) -> NDArray[np.float64]:
    """Describe the regions of one kind of one image; a GPU is waited for once.

    Args:
        regions: As ``find_regions`` gives them.
        target: Ground truth, integer ``[H, W]``.
        ignore_index: Its void label.

    Returns:
        float64 ``[len(regions), len(FACTS)]``.
    """
    lines = np.zeros((len(regions), len(FACTS)))
    if not regions:
        return lines
    numbers = regions[0].numbers.cpu().numpy()
    sizes = {class_id: int((target == class_id).sum()) for class_id in {region.class_id for region in regions}}
    tags = tag_regions(regions, numbers, target, ignore_index)
    for index, (region, line) in enumerate(zip(regions, lines, strict=True)):
        labels = target[region.in_box][numbers[region.in_box] == region.number]
        shared = int((labels == region.class_id).sum())
        seen = int((labels != ignore_index).sum())
        line[:3] = index, region.class_id, region.area
        line[3:7] = region.box.numpy()
        line[7] = tags[index]
        line[8] = shared / max(1, seen + sizes[region.class_id] - shared)
    return lines
