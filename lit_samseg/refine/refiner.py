"""The middle of the experiment: one label map and one encoded image in, a refined label map out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

import torch
from torch import Tensor

from lit_samseg.refine.merging import Canvas
from lit_samseg.refine.prompts import build_prompt
from lit_samseg.refine.regions import Region
from lit_samseg.refine.selection import select
from lit_samseg.refine.variant import Variant
from lit_samseg.sam.interface import Embedding, Prompt, PromptableSegmenter

REGIONS_AT_ONCE = 32
"""Bounds what is held of regions: a mask prompt is a bool ``[H, W]``, low-resolution logits take 0.8 MB."""


@dataclass(frozen=True)
class Decision:
    """What became of one region.

    Attributes:
        region: What was prompted for.
        prompt: The prompt made of it.
        candidates: SAM's masks, bool ``[M, H, W]``.
        scores: The IoU that SAM predicts for each, float32 ``[M]``.
        chosen: Index of the candidate that was kept, int64 scalar.
    """

    region: Region
    prompt: Prompt
    candidates: Tensor
    scores: Tensor
    chosen: Tensor


@torch.inference_mode()
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
) -> Tensor:
    """Refine a label map as a variant says (Qamar et al., 2023, Algorithm 1).

    Args:
        label_map: The baseline's, int64 ``[H, W]``.
        regions: The map's regions of the variant's kind (``find_regions``).
        embedding: The image as SAM's encoder sees it.
        sam: The promptable segmenter.
        variant: Recipe, region, selection and fill.
        background: Class that is never prompted, or None.
        target: Ground truth ``[H, W]``, only for the selection ``oracle``.
        ignore_index: Void label in ``target``; void pixels take no part in the oracle's choice.
        observe: Called with each region's `Decision`, by ascending class id; it holds ``M`` bool ``[H, W]``.

    Returns:
        int64 ``[H, W]``. Memory does not grow with classes or regions: beside `Canvas` and a decoder call, the
        largest are ``REGIONS_AT_ONCE`` bool ``[H, W]``.
    """
    canvas = Canvas(label_map, variant.fill, background)
    # Class by class, so that no more than one class's mask is held.
    ordered = sorted(regions, key=lambda region: region.class_id)
    some = [ordered[start : start + REGIONS_AT_ONCE] for start in range(0, len(ordered), REGIONS_AT_ONCE)]
    found = chain.from_iterable(_decide(part, embedding, sam, variant, target, ignore_index) for part in some)
    for class_id, decisions in groupby(found, _class_of):
        united = None
        for decision in decisions:
            if observe is not None:
                observe(decision)
            kept = decision.candidates.index_select(0, decision.chosen[None])[0]
            united = kept if united is None else united | kept
        if united is not None:
            canvas.paint(class_id, united)
    return canvas.finish()


def _class_of(decision: Decision) -> int:
    return decision.region.class_id


def _decide(
    regions: Sequence[Region],
    embedding: Embedding,
    sam: PromptableSegmenter,
    variant: Variant,
    target: Tensor | None,
    ignore_index: int,
) -> Iterator[Decision]:
    """Decode and choose for a few regions; what is held of them goes with the iterator."""
    prompts = [build_prompt(region, variant.recipe) for region in regions]
    candidates = sam.decode(embedding, prompts, variant.multimask)
    for index, region in enumerate(regions):
        masks, scores = candidates.masks(index), candidates.scores[index]
        if variant.selection == "oracle" and target is not None:
            truth = target == region.class_id
            chosen = select(masks & (target != ignore_index), scores, "oracle", region.mask, truth)
        else:
            chosen = select(masks, scores, variant.selection, region.mask)
        yield Decision(region, prompts[index], masks, scores, chosen)
