"""Variants with one thing made perfect: SAM is asked about regions of the ground truth, not the baseline's."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from lit_samseg.refine import Decision, ImageContext, Variant, refine_by_all
from lit_samseg.refine.prompt_parts import Box


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


def refine_with_true_boxes(
    context: ImageContext, true_context: ImageContext, variants: Sequence[Variant], prompted: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Refine with regions of the ground truth, about which SAM is asked by their boxes alone.

    Args:
        context: As for `refine_with_true_prompts`.
        true_context: Likewise.
        variants: The variants. Those that differ in nothing but their prompts come to the same, which is made once.
        prompted: What `refine_with_true_prompts` made of them.

    Returns:
        Integer ``[H, W]`` by name.
    """
    asked = {variant.name: replace(variant, name="", prompt=(Box(),)) for variant in variants}
    # A row that asks by boxes has been made already.
    made = {asked[v.name]: prompted[v.name] for v in variants if replace(v, name="") == asked[v.name]}
    missing = [replace(one, name=str(n)) for n, one in enumerate(dict.fromkeys(asked.values())) if one not in made]
    found = refine_with_true_prompts(context, true_context, missing) if missing else {}
    made |= {replace(one, name=""): found[one.name] for one in missing}
    return {name: made[one] for name, one in asked.items()}


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
