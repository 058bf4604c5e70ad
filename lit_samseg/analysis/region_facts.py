"""What is known of regions before SAM is asked about them: one line of numbers each."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.analysis.tags import tag_regions
from lit_samseg.refine import Region
from lit_samseg.runtime.transfer import download, upload

FACTS = ("region", "class_id", "area", "x_min", "y_min", "x_max", "y_max", "tags", "before")
"""``region``: its place among those of its kind; ``before``: its IoU with its class's ground truth."""

K = TypeVar("K")


def describe_kinds(kinds: Mapping[K, Sequence[Region]], target: Tensor, ignore_index: int) -> dict[K, Tensor]:
    """Describe the regions of several kinds of one image.

    They are looked at on the CPU: a GPU is waited for once.

    Args:
        kinds: Regions as ``find_regions`` gives them.
        target: Ground truth, integer ``[H, W]``.
        ignore_index: Its void label.

    Returns:
        Of each kind float64 ``[len(regions), len(FACTS)]`` on the device of ``target``.
    """
    numbers = {kind: regions[0].numbers for kind, regions in kinds.items() if regions}
    truth, *on_host = (tensor.numpy() for tensor in download([target, *numbers.values()]))
    lines = {kind: np.zeros((len(regions), len(FACTS))) for kind, regions in kinds.items()}
    for kind, own in zip(numbers, on_host, strict=True):
        _describe(lines[kind], kinds[kind], own, truth, ignore_index)
    return dict(zip(lines, upload([torch.from_numpy(array) for array in lines.values()], target.device), strict=True))


def _describe(
    lines: NDArray[np.float64],
    regions: Sequence[Region],
    numbers: NDArray[np.integer],
    target: NDArray[np.integer],
    ignore_index: int,
) -> None:
    sizes = {class_id: int((target == class_id).sum()) for class_id in {region.class_id for region in regions}}
    lines[:, FACTS.index("tags")] = tag_regions(regions, numbers, target, ignore_index)
    for index, (region, line) in enumerate(zip(regions, lines, strict=True)):
        labels = target[region.in_box][numbers[region.in_box] == region.number]
        shared = int((labels == region.class_id).sum())
        seen = int((labels != ignore_index).sum())
        line[:3] = index, region.class_id, region.area
        line[3:7] = region.box
        line[FACTS.index("before")] = shared / max(1, seen + sizes[region.class_id] - shared)
