"""A memory of features: a small network, fitted on training images, that tells classes by what SAM sees of them."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.errors import InputError
from lit_samseg.refine.cells import low_image
from lit_samseg.sam.frame import Frame

POOLS = (5, 13)
"""Sides of the squares of embedding cells over which embeddings are averaged: what is around a cell."""
CONTRAST = 9
"""Side of the square of grid cells whose mean colour a cell's own is compared with."""
PLACES = 4
"""Where a cell is: y, x, and their squares, from -0.5 to 0.5."""
FLOOR = 1e-4
"""Least probability of an error."""
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
    coarse = [_standardised(_means_around(own, side)) for side in (1, *POOLS)]
    rows, columns = (
        (torch.arange(count, device=image.device, dtype=torch.float32) + 0.5) / count - 0.5 for count in (height, width)
    )
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    seen = [] if features is None else [_standardised(features.float()[:, :height, :width])]
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


def _standardised(channels: Tensor) -> Tensor:
    """Give each cell's channels ``[D, h, w]`` mean 0 and deviation 1."""
    return F.layer_norm(channels.movedim(0, -1), channels.shape[:1]).movedim(-1, 0)


def _means_around(channels: Tensor, side: int) -> Tensor:
    """Average ``[D, h, w]`` over squares, of which only what is in the image counts."""
    return F.avg_pool2d(channels[None], side, stride=1, padding=side // 2, count_include_pad=False)[0]


def _floored(chances: Tensor) -> Tensor:
    """Return chances ``[C, C]`` of which none is 0, each row with sum 1, float32."""
    table = chances + FLOOR
    return (table / table.sum(1, keepdim=True)).float()


class FeatureMemory(nn.Module):
    """Tells how likely each class is at each cell, by what SAM sees there; the baseline is not asked.

    A new one says nothing.

    One hidden layer over `SeenCells`. What is of the embedding's coarse cells is brought to the grid's after the first
    linear map, which is the same and many times cheaper.

    Args:
        class_names: Of the classes that it knows.
        coarse: Channels of `SeenCells.coarse`.
        fine: Channels of `SeenCells.fine`.
        hidden: Width of the hidden layer.
        sam_sha256: SHA-256 of the SAM whose features it knows.
        trained_on: The training's images; they cannot be evaluated on.
        sha256: SHA-256 of the file; empty for one that is not written yet.

    Attributes:
        unseen: Whether `mixed_up` is of images that the baseline was not trained on: it is believed as it is.
        slope: What each class's log-probability is multiplied with, float32 ``[C]``: below 1 where a class was told
            less surely in images that were left out of a fit.
        offset: What is added then, likewise.
        mixed_up: How many cells of each class the baseline gave each label in training, float32 ``[C, C]``.
    """

    slope: Tensor
    offset: Tensor
    mixed_up: Tensor

    def __init__(
        self,
        class_names: tuple[str, ...],
        coarse: int,
        fine: int,
        hidden: int,
        sam_sha256: str | None = None,
        trained_on: TrainedOn = TrainedOn(),
        sha256: str = "",
    ) -> None:
        super().__init__()
        self.class_names, self.sam_sha256, self.trained_on, self.sha256 = class_names, sam_sha256, trained_on, sha256
        self.unseen = False
        self.around = nn.Linear(coarse, hidden)
        self.within = nn.Linear(fine, hidden, bias=False)
        self.out = nn.Linear(hidden, len(class_names))
        self.register_buffer("slope", torch.zeros(len(class_names)))
        self.register_buffer("offset", torch.zeros(len(class_names)))
        self.register_buffer("mixed_up", torch.zeros(len(class_names), len(class_names)))

    def forward(self, coarse: Tensor, fine: Tensor, dropout: float = 0.0) -> Tensor:
        """Return class logits of cells, under `balance`.

        Args:
            coarse: What is seen around each, float32 ``[N, coarse]`` (`seen_at`).
            fine: What is seen in each, float32 ``[N, fine]``.
            dropout: Share of the hidden layer that is left out.

        Returns:
            float32 ``[N, C]``.
        """
        return self._told(self.around(coarse), fine, dropout)

    def _told(self, around: Tensor, fine: Tensor, dropout: float = 0.0) -> Tensor:
        hidden = F.dropout(F.gelu(around + self.within(fine)), dropout, training=dropout > 0)
        logits: Tensor = self.out(hidden)
        return logits

    def log_probabilities(self, cells: SeenCells) -> Tensor:
        """Return how likely each class is at each cell, float32 ``[C, h, w]``, classes as frequent as in training.

        Raises:
            InputError: SAM's embedding or features have other channels than in training.
        """
        own = self.around.in_features, self.within.in_features
        if (len(cells.coarse), len(cells.fine)) != own:
            raise InputError(
                f"the memory was fitted to features of {own[0]} and {own[1]} numbers, and this SAM gives "
                f"{len(cells.coarse)} and {len(cells.fine)}; fit one with this SAM"
            )
        coarse = self.around(cells.coarse.movedim(0, -1)).movedim(-1, 0)
        brought = F.interpolate(coarse[None], scale_factor=cells.step, mode="bilinear", align_corners=False)[0]
        height, width = cells.fine.shape[1:]
        logits = self._told(brought[:, :height, :width].flatten(1).T, cells.fine.flatten(1).T)
        likely: Tensor = self.natural(logits).T.view(-1, height, width)
        return likely

    def natural(self, logits: Tensor) -> Tensor:
        """Return log-probabilities ``[N, C]`` of logits, classes as frequent as in training."""
        # Of logits that have some number in common, slopes of classes would mean nothing.
        return (self.slope * logits.log_softmax(-1) + self.offset).log_softmax(-1)

    def balance(self) -> Tensor:
        """Return what a cell of each class counts in training, float32 ``[C]``: its rarity's square root.

        Rare classes count as much in mIoU as frequent ones; with the whole rarity a few cells would outweigh all else.
        """
        return (-0.5 * self.log_shares()).exp()

    def uncalibrated(self) -> Tensor:
        """Return the offset by which classes that were balanced are as frequent as in training, float32 ``[C]``."""
        return 0.5 * self.log_shares()

    def label_chances(self, accuracy: float) -> Tensor:
        """Return how likely each label is in places of each class, float32 ``[C, C]``; each row sums to 1.

        Which classes are mixed up is as it was in training, but not how often: a baseline may know its own training
        images better than others. So where more labels were right than ``accuracy``, all errors are made so much more
        frequent that as many are, classes as frequent as in training. What was counted on images that the baseline was
        not trained on needs nothing of the kind.

        Args:
            accuracy: In 0..1, without both.
        """
        # On the CPU: a table of a few numbers, of which each step of the search asks.
        seen = self.mixed_up.cpu().double()
        # As if one more label of each class had been seen, so that of a class never seen something is known.
        right, wrong = torch.eye(len(seen)), (1 - torch.eye(len(seen))) / max(1, len(seen) - 1)
        chances = (seen + accuracy * right + (1 - accuracy) * wrong) / (seen.sum(1, keepdim=True) + 1)
        right, shares = chances.diagonal().clamp(min=FLOOR), self.log_shares().cpu().double().exp()
        if self.unseen:
            return _floored(chances).to(self.mixed_up.device)
        wrong = chances - torch.diag(chances.diagonal())
        least, most = 0.0, 20.0
        for _ in range(60):
            middle = (least + most) / 2
            found = (shares * right / (right + math.exp(middle) * wrong.sum(1))).sum()
            least, most = (middle, most) if found > accuracy else (least, middle)
        table = torch.diag(right) + math.exp(middle) * wrong
        return _floored(table).to(self.mixed_up.device)

    def log_shares(self) -> Tensor:
        """Return how frequent each class was in training, as logarithms of shares, float32 ``[C]``."""
        # A class that was never seen is taken to be rare, not impossible.
        seen = self.mixed_up.sum(1) + 1
        return seen.log() - seen.sum().log()
