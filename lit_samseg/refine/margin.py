"""How much likelier the baseline finds a class than any other."""

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.refine.cells import sample_nearest
from lit_samseg.refine.grid import Grid
from lit_samseg.refine.regions import Region

MASK_STRENGTH = 10.0
"""Logit of a mask prompt well inside and outside of a region (SPEC 1)."""


def margin_prompt(region: Region, grid: Grid, strength: float = MASK_STRENGTH) -> Tensor:
    """Return a mask prompt of what the baseline thinks: how much likelier the region's class is than any other.

    Args:
        region: The region; where another one of its class is, the margin is negative.
        grid: The image.
        strength: The largest margin.

    Returns:
        Natural logarithm of the ratio, in ``[-strength, strength]``, the least in the frame's padding; float32
        ``[mask_size, mask_size]``.
    """
    margin = class_margin(region.class_id, grid, strength)
    elsewhere = (grid.labels == region.class_id) & (sample_nearest(region.numbers, grid.frame) != region.number)
    margin = torch.where(elsewhere, -margin.abs(), margin)
    (height, width), side = grid.shape, grid.frame.mask_size
    return F.pad(margin, (0, side - width, 0, side - height), value=-strength)


def class_margin(class_id: int, grid: Grid, strength: float = MASK_STRENGTH) -> Tensor:
    """Return how much likelier the baseline finds a class than any other.

    Args:
        class_id: The class.
        grid: The image.
        strength: The largest margin.

    Returns:
        Natural logarithm of the ratio, in ``[-strength, strength]``, float32 ``[h, w]``.
    """
    own = (grid.classes == class_id)[:, None, None]
    likelihood = grid.log_probabilities
    # A class that is alone is as sure as can be.
    rivals = likelihood.masked_fill(own, -torch.inf).amax(0)
    return (likelihood.masked_fill(~own, -torch.inf).amax(0) - rivals).clamp(-strength, strength)
