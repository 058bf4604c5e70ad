"""Comparing and counting pixels: on a CPU by numpy, many times faster than by torch, with the same results."""

import math

import numpy as np
import torch
from torch import Tensor


def has_label(label_map: Tensor, label: int) -> Tensor:
    """Return where a map ``[..., H, W]`` of integers has a label, bool like it."""
    if label_map.device.type != "cpu":
        return label_map == label
    return torch.from_numpy(label_map.numpy() == label)


def count_set(masks: Tensor) -> Tensor:
    """Return how many pixels of each mask ``[..., H, W]`` are set, int64 ``[...]`` on its device."""
    if masks.device.type != "cpu":
        return masks.sum((-2, -1))
    planes = masks.numpy().reshape(math.prod(masks.shape[:-2]), *masks.shape[-2:])
    return torch.tensor([np.count_nonzero(plane) for plane in planes]).view(masks.shape[:-2])
