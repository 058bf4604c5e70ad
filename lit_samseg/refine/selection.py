"""Which of SAM's candidates is kept."""

import torch
from torch import Tensor


def intersection_over_union(masks: Tensor, reference: Tensor, outside: int | Tensor = 0) -> Tensor:
    """IoU of masks with one reference, from exact pixel counts.

    Args:
        masks: bool ``[M, H, W]``; or of a window, outside of which nothing is set in them.
        reference: bool ``[H, W]``, or its part in that window.
        outside: Pixels of the reference outside the window.

    Returns:
        float64 ``[M]``; 0 where both are empty. Equal fractions give equal numbers, so ties are exact.
    """
    intersection = (masks & reference).sum((-2, -1))
    union = (masks | reference).sum((-2, -1)) + outside
    return intersection.double() / union.clamp(min=1).double()


def select(
    masks: Tensor,
    scores: Tensor,
    selection: str,
    region: Tensor,
    truth: Tensor | None = None,
    outside: int | Tensor = 0,
) -> Tensor:
    """Choose one candidate; ties go to the lower index.

    Args:
        masks: Candidates, bool ``[M, H, W]`` at the original resolution; or of a window, outside of which nothing is
            set in them.
        scores: The IoU that SAM predicts, float ``[M]``.
        selection: ``iou`` (IoU with the region; the paper's), ``score``, ``single`` (there is one candidate) or
            ``oracle`` (IoU with the ground truth; an analysis, never a result).
        region: bool ``[H, W]``, or its part in the window.
        truth: For ``oracle``: the class's ground-truth mask, bool ``[H, W]``, or its part in the window.
        outside: Pixels of what the selection compares with, the region or the truth, outside the window.

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
        return _first_maximum(intersection_over_union(masks, truth, outside))
    return _first_maximum(intersection_over_union(masks, region, outside))


def _first_maximum(values: Tensor) -> Tensor:
    """Index of the first largest value; ``argmax`` does not promise which of equal ones it returns.

    With a NaN among them there is none; the last index is still one that can be looked up, until it is noticed.
    """
    positions = torch.arange(len(values), device=values.device)
    return torch.where(values == values.max(), positions, len(values) - 1).min()
