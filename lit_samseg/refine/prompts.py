"""Prompts from a region, part by part."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.refine.grid import Grid, sample_nearest
from lit_samseg.refine.prompt_geometry import context_box, widened_box
from lit_samseg.refine.regions import Region
from lit_samseg.sam.interface import Embedding, Prompt

MAX_POINTS = 16
MASK_STRENGTH = 10.0
GAUSS_STRENGTH, GAUSS_GAMMA = 30.0, 4.0
"""The mask prompt of SAMRefiner (Lin et al., ICLR 2025; defaults of its ``sam_refiner.py``)."""


def build_prompt(
    region: Region,
    recipe: Sequence[str],
    max_points: int = MAX_POINTS,
    mask_strength: float = MASK_STRENGTH,
    grid: Grid | None = None,
    embedding: Embedding | None = None,
) -> Prompt:
    """Build the prompt that a recipe makes of a region (SPEC 1).

    Args:
        region: What the prompt stands for.
        recipe: Parts out of ``point`` (centroid of the largest component), ``points`` (centroids of the components,
            largest first), ``pole`` (the largest component's innermost pixel), ``negative`` (a background point: the
            box's pixel farthest from the region, if there is one), ``box`` (tight, corners inclusive), ``wide``
            (`widened_box`), ``cebox`` (`context_box`), ``mask`` (the region), ``margin`` (`margin_prompt`), ``gauss``
            (the region, the surer the nearer to its innermost cell).
        max_points: At most this many points.
        mask_strength: Logit of ``mask`` well inside the region.
        grid: The image, for ``margin``.
        embedding: The image, for ``cebox``.
    """
    points = None
    if "points" in recipe:
        points = region.centroids[:max_points]
    elif "point" in recipe:
        points = region.centroids[:1]
    elif "pole" in recipe:
        points = region.pole
    box = region.box if "box" in recipe else None
    if "wide" in recipe:
        box = widened_box(region.box, *region.numbers.shape)
    elif "cebox" in recipe and embedding is not None:
        box = context_box(region.box, region.mask, embedding)
    gauss = "gauss" in recipe
    return Prompt(
        points=points,
        negative_points=region.negative if "negative" in recipe else None,
        box=box,
        mask=region.mask if gauss or "mask" in recipe else None,
        mask_strength=GAUSS_STRENGTH if gauss else mask_strength,
        mask_gamma=GAUSS_GAMMA if gauss else None,
        mask_logits=margin_prompt(region, grid) if "margin" in recipe and grid is not None else None,
    )


def margin_prompt(region: Region, grid: Grid) -> Tensor:
    """Return a mask prompt of what the baseline thinks: how much likelier the region's class is than any other.

    Args:
        region: The region; where another one of its class is, the margin is negative.
        grid: The image.

    Returns:
        Natural logarithm of the ratio, in ``[-MASK_STRENGTH, MASK_STRENGTH]``, the least in the frame's padding;
        float32 ``[mask_size, mask_size]``.
    """
    margin = class_margin(region.class_id, grid)
    elsewhere = (grid.labels == region.class_id) & (sample_nearest(region.numbers, grid.frame) != region.number)
    margin = torch.where(elsewhere, -margin.abs(), margin)
    (height, width), side = grid.shape, grid.frame.mask_size
    return F.pad(margin, (0, side - width, 0, side - height), value=-MASK_STRENGTH)


def class_margin(class_id: int, grid: Grid) -> Tensor:
    """Return how much likelier the baseline finds a class than any other.

    Args:
        class_id: The class.
        grid: The image.

    Returns:
        Natural logarithm of the ratio, in ``[-MASK_STRENGTH, MASK_STRENGTH]``, float32 ``[h, w]``.
    """
    own = (grid.classes == class_id)[:, None, None]
    likelihood = grid.log_probabilities
    # A class that is alone is as sure as can be.
    rivals = likelihood.masked_fill(own, -torch.inf).amax(0)
    return (likelihood.masked_fill(~own, -torch.inf).amax(0) - rivals).clamp(-MASK_STRENGTH, MASK_STRENGTH)
