"""Label maps to ask a promptable segmenter about while it learns: the baseline's own, and ground truth made wrong."""

from dataclasses import replace

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from lit_samseg.finetune.perturbed_maps import corrupted_label_map
from lit_samseg.refine import Grid, make_grid
from lit_samseg.refine.class_beliefs import RULED_OUT

SMOOTHNESS = (0.03, 0.12)
"""Width of the bumps of the noise, as a part of the grid's longer side."""
COUNTED = 6.0
"""A class's log-probability is moved by no more than this."""


def guess_of_baseline(grid: Grid, noise: float, rng: np.random.Generator) -> tuple[Tensor, Grid]:
    """Return what the baseline thinks of an image, a little different each time.

    It knows its training images: where it errs on others it is unsure of these. Smooth noise makes it err there.

    Args:
        grid: The image and what the baseline thinks of it.
        noise: Standard deviation of the noise of each class's log-probability, at most; 0 for none.
        rng: Draws how much of it, and where.

    Returns:
        The label map, integer ``[H, W]``, and the grid that it comes from.
    """
    scores = grid.log_probabilities
    if not len(scores):
        return grid.label_map(scores), grid
    if noise:
        bumps = rng.standard_normal(tuple(scores.shape)).astype(np.float32)
        width = rng.uniform(*SMOOTHNESS) * max(grid.shape)
        bumps = ndimage.gaussian_filter(bumps, (0, width, width))
        bumps *= noise * rng.uniform() / max(float(bumps.std()), 1e-6)
        scores = scores + torch.from_numpy(bumps).clamp(-COUNTED, COUNTED).to(scores)
    moved = replace(grid, log_probabilities=scores.log_softmax(0), labels=grid.classes[scores.max(0).indices])
    return moved.label_map(moved.log_probabilities), moved


def guess_of_look(planes: Tensor, noise: float, rng: np.random.Generator) -> Tensor:
    """Return what the baseline thinks at its second look, a little different each time.

    A network knows images that it was trained on better the closer it looks: noise makes it err there too.

    Args:
        planes: As `lit_samseg.refine.class_beliefs.planes_of_look` returns them.
        noise: Standard deviation of the noise of each class's log-probability, at most; 0 for none.
        rng: Draws how much of it, and where.

    Returns:
        The like.
    """
    if not noise:
        return planes
    bumps = rng.standard_normal(tuple(planes.shape)).astype(np.float32)
    width = rng.uniform(*SMOOTHNESS) * planes.shape[-1]
    bumps = ndimage.gaussian_filter(bumps, (0, width, width))
    bumps *= noise * rng.uniform() / max(float(bumps.std()), 1e-6)
    scores = (planes - 1) * RULED_OUT + torch.from_numpy(bumps).clamp(-COUNTED, COUNTED).to(planes)
    # Of the padding nothing is believed.
    inside = planes.amax(0) > 0
    return (scores.log_softmax(0).clamp(min=-RULED_OUT) / RULED_OUT + 1) * inside


def guess_of_truth(
    image: Tensor, target: Tensor, grid: Grid, background: int | None, ignore_index: int, rng: np.random.Generator
) -> tuple[Tensor, Grid]:
    """Return the ground truth made wrong (`corrupted_label_map`), as `guess_of_baseline` returns the baseline's.

    Args:
        image: uint8 ``[3, H, W]``.
        target: integer ``[H, W]``.
        grid: The image's.
        background: What is painted on; None where the data set has none: then void is, which nobody asks about.
        ignore_index: Void label.
        rng: Draws what is wrong.
    """
    ground = ignore_index if background is None else background
    wrong = corrupted_label_map(target.cpu().numpy(), ground, ignore_index, rng)
    label_map = torch.from_numpy(wrong.astype(np.int64)).to(target.device)
    return label_map, make_grid(image, label_map, None, grid.frame, background, void=ignore_index)
