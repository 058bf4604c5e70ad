"""Tiles become one label map without seams: what overlapping tiles say of a pixel is added up in scores.

A tile knows least of what lies at its border, where things are cut off. So its word counts less and less towards each
border that is not the picture's own, by a raised cosine over the overlap, and nothing at the border itself: no tile
begins or ends to count all at once.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lit_samseg.refine import ClassScores
from lit_samseg.tiling.plan import Place, Plan


@dataclass(frozen=True)
class Finished:
    """A cell about which all tiles have spoken.

    Attributes:
        label_map: int64 ``[h, w]``.
        confidence: The probability of the label by all tiles together, float32 ``[h, w]``.
    """

    label_map: Tensor
    confidence: Tensor


@dataclass(frozen=True)
class _Piece:
    """What a tile says of a cell as far as it reaches: probabilities times the tile's weight, ``[A, h, w]``."""

    classes: Tensor
    weighted: Tensor


class Blend:
    """Adds up what tiles say, and gives each cell when it is done.

    Args:
        plan: The tiles.

    Memory: one tile's scores, and those of the overlaps with tiles to come: float32 of ``overlap`` rows of the whole
    width, for each class that the tile there knows.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._pieces: dict[Place, list[_Piece]] = {}

    def add(self, place: Place, scores: ClassScores) -> Finished:
        """Add a tile, after all those above and left of it.

        Args:
            place: The tile's.
            scores: Of the tile's pixels.

        Returns:
            The tile's cell.
        """
        plan, window = self._plan, self._plan.window(place)
        weights = _weights(plan, place).to(scores.probabilities)
        for cell_place in plan.cells_under(place):
            cell = plan.cell(cell_place)
            rows, columns = (
                slice(start - own, min(start + length - own, side))
                for start, length, own, side in zip(cell[:2], cell[2:], window[:2], window[2:], strict=True)
            )
            # A new tensor: what waits for other tiles does not hold the whole tile.
            weighted = scores.probabilities[:, rows, columns] * weights[rows, columns]
            self._pieces.setdefault(cell_place, []).append(_Piece(scores.classes, weighted))
        cell = plan.cell(place)
        return _sum(self._pieces.pop(place), cell.height, cell.width)


def _sum(pieces: Sequence[_Piece], height: int, width: int) -> Finished:
    classes = torch.unique(torch.cat([piece.classes for piece in pieces]))
    total = pieces[0].weighted.new_zeros(len(classes), height, width)
    for piece in pieces:
        # A tile reaches cells from their upper left corner on.
        rows, columns = piece.weighted.shape[1:]
        total[:, :rows, :columns].index_add_(0, torch.searchsorted(classes, piece.classes), piece.weighted)
    # max, and not argmax, promises the first of equal ones: the lowest class.
    most, indices = total.max(0)
    return Finished(classes[indices], most / total.sum(0))


def _weights(plan: Plan, place: Place) -> Tensor:
    """Return how much a tile's word counts at each of its pixels, float64 ``[h, w]``, above 0."""
    rows, columns = (
        _ramps(side, plan.overlap, n > 0, n + 1 < len(starts))
        for side, n, starts in zip(plan.shape, place, (plan.rows, plan.columns), strict=True)
    )
    return rows[:, None] * columns


def _ramps(length: int, overlap: int, before: bool, after: bool) -> Tensor:
    """Return weights along an axis, float64 ``[length]``: they rise from borders that other tiles reach over."""
    weights = torch.ones(length, dtype=torch.float64)
    # Of pixels' middles: the outermost counts, if next to nothing, for what no other tile knows.
    rise = ((torch.arange(overlap, dtype=torch.float64) + 0.5) * (math.pi / 2 / overlap)).sin() ** 2
    if before:
        weights[:overlap] *= rise
    if after:
        weights[-overlap:] *= rise.flip(0)
    return weights
