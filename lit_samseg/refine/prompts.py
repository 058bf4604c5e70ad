"""Prompts from a region, part by part."""

from collections.abc import Sequence

from lit_samseg.refine.regions import Region
from lit_samseg.sam.interface import Prompt

MAX_POINTS = 16
MASK_STRENGTH = 10.0


def build_prompt(
    region: Region,
    recipe: Sequence[str],
    max_points: int = MAX_POINTS,
    mask_strength: float = MASK_STRENGTH,
) -> Prompt:
    """Build the prompt that a recipe makes of a region (SPEC 1).

    Args:
        region: What the prompt stands for.
        recipe: Parts out of ``point`` (centroid of the largest component), ``points`` (centroids of the components,
            largest first), ``box`` (tight, corners inclusive), ``mask`` (the region).
        max_points: At most this many points.
        mask_strength: Logit of the mask prompt well inside the region.
    """
    points = None
    if "points" in recipe:
        points = region.centroids[:max_points]
    elif "point" in recipe:
        points = region.centroids[:1]
    return Prompt(
        points=points,
        box=region.box if "box" in recipe else None,
        mask=region.mask if "mask" in recipe else None,
        mask_strength=mask_strength,
    )
