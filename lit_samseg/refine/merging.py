"""Kept masks become a label map."""

from collections.abc import Mapping

import torch
from torch import Tensor

from lit_samseg.refine.selection import intersection_over_union


def merge(class_masks: Mapping[int, Tensor], label_map: Tensor, fill: str, background: int | None) -> Tensor:
    """Merge one mask per class into a label map (SPEC 1, Merging).

    A class's key is the IoU of its mask with its region in ``label_map``. Where masks overlap the larger key wins,
    on equal keys the lower class id. This is painting in ascending key, written so that no order of classes can matter.

    Args:
        class_masks: The united kept masks of each prompted class, bool ``[H, W]``.
        label_map: The baseline's, integer ``[H, W]``.
        fill: ``background`` or ``baseline``: what pixels get that no mask claims.
        background: The background class, or None.

    Returns:
        A new label map, like ``label_map``. Without any class it equals ``label_map``. Largest tensor: float64 ``[H,
        W]``.

    Raises:
        ValueError: ``fill`` is ``background`` and there is none.
    """
    if not class_masks or fill == "baseline":
        merged = label_map.clone()
    elif background is None:
        raise ValueError("fill 'background' needs a background class")
    else:
        merged = torch.full_like(label_map, background)
    best = torch.full(label_map.shape, -1.0, dtype=torch.float64, device=label_map.device)
    for class_id in sorted(class_masks):
        mask = class_masks[class_id]
        key = intersection_over_union(mask[None], label_map == class_id)
        # Ascending ids and a strict comparison: on a tie the lower id, which came first, stays on top.
        wins = mask & (key > best)
        merged = torch.where(wins, class_id, merged)
        best = torch.where(wins, key, best)
    return merged
