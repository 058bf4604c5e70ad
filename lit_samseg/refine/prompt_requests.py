"""What is asked of SAM for an image: every prompt of every row once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from lit_samseg.refine.prompts import build_prompt
from lit_samseg.refine.regions import Region
from lit_samseg.refine.variant import MASKS, Variant


@dataclass
class Question:
    """One prompt, and the rows and regions it is asked for.

    Attributes:
        region: What the prompt is made of.
        recipe: Its parts.
        multimask: Whether SAM's three candidates are asked for.
        askers: Variants with their regions. These have this question's class, and, where the recipe has a mask, its
            pixels; a point may come from a class as well as from its largest component.
    """

    region: Region
    recipe: tuple[str, ...]
    multimask: bool
    askers: list[tuple[Variant, Region]] = field(default_factory=list)


def collect_questions(variants: Sequence[Variant], regions: Mapping[str, Sequence[Region]]) -> list[Question]:
    """Collect the prompts of all variants; equal ones become one question.

    Args:
        variants: The rows.
        regions: Regions of one label map by kind.

    Returns:
        Questions by ascending class id; of a class in the order of the variants and their regions.
    """
    questions: dict[object, Question] = {}
    for variant in (variant for variant in variants if variant.recipe):
        for region in regions[variant.region]:
            key = _key(region, variant)
            question = questions.setdefault(key, Question(region, variant.recipe, variant.multimask))
            question.askers.append((variant, region))
    return sorted(questions.values(), key=lambda question: question.region.class_id)


def _key(region: Region, variant: Variant) -> object:
    """Return what two prompts have in common if and only if SAM would see no difference."""
    prompt = build_prompt(region, [part for part in variant.recipe if part not in MASKS])
    # Made of every pixel; others only of the places that are compared.
    masks = [(part, region.pixels) for part in variant.recipe if part in (*MASKS, "cebox")]
    places = (prompt.points, prompt.negative_points, prompt.box)
    # Of one class only, so that a class's masks can be painted and let go before the next one's are made.
    return region.class_id, *map(_bytes, places), *masks, variant.multimask


def _bytes(coordinates: Tensor | None) -> bytes | None:
    return None if coordinates is None else coordinates.numpy().tobytes()
