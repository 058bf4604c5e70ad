"""What a row's name means: ``RECIPE`` or ``RECIPE@REGION/SELECTION/FILL``."""

from collections.abc import Sequence
from dataclasses import dataclass

from lit_samseg.errors import InputError

# The order of the parts in a name and in SAM's token sequence.
PARTS = ("point", "points", "box", "mask")
REGIONS = ("class", "component")
SELECTIONS = ("iou", "score", "single", "oracle")
FILLS = ("background", "baseline")

PAPER_VARIANTS = ("point", "points", "box", "points+box", "points+box+mask")
"""The refined rows of the paper's Table 2 (Qamar et al., 2023)."""


@dataclass(frozen=True)
class Variant:
    """One way from a label map to a refined one; one row of the results.

    Attributes:
        name: The row's name in its shortest form.
        recipe: Parts of the prompt, a subset of ``PARTS`` in that order.
        region: ``class`` (the paper's) or ``component``.
        selection: ``iou`` (the paper's), ``score``, ``single`` or ``oracle``.
        fill: What pixels get that no mask claims: ``background`` or the ``baseline``'s label.
    """

    name: str
    recipe: tuple[str, ...]
    region: str
    selection: str
    fill: str

    @property
    def multimask(self) -> bool:
        """Whether SAM is asked for its three candidates."""
        return self.selection != "single"


def parse_variant(text: str, has_background: bool) -> Variant:
    """Parse a variant's text.

    Args:
        text: For example ``points+box``, ``box@component``, ``box@class/score``, ``box@class/iou/baseline``.
        has_background: Whether the data set has a background class; then it is the default fill, else ``baseline`` is.

    Raises:
        InputError: A word is unknown or stands twice; the message lists the words there are.
    """
    recipe_text, at, rest = text.strip().partition("@")
    recipe = _parse_recipe(recipe_text, text)
    defaults = [REGIONS[0], SELECTIONS[0], "background" if has_background else "baseline"]
    words = rest.split("/") if at else []
    if len(words) > len(defaults):
        raise InputError(f"variant {text!r}: at most @REGION/SELECTION/FILL may follow the recipe")
    for word, choices, what in zip(words, (REGIONS, SELECTIONS, FILLS), ("region", "selection", "fill"), strict=False):
        if word not in choices:
            raise InputError(f"variant {text!r}: unknown {what} {word!r}; it is one of {', '.join(choices)}")
    if words[2:] == ["background"] and not has_background:
        raise InputError(f"variant {text!r}: this data set has no background class to fill with")
    chosen = words + defaults[len(words) :]
    name = "+".join(recipe)
    spoken = 3
    while spoken and chosen[spoken - 1] == defaults[spoken - 1]:
        spoken -= 1
    if spoken:
        name += "@" + "/".join(chosen[:spoken])
    region, selection, fill = chosen
    return Variant(name, recipe, region, selection, fill)


def parse_variants(texts: Sequence[str], has_background: bool) -> list[Variant]:
    """Parse a list of variants; ``baseline`` may be among them and is left out, since it is always a row.

    Raises:
        InputError: A variant cannot be parsed, or two of them mean the same.
    """
    variants = [parse_variant(text, has_background) for text in texts if text.strip() != "baseline"]
    names = [variant.name for variant in variants]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"variants: {twice[0]!r} is listed more than once; a row is computed once")
    return variants


def _parse_recipe(recipe: str, text: str) -> tuple[str, ...]:
    parts = [part.strip() for part in recipe.split("+")]
    for part in parts:
        if part not in PARTS:
            raise InputError(
                f"variant {text!r}: unknown recipe {part!r}; a recipe is a sum of {', '.join(PARTS)}, "
                "e.g. points+box+mask"
            )
    if len(set(parts)) < len(parts):
        raise InputError(f"variant {text!r}: the recipe names a part twice")
    if {"point", "points"} <= set(parts):
        raise InputError(f"variant {text!r}: 'points' already holds 'point'; write one of them")
    return tuple(part for part in PARTS if part in parts)
