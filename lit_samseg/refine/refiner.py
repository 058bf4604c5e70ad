"""The middle of the experiment: one label map and one encoded image in, refined label maps out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import chain, groupby

import torch
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.refine.decision import Decider, Decision
from lit_samseg.refine.fusion import FusedScores
from lit_samseg.refine.grid import Grid
from lit_samseg.refine.learned_gate import LearnedGate
from lit_samseg.refine.merging import Canvas, unite
from lit_samseg.refine.prompt_requests import collect_questions
from lit_samseg.refine.regions import Region, find_regions_of_kinds
from lit_samseg.refine.variant import Fusion, Variant
from lit_samseg.sam.interface import Embedding, PromptableSegmenter
from lit_samseg.sam.thresholding import MaskWindow

QUESTIONS_AT_ONCE = 32
"""Bounds what is held of prompts: a mask prompt is a bool ``[H, W]``, low-resolution logits take 0.8 MB."""
FIELD_FIRST = Fusion(crf="densecrf")
"""What makes the label map that rows with ``ondensecrf`` refine."""


def refine(
    label_map: Tensor,
    regions: Sequence[Region],
    embedding: Embedding,
    sam: PromptableSegmenter,
    variant: Variant,
    background: int | None,
    target: Tensor | None = None,
    ignore_index: int = 255,
    observe: Callable[[Decision], None] | None = None,
    grid: Grid | None = None,
    gate: LearnedGate | None = None,
) -> Tensor:
    """Refine a label map as one variant says; see `refine_by_all`.

    Args:
        label_map: As there.
        regions: The map's regions of the variant's kind (``find_regions``).
        embedding: As there.
        sam: As there.
        variant: Recipe, region, selection and fill.
        background: As there.
        target: As there.
        ignore_index: As there.
        observe: Called with each region's `Decision`, by ascending class id.
        grid: As there.
        gate: As there.
    """
    note = None if observe is None else {variant.name: observe}
    given = {variant.region: regions}
    refined = refine_by_all(
        label_map, given, embedding, sam, [variant], background, target, ignore_index, note, grid, gate
    )
    return refined[variant.name]


@torch.inference_mode()
def refine_by_all(
    label_map: Tensor,
    regions: Mapping[str, Sequence[Region]],
    embedding: Embedding,
    sam: PromptableSegmenter,
    variants: Sequence[Variant],
    background: int | None,
    target: Tensor | None = None,
    ignore_index: int = 255,
    observe: Mapping[str, Callable[[Decision], None]] | None = None,
    grid: Grid | None = None,
    gate: LearnedGate | None = None,
) -> dict[str, Tensor]:
    """Refine a label map by every variant (Qamar et al., 2023, Algorithm 1); a prompt they share is decoded once.

    Args:
        label_map: The baseline's, signed integer ``[H, W]``. What is `lit_samseg.void.VOID` there stays so under the
            fill ``baseline`` where no mask claims it; rows that add up scores give it the likeliest class.
        regions: The map's regions by kind (``find_regions_of_kinds``).
        embedding: The image as SAM's encoder sees it.
        sam: The promptable segmenter.
        variants: Recipe, region, selection and fill of each row.
        background: Class that is never prompted, or None.
        target: Ground truth ``[H, W]``, only for the selection ``oracle``.
        ignore_index: Void label in ``target``; void pixels take no part in the oracle's choice.
        observe: By a variant's name, what is called with each of its regions' `Decision`, by ascending class id.
        grid: The image and what the baseline thinks of it, for variants that add up scores, refine a field's map, or
            have a learned gate.
        gate: Decides for variants that are ``learned``.

    Returns:
        By name, integer ``[H, W]`` like ``label_map``. Memory does not grow with classes or regions: beside one
        `Canvas` a variant, a class's kept masks and a decoder call, the largest are the bool ``[H, W]`` of up to
        ``QUESTIONS_AT_ONCE`` mask prompts.

    Raises:
        InputError: SAM answered with NaN or infinity; ``observe`` may have seen it.
        ValueError: A variant needs a grid or a gate, and there is none.
    """
    if any(v.learned for v in variants) and (gate is None or grid is None):
        raise ValueError("variants that are learned need a gate and a grid")
    on_field = [replace(v, on_field=False) for v in variants if v.on_field]
    rest = [v for v in variants if not v.on_field]
    canvases = {v.name: Canvas(label_map, v.fill, background) for v in rest if v.fusion is None}
    features = cache(partial(sam.pixel_features, embedding))
    fused = {v.name: FusedScores(_grid_of(v.fusion, grid), v.fusion, features) for v in rest if v.fusion is not None}
    questions = collect_questions(rest, regions)
    some = [questions[start : start + QUESTIONS_AT_ONCE] for start in range(0, len(questions), QUESTIONS_AT_ONCE)]
    decider = Decider(embedding, sam, target, ignore_index, grid)
    decided = chain.from_iterable(map(decider.decide, some))
    # Class by class, so that no more than one class's masks are held.
    for class_id, decisions in groupby(decided, lambda pair: pair[1].region.class_id):
        kept: dict[str, list[MaskWindow]] = {}
        for variant, decision in decisions:
            if observe is not None and variant.name in observe:
                observe[variant.name](decision)
            if variant.fusion is not None:
                (logits,) = decision.logits.index_select(0, decision.chosen[None])
                fused[variant.name].add(decision.region.class_id, logits)
            else:
                kept.setdefault(variant.name, []).append(_painted(decision, variant, grid, gate))
        area = (label_map == class_id).sum()
        for name, windows in kept.items():
            canvases[name].paint(class_id, unite(windows), area)
    # Once an image, since a GPU is waited for. A mask of NaN would be an empty one like any other.
    if decider.finite and not torch.stack(decider.finite).all():
        raise InputError(
            f"SAM {sam.checkpoint} answers in {sam.precision} with NaN or infinity; use another checkpoint"
            + (", or --model.sam.precision bf16 or fp32" if sam.precision == "fp16" else "")
        )
    refined = {name: canvas.finish() for name, canvas in canvases.items()}
    refined |= {name: scores.finish().to(label_map.dtype) for name, scores in fused.items()}
    if on_field:
        field = FusedScores(_grid_of(FIELD_FIRST, grid), FIELD_FIRST, features).finish().to(label_map.dtype)
        found = find_regions_of_kinds(field, {v.region for v in on_field}, background)
        refined |= refine_by_all(field, found, embedding, sam, on_field, background, target, ignore_index, observe)
    return {v.name: refined[v.name] for v in variants}


def _painted(decision: Decision, variant: Variant, grid: Grid | None, gate: LearnedGate | None) -> MaskWindow:
    """Return what a variant paints of a region: SAM's mask, or the region."""
    if variant.learned:
        assert gate is not None and grid is not None, "checked at the start"  # noqa: PT018
        return decision.kept_where(gate.keeps(decision, grid))
    return decision.kept_if(variant.gate) if variant.gate else decision.kept


def _grid_of(fusion: Fusion, grid: Grid | None) -> Grid:
    own = grid.pixels if grid is not None and fusion.crf == "densecrf" else grid
    if own is None:
        raise ValueError("variants that add up scores, or refine a field's map, need a grid")
    return own
