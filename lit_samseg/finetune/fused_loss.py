"""Cross-entropy of the scores that a row with ``fuse`` adds up: classes compete, as they do in the row."""

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.finetune.training_prompts import Exercises
from lit_samseg.refine import Grid
from lit_samseg.refine.cells import sample_nearest
from lit_samseg.refine.fusion import Fuse


def fused_loss(logits: Tensor, exercises: Exercises, grid: Grid, target: Tensor, fuse: Fuse) -> Tensor | None:
    """Return the mean over the cells whose class takes part.

    Args:
        logits: SAM's answers to the exercises, float ``[N, mask_size, mask_size]``.
        exercises: What was asked.
        grid: What the guess thinks of each cell; ``A`` classes take part.
        target: Ground truth, integer ``[H, W]``, with any void label.
        fuse: The row's part, with the weight of SAM's logits.

    Returns:
        A scalar; None where no cell's true class takes part.
    """
    height, width = grid.shape
    truth = sample_nearest(target, grid.frame)
    # The place of each cell's class among those that take part; -1 for others and void.
    places = (truth == grid.classes[:, None, None]).long()
    wanted = torch.where(places.any(0), places.argmax(0), -1)
    if not (wanted >= 0).any():
        return None
    evidence: dict[int, Tensor] = {}
    for region, own in zip(exercises.regions, logits.float(), strict=True):
        sure = own[:height, :width].clamp(-fuse.surest, fuse.surest)
        known = evidence.get(region.class_id)
        evidence[region.class_id] = sure if known is None else torch.maximum(known, sure)
    classes = grid.classes.tolist()
    nothing = torch.zeros_like(grid.log_probabilities[0])
    added = torch.stack([evidence.get(class_id, nothing) for class_id in classes])
    return F.cross_entropy((grid.log_probabilities + fuse.weight * added)[None], wanted[None], ignore_index=-1)
