"""What is asked of SAM for an image: every prompt of every row once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.kinds import PromptPart
from lit_samseg.refine.prompts import build_prompt
from lit_samseg.refine.regions import Region
from lit_samseg.refine.variant import Variant


@dataclass
class PromptRequest:
    """One prompt, and the rows and regions it is asked for.

    Attributes:
        region: What the prompt is made of.
        parts: Its parts.
        multimask: Whether SAM's three candidates are asked for.
        askers: Variants with their regions. These have this request's class, and, where a part is made of every pixel,
            its pixels; a point may come from a class as well as from its largest component.
    """

    region: Region
    parts: tuple[PromptPart, ...]
    multimask: bool
    askers: list[tuple[Variant, Region]] = field(default_factory=list)


def collect_requests(variants: Sequence[Variant], context: ImageContext) -> list[PromptRequest]:
    """Collect the prompts of all variants; equal ones become one request.

    Args:
        variants: The rows.
        context: The image.

    Returns:
        Requests by ascending class id; of a class in the order of the variants and their regions.
    """
    requests: dict[object, PromptRequest] = {}
    for variant in (variant for variant in variants if variant.prompt):
        for region in context.regions(variant.finder):
            key = _key(region, variant, context)
            request = requests.setdefault(key, PromptRequest(region, variant.prompt, variant.multimask))
            request.askers.append((variant, region))
    return sorted(requests.values(), key=lambda request: request.region.class_id)


def _key(region: Region, variant: Variant, context: ImageContext) -> object:
    """Return what two prompts have in common if and only if SAM would see no difference."""
    prompt = build_prompt([part for part in variant.prompt if part.by_place], region, context)
    # Made of every pixel; others only of the places that are compared.
    others = [(part, region.pixels) for part in variant.prompt if not part.by_place]
    places = (prompt.points, prompt.negative_points, prompt.box)
    # Regions of one finder, and of all of this package's, are the same if their `pixels` are; others may not be.
    finder = variant.finder if variant.finder.is_foreign else None
    # Of one class only, so that a class's masks can be painted and let go before the next one's are made.
    return region.class_id, *map(_bytes, places), *others, variant.multimask, finder


def _bytes(coordinates: Tensor | None) -> bytes | None:
    return None if coordinates is None else coordinates.numpy().tobytes()
