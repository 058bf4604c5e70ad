"""Prompts become answers: of several images in one call of SAM's decoder, where that is faster."""

from collections.abc import Sequence

from lit_samseg.refine.answers import Answers
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.prompt_requests import PromptRequest, collect_requests
from lit_samseg.refine.prompts import build_prompt
from lit_samseg.refine.variant import Variant
from lit_samseg.sam.interface import Candidates

REQUESTS_AT_ONCE = 32
"""Bounds what is held of prompts: a mask prompt is a bool ``[H, W]``, low-resolution logits take 0.8 MB."""


def ask_ahead(contexts: Sequence[ImageContext], variants: Sequence[Variant]) -> None:
    """Ask SAM the first questions about several images together; `refine_by_all` finds the answers in the contexts.

    A GPU decodes them in one call. On a CPU, and where a part from outside may fail for one of the images, nothing is
    asked ahead.

    Args:
        contexts: Images whose regions are known.
        variants: The rows that will be made of each.

    Memory: what `REQUESTS_AT_ONCE` bounds, for each image.
    """
    direct = directly(variants)
    own = [part for variant in direct for part in variant.prompt]
    asked = [context for context in contexts if context.has_regions]
    if len(asked) < 2 or asked[0].image.device.type == "cpu" or any(part.is_foreign for part in own):
        return
    firsts = [collect_requests(direct, context)[:REQUESTS_AT_ONCE] for context in asked]
    for context, answers in zip(asked, ask(asked, firsts), strict=True):
        context.ahead = (tuple(direct), answers)


def directly(variants: Sequence[Variant]) -> list[Variant]:
    """Return the variants that refine the image's own label map, with what the baseline believes."""
    return [variant for variant in variants if variant.is_direct]


def ask(contexts: Sequence[ImageContext], requests: Sequence[Sequence[PromptRequest]]) -> list[Answers]:
    """Ask SAM about images.

    Args:
        contexts: The images, of one SAM.
        requests: What is asked of each.

    Returns:
        The answers about each.
    """
    prompts = [
        [build_prompt(request.parts, request.region, context) for request in own]
        for context, own in zip(contexts, requests, strict=True)
    ]
    found: list[dict[int, tuple[Candidates, int]]] = [{} for _ in contexts]
    # Three candidates and the single mask are other tokens of the decoder.
    for multimask in (True, False):
        places = [[n for n, request in enumerate(own) if request.multimask == multimask] for own in requests]
        images = [image for image, wanted in enumerate(places) if wanted]
        given = [(contexts[image].embedding, [prompts[image][n] for n in places[image]]) for image in images]
        if len(given) == 1:
            answers = [contexts[images[0]].sam.decode(*given[0], multimask)]
        else:
            answers = contexts[0].sam.decode_images(given, multimask) if given else []
        for image, candidates in zip(images, answers, strict=True):
            found[image] |= {n: (candidates, index) for index, n in enumerate(places[image])}
    return [Answers(*pair) for pair in zip(prompts, found, strict=True)]
