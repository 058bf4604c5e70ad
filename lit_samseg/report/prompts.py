"""What a row asks SAM, in words: what is drawn on the pictures, and what is not."""

from collections.abc import Mapping, Sequence
from typing import Any

from lit_samseg.gallery import ASKED, GalleryLegend

_DRAWN = (
    (("box", "wide", "cebox"), "a box"),
    (("point", "pole"), "a point (disc)"),
    (("points",), "points (discs)"),
    (("negative",), "a background point (cross)"),
)
_NOT_KEPT = ("pole", "negative", "wide", "cebox")
"""Words whose prompts galleries of earlier releases do not have."""


def describe_prompts(row: Mapping[str, Any], legend: GalleryLegend) -> str:
    """Say what a row asks SAM about each region.

    Args:
        row: One of the legend's.
        legend: The gallery's.

    Returns:
        A sentence; empty for the baseline.
    """
    recipe = row["recipe"]
    if not recipe:
        return "" if row["name"] == "baseline" else "No prompt: SAM is asked for no mask."
    parts = row["asks"] if "asks" in row else _parts_of_earlier_releases(recipe)
    sentence = f"Prompts of each region: {', '.join(parts)}."
    if row.get("rounds", 1) > 1:
        sentence += f" Those of the first of {row['rounds']} rounds; later ones are made of SAM's masks."
    lacking = [] if "asks" in row else [word for word in _NOT_KEPT if word in recipe]
    if lacking and legend.version < ASKED:
        sentence += f" The run is of an earlier release, which did not keep {', '.join(lacking)}: run it again."
    return sentence


def _parts_of_earlier_releases(recipe: Sequence[str]) -> list[str]:
    """Return what the words meant that were there before rows were made of open parts."""
    parts = [what for words, what in _DRAWN if set(words) & set(recipe)]
    return parts + [f"a mask ({word}, not drawn)" for word in ("mask", "margin", "gauss") if word in recipe]
