"""What a prompt says of classes: which one is asked about, and what the baseline thinks of it and of all others."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.refine.cells import sample
from lit_samseg.refine.grid import Grid
from lit_samseg.sam.class_prompts import CELLS
from lit_samseg.sam.frame import Frame

RULED_OUT = 8.0
"""A class is ruled out where its log-probability is below minus this."""


def said_of_class(class_id: int, grid: Grid, planes: Tensor, known: int, closer: Tensor | None) -> dict[str, Any]:
    """Return what a prompt for a class says of classes, by the fields of `Prompt`.

    Args:
        class_id: The class that is asked about.
        grid: What the baseline thinks.
        planes: What it thinks of each known class (`planes_of_classes`).
        known: How many classes have names.
        closer: What the baseline thinks of each class at its second look (`planes_of_look`), if it is to be said.
    """
    own = grid.classes == class_id
    # A class that takes no part is ruled out, and so is the rival of one that is alone.
    pair = [_best(grid.log_probabilities, chosen) for chosen in (own, ~own)]
    said = [_planes(torch.stack(pair), grid), planes]
    if closer is not None:
        others = torch.cat([closer[:class_id], closer[class_id + 1 :]])
        said += [closer[class_id : class_id + 1], others.amax(0, keepdim=True), closer[:known]]
    beliefs = torch.cat(said)
    return {"class_id": class_id if class_id < known else None, "beliefs": beliefs}


def planes_of_classes(grid: Grid, known: int) -> Tensor:
    """Return how likely each known class is where.

    Args:
        grid: What the baseline thinks.
        known: How many classes there are planes for.

    Returns:
        0 (ruled out, or in the padding) to 1 (certain), float32 ``[known, mask_size / 4, mask_size / 4]``: linear in
        the log-probability, the mean of each token's cells.
    """
    side = grid.frame.mask_size // CELLS
    planes = grid.log_probabilities.new_zeros(known, side, side)
    # By comparison, so that no GPU is waited for.
    places = (grid.classes[None] == torch.arange(known, device=planes.device)[:, None]).to(planes)
    own = _planes(grid.log_probabilities, grid)
    return planes + (places @ own.flatten(1)).view_as(planes) if len(own) else planes


def planes_of_look(logits: Tensor, frame: Frame) -> Tensor:
    """Return how likely each class is where, by the logits of another look at the image.

    Args:
        logits: float32 ``[C, h, w]``, of equal cells that are the whole image.
        frame: The image's.

    Returns:
        As `planes_of_classes` does, of all ``C`` classes.
    """
    return _pooled(sample(logits.float(), frame).log_softmax(0), frame)


def _best(log_probabilities: Tensor, chosen: Tensor) -> Tensor:
    if not len(chosen):
        return log_probabilities.new_full(log_probabilities.shape[1:], -RULED_OUT)
    return log_probabilities.masked_fill(~chosen[:, None, None], -RULED_OUT).amax(0)


def _planes(log_probabilities: Tensor, grid: Grid) -> Tensor:
    return _pooled(log_probabilities, grid.frame)


def _pooled(log_probabilities: Tensor, frame: Frame) -> Tensor:
    (height, width), side = log_probabilities.shape[1:], frame.mask_size
    shares = log_probabilities.clamp(min=-RULED_OUT) / RULED_OUT + 1
    return F.avg_pool2d(F.pad(shares, (0, side - width, 0, side - height)), CELLS)
