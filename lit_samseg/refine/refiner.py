"""The middle of the experiment: one image in, refined label maps out."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import chain, repeat
from typing import TypeVar

import torch
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.refine.asking import REQUESTS_AT_ONCE, directly
from lit_samseg.refine.blame import blaming, check_tensor
from lit_samseg.refine.certainty import MaskConfidence
from lit_samseg.refine.class_scores import ClassScores, certain
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.decider import Decider
from lit_samseg.refine.decision import Decision
from lit_samseg.refine.kinds import Gate
from lit_samseg.refine.map_kinds import Belief, Composer, Composition, Start
from lit_samseg.refine.part import Part
from lit_samseg.refine.prompt_requests import collect_requests
from lit_samseg.refine.variant import Variant
from lit_samseg.void import VOID

Observers = Mapping[str, Callable[[Decision], None]]

T = TypeVar("T")


def refine(context: ImageContext, variant: Variant, observe: Callable[[Decision], None] | None = None) -> Tensor:
    """Refine a label map as one variant says; see `refine_by_all`.

    Args:
        context: The image.
        variant: The row.
        observe: Called with each region's `Decision`, by ascending class id.
    """
    return refine_by_all(context, [variant], None if observe is None else {variant.name: observe})[variant.name]


def refine_scores(context: ImageContext, variant: Variant) -> ClassScores:
    """Tell how likely each class is after refinement, for whoever has more to say about the image.

    A row that paints is certain of its label map. See `refine_by_all` for what is raised.

    Args:
        context: The image.
        variant: The row.

    Returns:
        Scores whose label map is the row's but for classes that are equally likely to the last bit. Memory: float32
        ``[A, H, W]`` of the classes that may be in the image.
    """
    return _compose(context, [variant], None, _scored)[variant.name]


def refine_with_confidence(
    context: ImageContext, variant: Variant, observe: Callable[[Decision], None] | None = None
) -> tuple[Tensor, Tensor]:
    """Refine a label map, and tell how sure the new one is of each pixel; see `refine_by_all` for the rest.

    Args:
        context: The image.
        variant: The row.
        observe: Called with each region's `Decision`, by ascending class id.

    Returns:
        The row's label map, and float32 ``[H, W]`` in 0..1 (`lit_samseg.refine.certainty`).
    """
    masks = None if variant.adds_scores else MaskConfidence(context)

    def watch(decision: Decision) -> None:
        if observe is not None:
            observe(decision)
        if masks is not None:
            masks.add(decision)

    label_map, known = _compose(context, [variant], {variant.name: watch}, _confident)[variant.name]
    if known is not None:
        return label_map, known
    assert masks is not None, "what adds scores knows it"
    return label_map, masks.of(label_map)


def refine_by_all(
    context: ImageContext, variants: Sequence[Variant], observe: Observers | None = None
) -> dict[str, Tensor]:
    """Refine a label map as several variants say; what they share is asked of SAM once.

    Args:
        context: The image.
        variants: The rows.
        observe: By a variant's name, what is called with each of its regions' `Decision`, by ascending class id.

    Returns:
        By name, integer ``[H, W]`` like the image's label map. Memory does not grow with classes or regions: beside one
        map a variant, a class's kept masks and a decoder call, the largest are the bool ``[H, W]`` of up to
        ``REQUESTS_AT_ONCE`` mask prompts.

    Raises:
        InputError: SAM answered with NaN or infinity, or a part from outside cannot be used; ``observe`` may have seen
            it.
        ValueError: A variant needs a learned gate or the ground truth, and there is none.
    """
    return _compose(context, variants, observe, _finished)


@torch.inference_mode()
def _compose(
    context: ImageContext,
    variants: Sequence[Variant],
    observe: Observers | None,
    finish: Callable[[Variant, Composition, ImageContext], T],
) -> dict[str, T]:
    if context.learned_gate is None and any(v.learned for v in variants):
        raise ValueError("variants that are learned need a gate and a grid")
    direct = directly(variants)
    compositions: dict[str, Composition] = {}
    for variant in direct:
        with _blaming_composer(variant):
            compositions[variant.name] = variant.begin(context)
    requests = collect_requests(direct, context)
    some = [requests[first : first + REQUESTS_AT_ONCE] for first in range(0, len(requests), REQUESTS_AT_ONCE)]
    decider = Decider(context)
    ahead = [context.take_ahead(tuple(direct))]
    # Class by class, so that a row that paints need not hold more than one class's masks.
    for variant, decision in chain.from_iterable(map(decider.decide, some, chain(ahead, repeat(None)))):
        if observe is not None and variant.name in observe:
            observe[variant.name](decision)
        if variant.gate is not None:
            decision = replace(decision, keeps=_keeps(variant.gate, decision, context))
        with _blaming_composer(variant):
            compositions[variant.name].add(decision)
    # Once an image, since a GPU is waited for. A mask of NaN would be an empty one like any other.
    if decider.finite and not torch.stack(decider.finite).all():
        sam = context.sam
        raise InputError(
            f"SAM {sam.checkpoint} answers in {sam.precision} with NaN or infinity; use another checkpoint"
            + (", or --model.sam.precision bf16 or fp32" if sam.precision == "fp16" else "")
        )
    refined = {v.name: finish(v, compositions[v.name], context) for v in direct}
    for beliefs in dict.fromkeys(v.beliefs for v in variants if v.beliefs):
        own = [replace(v, beliefs=()) for v in variants if v.beliefs == beliefs]
        refined |= _compose(_believing(beliefs, context), own, observe, finish)
    for start in dict.fromkeys(v.start for v in variants if v.start is not None):
        own = [replace(v, start=None) for v in variants if v.start == start]
        refined |= _compose(context.on(_start_map(start, context)), own, observe, finish)
    return {v.name: refined[v.name] for v in variants}


def _keeps(gate: Gate, decision: Decision, context: ImageContext) -> Tensor:
    if not gate.is_foreign:
        return gate.keeps(decision, context)
    with blaming(gate, f"for a region of class {decision.region.class_id}"):
        return check_tensor(gate, gate.keeps(decision, context), (), "its answer").bool()


def _finished(variant: Variant, composition: Composition, context: ImageContext) -> Tensor:
    """Return the label map, of the type of the image's."""
    with _blaming_composer(variant):
        refined = composition.finish()
    return _judged(_looked_at(refined, variant, context), variant, context)[0]


def _confident(variant: Variant, composition: Composition, context: ImageContext) -> tuple[Tensor, Tensor | None]:
    with _blaming_composer(variant):
        refined, known = composition.finish_with_confidence()
    refined, judged = _judged(_looked_at(refined, variant, context), variant, context)
    return refined, known if judged is None else judged


def _judged(refined: Tensor, variant: Variant, context: ImageContext) -> tuple[Tensor, Tensor | None]:
    """Return what a judge makes of a label map, of its type, and how sure it is; the map itself where there is none."""
    if variant.judge is None:
        return refined, None
    with blaming(variant.judge, "with a row's label map"):
        last, sure = variant.judge.judge(refined, context)
    if variant.judge.is_foreign:
        last = _checked_map(variant.judge, last, context)
        check_tensor(variant.judge, sure, tuple(refined.shape), "how sure it is")
    return last.to(refined.dtype), sure


def _looked_at(refined: Tensor, variant: Variant, context: ImageContext) -> Tensor:
    foreign = _foreign_composer(variant)
    if foreign is not None:
        refined = _checked_map(foreign, refined, context)
    return refined.to(context.label_map.dtype)


def _scored(variant: Variant, composition: Composition, context: ImageContext) -> ClassScores:
    with _blaming_composer(variant):
        scores = None if variant.judge is not None else composition.scores()
    return certain(_finished(variant, composition, context)) if scores is None else scores


def _believing(beliefs: Sequence[Belief], context: ImageContext) -> ImageContext:
    """Return the same image as somebody sees it who believes otherwise."""
    grid = context.grid
    for belief in beliefs:
        with blaming(belief, "with what is believed of an image"):
            grid = belief.revise(grid, context)
        if belief.is_foreign:
            check_tensor(belief, grid.log_probabilities, (len(grid.classes), *context.grid.shape), "log-probabilities")
    return context.believing(grid, any(belief.anew for belief in beliefs))


def _start_map(start: Start, context: ImageContext) -> Tensor:
    with blaming(start, "with the baseline's label map"):
        found = start.label_map(context)
    if start.is_foreign:
        found = _checked_map(start, found, context)
    return found.to(context.label_map.dtype)


def _checked_map(part: Part, given: object, context: ImageContext) -> Tensor:
    """Return what a part from outside gave, if it is a label map of the image."""
    label_map = check_tensor(part, given, tuple(context.label_map.shape), "its label map")
    if label_map.is_floating_point():
        raise InputError(f"{part.title} gives a label map of {label_map.dtype}; it must be of integers")
    low, high = torch.stack(label_map.aminmax()).tolist()
    if low < VOID or (context.num_classes is not None and high >= context.num_classes):
        there = "0 or more" if context.num_classes is None else f"0..{context.num_classes - 1}"
        raise InputError(f"{part.title} gives label {low if low < VOID else high}; labels are {there}, {VOID} for void")
    return label_map


def _foreign_composer(variant: Variant) -> Composer | None:
    return next((composer for composer in variant.composers if composer.is_foreign), None)


def _blaming_composer(variant: Variant) -> AbstractContextManager[None]:
    foreign = _foreign_composer(variant)
    return nullcontext() if foreign is None else blaming(foreign, "with the decisions about an image")
