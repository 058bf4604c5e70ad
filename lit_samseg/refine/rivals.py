"""Regions of classes that lose: the second likeliest class of a region, and classes that win nowhere."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lit_samseg.refine.cells import cells_to_image, sample_nearest
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.grid import Grid
from lit_samseg.refine.region_finders import Component
from lit_samseg.refine.regions import Region, find_regions
from lit_samseg.void import VOID

SECOND = 0.02
"""A region's second class has at least this probability there, on the mean."""
PEAK = 0.1
"""A class that wins nowhere is asked about if it is as likely as this somewhere."""
SHARE = 0.5
"""It is where it has at least this part of its largest probability."""


def rivals_of(context: ImageContext, regions: Sequence[Region]) -> list[Region]:
    """Return regions of their second likeliest classes, and of classes that are likely and nowhere first or second.

    Args:
        context: The image.
        regions: Of its label map.
    """
    seconds = second_classes(context, regions)
    asked = {region.class_id for region in seconds}
    return seconds + [region for region in left_out_classes(context) if region.class_id not in asked]


def second_classes(context: ImageContext, regions: Sequence[Region]) -> list[Region]:
    """Return regions as those of their second likeliest class, the background not counted.

    Args:
        context: The image.
        regions: Of its label map.

    Returns:
        The same pixels each, where there is such a class.
    """
    grid, found = context.grid, []
    shares = grid.log_probabilities.exp()
    for region in regions:
        inside = sample_nearest(region.numbers, grid.frame) == region.number
        out = grid.classes == region.class_id
        if context.background is not None:
            out = out | (grid.classes == context.background)
        if out.all() or not inside.any():
            continue
        means = shares[:, inside].mean(1).masked_fill(out, -1)
        if float(means.max()) >= SECOND:
            found.append(replace(region, class_id=int(grid.classes[means.max(0).indices])))
    return found


def left_out_classes(context: ImageContext) -> list[Region]:
    """Return the largest region of each class that is likely somewhere and wins nowhere, by ascending class."""
    grid, found = context.grid, []
    there = {context.background, *torch.unique(context.label_map).tolist()}
    for place, class_id in enumerate(grid.classes.tolist()):
        own = [] if class_id in there else _regions_of(grid, place, class_id)
        found += own[:1]
    return found


def _regions_of(grid: Grid, place: int, class_id: int) -> list[Region]:
    shares: Tensor = grid.log_probabilities[place].exp()
    if float(shares.max()) < PEAK:
        return []
    likely = cells_to_image((shares >= SHARE * shares.max()).float()[None], grid.frame)[0] > 0.5
    return find_regions(torch.where(likely, class_id, VOID).to(torch.int16), Component(), None)
