"""What a decoder's answers are compared with: SAM's own losses, void left out."""

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from lit_samseg.sam.frame import Frame

FOCAL_WEIGHT = 20.0
"""Of the focal loss beside dice (Kirillov et al., 2023, appendix A)."""
EVEN = -1.0
"""torchvision's word for no ``alpha``."""
BORDER_WIDTH = 5
"""Cells whose neighbourhood of this width holds both mask and ground are at the border."""


def target_shares(masks: Tensor, known: Tensor, frame: Frame) -> tuple[Tensor, Tensor]:
    """Bring true masks to SAM's low-resolution grid.

    Args:
        masks: bool ``[N, H, W]``.
        known: Where the ground truth says anything, bool ``[N, H, W]``.
        frame: The image's.

    Returns:
        The mask's share of what is known of each cell, and how much is known of it, both float32
        ``[N, mask_size, mask_size]`` in 0..1; 0 in the frame's padding.
    """
    weights = _into_cells(known, frame)
    shares = _into_cells(masks & known, frame) / weights.clamp(min=1e-6)
    return shares.clamp(max=1), weights


def mask_losses(logits: Tensor, target: Tensor, weights: Tensor, border: float = 0.0, alpha: float = EVEN) -> Tensor:
    """Focal and dice loss, 20 to 1, of each mask.

    Args:
        logits: float ``[N, M, h, w]``.
        target: float32 ``[N, h, w]``, from `target_shares`.
        weights: float32 ``[N, h, w]``, likewise.
        border: How much more the focal loss of cells at the target's border counts.
        alpha: Of the focal loss, the part of what is in the target; `EVEN` counts all cells alike.

    Returns:
        float32 ``[N, M]``.
    """
    logits, wanted, known = logits.float(), target[:, None].expand_as(logits), weights[:, None]
    counted = known * (1 + border * _at_border(target)[:, None]) if border else known
    focal = sigmoid_focal_loss(logits, wanted, alpha=alpha)
    focal = (focal * counted).sum((2, 3)) / counted.sum((2, 3)).clamp(min=1)
    chance = logits.sigmoid() * known
    overlap = (chance * wanted).sum((2, 3))
    dice = 1 - (2 * overlap + 1) / (chance.sum((2, 3)) + (wanted * known).sum((2, 3)) + 1)
    losses: Tensor = FOCAL_WEIGHT * focal + dice
    return losses


@torch.no_grad()
def true_ious(logits: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Return the IoU of each mask with its target, which the IoU head is to say; of nothing and nothing it is 1.

    Args:
        logits: As for `mask_losses`.
        target: As for `mask_losses`.
        weights: As for `mask_losses`.

    Returns:
        float32 ``[N, M]``.
    """
    known = (weights > 0.5)[:, None]
    found, wanted = (logits > 0) & known, (target > 0.5)[:, None] & known
    union = (found | wanted).sum((2, 3))
    return torch.where(union > 0, (found & wanted).sum((2, 3)) / union.clamp(min=1), 1.0)


def sam_loss(
    logits: Tensor,
    scores: Tensor,
    target: Tensor,
    weights: Tensor,
    border: float = 0.0,
    alpha: float = EVEN,
    alive: float = 0.0,
) -> Tensor:
    """SAM's loss of prompts: the single mask's, the best of the three candidates', and the IoU head's.

    Args:
        logits: float ``[N, 4, h, w]``, the single mask first.
        scores: Predicted IoU, float ``[N, 4]``.
        target: As for `mask_losses`.
        weights: As for `mask_losses`.
        border: As for `mask_losses`.
        alpha: As for `mask_losses`.
        alive: Weight of all candidates beside the best one's; from scratch, some would never learn without.

    Returns:
        float32 ``[N]``.
    """
    losses = mask_losses(logits, target, weights, border, alpha)
    errors = (scores.float() - true_ious(logits, target, weights)).square()
    # Only the best of the candidates learns: so they stay different (Kirillov et al., 2023, appendix A).
    best = losses[:, 1:].amin(1)
    if alive:
        best = best + alive * losses[:, 1:].mean(1)
    return losses[:, 0] + best + errors.sum(1)


def _into_cells(planes: Tensor, frame: Frame) -> Tensor:
    """Return the share of each cell that is set, float32 ``[N, mask_size, mask_size]``."""
    inside = F.interpolate(planes[:, None].float(), frame.resized, mode="bilinear", align_corners=False)
    return F.interpolate(frame.pad(inside), (frame.mask_size, frame.mask_size), mode="area")[:, 0]


def _at_border(target: Tensor) -> Tensor:
    around = BORDER_WIDTH // 2
    most = F.max_pool2d(target[:, None], BORDER_WIDTH, 1, around)
    least = -F.max_pool2d(-target[:, None], BORDER_WIDTH, 1, around)
    return (most - least)[:, 0]
