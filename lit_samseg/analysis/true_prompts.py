"""Variants with one thing made perfect: regions of the ground truth are prompted, not the baseline's."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from lit_samseg.refine import Decision, ImageContext, Variant, refine_by_all


def refine_with_true_prompts(
    context: ImageContext, true_context: ImageContext, variants: Sequence[Variant]
) -> dict[str, Tensor]:
    """Refine as each variant says, with regions of the ground truth.

    Args:
        context: The image with the baseline's label map: what unclaimed pixels get under the fill ``baseline``.
        true_context: The image with the ground truth without void (`without_void`) as its label map.
        variants: The variants; the selection ``oracle`` compares with the true region, as ``iou`` does.

    Returns:
        Integer ``[H, W]`` by name.
    """
    true_map = true_context.label_map
    # The ground truth prompts; it does not fill.
    filled = [variant.name for variant in variants if variant.fill != "background"]
    claimed = {name: torch.zeros_like(true_map, dtype=torch.bool) for name in filled}

    def note(name: str, decision: Decision) -> None:
        kept = decision.kept
        claimed[name][kept.area].logical_or_(kept.masks[0])

    merged = refine_by_all(true_context, variants, {name: partial(note, name) for name in filled})
    return {
        name: torch.where(claimed[name], label_map, context.label_map) if name in claimed else label_map
        for name, label_map in merged.items()
    }


def without_void(target: Tensor, dtype: torch.dtype, background: int | None, ignore_index: int) -> tuple[Tensor, int]:
    """Return the ground truth ``[H, W]`` with void as a class that is never prompted, and that class.

    Args:
        target: Integer ``[H, W]``.
        dtype: The type of other label maps; a wider one is taken where that class does not fit.
        background: Class that is never prompted, or None.
        ignore_index: Void label of ``target``.
    """
    unprompted = ignore_index if background is None else background
    fitting = dtype if unprompted <= torch.iinfo(dtype).max else torch.int64
    return torch.where(target == ignore_index, unprompted, target.to(fitting)), unprompted
