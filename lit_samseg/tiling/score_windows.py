"""Class scores of a whole picture, as a tile sees them."""

import math

import torch
from torch import Tensor

from lit_samseg.tiling.plan import Window

STEP = 4
"""Pixels of a tile for each cell of its scores: as many as SAM's cells have where a tile is not shrunk."""


def scores_of_window(scores: Tensor, window: Window, shape: tuple[int, int]) -> Tensor:
    """Interpolate a picture's class scores linearly in a window.

    Args:
        scores: Logits of the whole picture, float ``[C, h, w]`` of any size.
        window: The window.
        shape: The picture's height and width in pixels.

    Returns:
        float32 ``[C, n, m]``, whose cells are the window: one for every `STEP` pixels.
    """
    rows, columns = (
        _interpolation(cells, start, side, length).to(scores.device)
        for cells, start, side, length in zip(scores.shape[1:], window[:2], window[2:], shape, strict=True)
    )
    return rows @ scores.float() @ columns.T


def _interpolation(cells: int, start: int, side: int, length: int) -> Tensor:
    """Return linear interpolation along an axis as a matrix, float32 ``[n, cells]``."""
    count = math.ceil(side / STEP)
    middles = start + (torch.arange(count, dtype=torch.float64) + 0.5) * (side / count)
    where = (middles * (cells / length) - 0.5).clamp(0, cells - 1)
    # A cell has no say farther than one cell away.
    return (1 - (where[:, None] - torch.arange(cells, dtype=torch.float64)).abs()).clamp(min=0).float()
