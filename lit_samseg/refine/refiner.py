"""The middle of the experiment: one label map and one encoded image in, a refined label map out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lit_samseg.refine.merging import merge
from lit_samseg.refine.prompts import build_prompt
from lit_samseg.refine.regions import Region
from lit_samseg.refine.selection import select
from lit_samseg.refine.variant import Variant
from lit_samseg.sam.interface import Embedding, Prompt, PromptableSegmenter


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
        observe: Called with each region's `Decision`, in their order; it holds ``M`` bool ``[H, W]``.

    Returns:
        int64 ``[H, W]``.
    """
    prompts = [build_prompt(region, variant.recipe) for region in regions]
    candidates = sam.decode(embedding, prompts, variant.multimask)
    class_masks: dict[int, Tensor] = {}
    for index, region in enumerate(regions):
        masks = candidates.masks(index)
        if variant.selection == "oracle" and target is not None:
            valid = target != ignore_index
            chosen = select(
                masks & valid,
                candidates.scores[index],
                "oracle",
                region.mask,
                target == region.class_id,
            )
        else:
            chosen = select(masks, candidates.scores[index], variant.selection, region.mask)
        if observe is not None:
            observe(Decision(region, prompts[index], masks, candidates.scores[index], chosen))
        kept = masks.index_select(0, chosen[None])[0]
        earlier = class_masks.get(region.class_id)
        class_masks[region.class_id] = kept if earlier is None else earlier | kept
    return merge(class_masks, label_map, variant.fill, background)
