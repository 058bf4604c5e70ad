"""What a training image shows of words: evidence, the baseline and the ground truth, cell by cell."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.refine.calibrated_words import BINS, LARGEST, logit_of
from lit_samseg.refine.cells import sample_nearest
from lit_samseg.refine.grid import Grid
from lit_samseg.refine.told import Told
from lit_samseg.sam.frame import Frame

LEVELS = 255
"""Log-probabilities of an image are kept as so many steps."""
LOWEST = -12.75
"""The least of them that is told from others: steps are of 0.05."""


@dataclass(frozen=True)
class Packed:
    """An array in a few bytes.

    Attributes:
        data: Compressed.
        dtype: Of the array.
        shape: Of the array.
    """

    data: bytes
    dtype: str
    shape: tuple[int, ...]

    @classmethod
    def of(cls, tensor: Tensor) -> "Packed":
        """Pack a tensor."""
        array = np.ascontiguousarray(tensor.cpu().numpy())
        return cls(zlib.compress(array.tobytes(), 1), array.dtype.str, array.shape)

    def open(self) -> NDArray[np.generic]:
        """Return the array; it cannot be written to."""
        return np.frombuffer(zlib.decompress(self.data), np.dtype(self.dtype)).reshape(self.shape)


@dataclass(frozen=True)
class WordExample:
    """A training image.

    Attributes:
        frame: Its frame.
        scored: As of its grid.
        asked: Classes that words were asked about, int64 ``[A]``.
        evidence: Logits of the evidence in parts of a bin (`PARTS`), uint16 ``[A, h, w]``.
        classes: The grid's, int64 ``[K]``.
        believed: The baseline's log-probabilities, uint8 ``[K, h, w]`` in steps.
        labels: The baseline's label map at the cells, int16 ``[h, w]``.
        target: The ground truth there, int16 ``[h, w]``; -1 for void.
    """

    frame: Frame
    scored: bool
    asked: Tensor
    evidence: Packed
    classes: Tensor
    believed: Packed
    labels: Packed
    target: Packed


PARTS = 9
"""Evidence is kept in so many parts of a bin; an odd number, so that none lies halfway between two bins."""
_STEP = 2 * LARGEST / (BINS - 1) / PARTS


def take_example(grid: Grid, told: Told, target: Tensor, ignore_index: int) -> WordExample:
    """Keep what is needed of an image.

    Args:
        grid: What the baseline says.
        told: What words say.
        target: The ground truth, integer ``[H, W]``.
        ignore_index: Void in it.
    """
    truth = sample_nearest(target, grid.frame)
    truth = torch.where(truth == ignore_index, -1, truth)
    steps = ((logit_of(told.evidence) + LARGEST) / _STEP).round().to(torch.uint16)
    believed = ((grid.log_probabilities.clamp(min=LOWEST) / LOWEST) * LEVELS).round().byte()
    return WordExample(
        grid.frame,
        grid.scored,
        told.classes.cpu(),
        Packed.of(steps),
        grid.classes.cpu(),
        Packed.of(believed),
        Packed.of(grid.labels.short()),
        Packed.of(truth.short()),
    )


def open_example(example: WordExample) -> tuple[Grid, Told, Tensor]:
    """Return an image's grid, of which the picture is black, what words say, and the ground truth, int64 ``[h, w]``."""
    labels = torch.from_numpy(example.labels.open().astype(np.int64))
    believed = torch.from_numpy(example.believed.open().astype(np.float32)) / LEVELS * LOWEST
    picture = torch.zeros(3, *labels.shape)
    grid = Grid(example.frame, example.classes, believed, labels, picture, example.scored)
    logits = torch.from_numpy(example.evidence.open().astype(np.float32)) * _STEP - LARGEST
    told = Told(example.asked, logits.sigmoid(), 0)
    return grid, told, torch.from_numpy(example.target.open().astype(np.int64))


def bins_of(told: Told) -> NDArray[np.int64]:
    """Return the nearest bin of each cell's evidence, int64 ``[A, h, w]``."""
    return ((logit_of(told.evidence) + LARGEST) * ((BINS - 1) / (2 * LARGEST))).round().long().numpy()


def folds_of(count: int, folds: int) -> Sequence[int]:
    """Return the fold of each image: neighbours are in one, as those of a video are alike."""
    return [n * min(folds, count) // count for n in range(count)]
