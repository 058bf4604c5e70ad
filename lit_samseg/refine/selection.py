"""Which of SAM's candidates is kept."""

import torch
from torch import Tensor


def intersection_over_union(masks: Tensor, reference: Tensor) -> Tensor:
    """IoU of masks with one reference, from exact pixel counts.

    Args:
        masks: bool ``[M, H, W]``.
        reference: bool ``[H, W]``.

    Returns:
        float64 ``[M]``; 0 where both are empty. Equal fractions give equal numbers, so ties are exact.
    """
    intersection = (masks & reference).sum((-2, -1))
    union = (masks | reference).sum((-2, -1))
    return intersection.double() / union.clamp(min=1).double()


def select(masks: Tensor, scores: Tensor, selection: str, region: Tensor, truth: Tensor | None = None) -> Tensor:
    """Choose one candidate; ties go to the lower index.

    Args:
        masks: Candidates, bool ``[M, H, W]`` at the original resolution.
        scores: The IoU that SAM predicts, float ``[M]``.
        selection: ``iou`` (IoU with the region; the paper's), ``score``, ``single`` (there is one candidate) or
            ``oracle`` (IoU with the ground truth; an analysis, never a result).
        region: bool ``[H, W]``.
        truth: For ``oracle``: the class's ground-truth mask, bool ``[H, W]``.

    Returns:
        The index, an int64 scalar on the masks' device (nothing waits for it).

    Raises:
        ValueError: ``oracle`` without ground truth.
    """
    if selection == "single":
        return torch.zeros((), dtype=torch.int64, device=masks.device)
    if selection == "score":
        return _first_maximum(scores)
    if selection == "oracle":
        if truth is None:
            raise ValueError("selection 'oracle' needs the ground truth")
        return _first_maximum(intersection_over_union(masks, truth))
    return _first_maximum(intersection_over_union(masks, region))


def _first_maximum(values: Tensor) -> Tensor:
    """Index of the first largest value; ``argmax`` does not promise which of equal ones it returns."""
    positions = torch.arange(len(values), device=values.device)
    return torch.where(values == values.max(), positions, len(values)).min()
