"""What a memory is shown of an image, cell by cell: SAM's features, colours, places."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.refine.cells import low_image
from lit_samseg.sam.frame import Frame

POOLS = (5, 13)
"""Sides of the squares of embedding cells over which embeddings are averaged: what is around a cell."""
CONTRAST = 9
"""Side of the square of grid cells whose mean colour a cell's own is compared with."""
PLACES = 4
"""Where a cell is: y, x, and their squares, from -0.5 to 0.5."""
COLOURS = 6
"""A cell's colour, and how it differs from those around."""


@dataclass(frozen=True)
class SeenCells:
    """What a memory is shown of an image.

    Attributes:
        coarse: SAM's embedding and its means over `POOLS`, each with mean 0 and deviation 1 over its channels, float32
            ``[(1 + len(POOLS)) * D, h', w']`` of the embedding's own cells, less the frame's padding.
        fine: SAM's features of each grid cell, with mean 0 and deviation 1 over their channels, then `COLOURS` and
            `PLACES`, float32 ``[F, h, w]``.
        step: How many grid cells an embedding cell has along a side.
    """

    coarse: Tensor
    fine: Tensor
    step: float


def see_cells(image: Tensor, frame: Frame, embedding: Tensor, features: Tensor | None) -> SeenCells:
    """Describe an image's cells for a memory.

    Args:
        image: uint8 ``[3, H, W]``.
        frame: How it lies in SAM's square.
        embedding: float ``[D, h, w]`` of the whole square.
        features: The decoder's of each grid cell, float ``[D', >= h, >= w]``; None where SAM gives none.
    """
    colour = low_image(image, frame) / 255
    height, width = colour.shape[1:]
    step = frame.mask_size / embedding.shape[-1]
    own = embedding.float()[:, : math.ceil(height / step), : math.ceil(width / step)]
    coarse = [standardised(_means_around(own, side)) for side in (1, *POOLS)]
    rows, columns = (
        (torch.arange(count, device=image.device, dtype=torch.float32) + 0.5) / count - 0.5 for count in (height, width)
    )
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    seen = [] if features is None else [standardised(features.float()[:, :height, :width])]
    fine = torch.cat([*seen, colour, colour - _means_around(colour, CONTRAST), torch.stack([y, x, y * y, x * x])])
    return SeenCells(torch.cat(coarse), fine, step)


def seen_at(cells: SeenCells, some: Tensor) -> tuple[Tensor, Tensor]:
    """Return what is seen at some grid cells, one by one.

    Args:
        cells: What is seen of an image.
        some: Which of ``h * w`` cells, int64 ``[N]``.

    Returns:
        float32 ``[N, coarse]``, interpolated linearly, and ``[N, fine]``.
    """
    width = cells.fine.shape[2]
    lengths = [length * cells.step for length in cells.coarse.shape[1:]]
    y, x = (
        (place + 0.5) / length * 2 - 1 for place, length in zip((some // width, some % width), lengths, strict=True)
    )
    places = torch.stack([x, y], -1)[None, None]
    coarse = F.grid_sample(cells.coarse[None], places, padding_mode="border", align_corners=False)[0, :, 0]
    return coarse.T, cells.fine.flatten(1)[:, some].T


def standardised(channels: Tensor) -> Tensor:
    """Give each cell's channels ``[D, h, w]`` mean 0 and deviation 1."""
    return F.layer_norm(channels.movedim(0, -1), channels.shape[:1]).movedim(-1, 0)


def _means_around(channels: Tensor, side: int) -> Tensor:
    """Average ``[D, h, w]`` over squares, of which only what is in the image counts."""
    return F.avg_pool2d(channels[None], side, stride=1, padding=side // 2, count_include_pad=False)[0]
