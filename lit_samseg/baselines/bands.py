"""Label maps from scores that are brought to the image's size a few rows at a time.

At 150 classes and 2000x3000 pixels the scores are 3.6 GB. What is wanted is the class of the largest, and a row of it
needs two rows of every map it is resized from. So maps are descriptions here (:class:`Rows`): asked for some of their
rows, they ask the map below them for the rows these come from.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.baselines.finite import check_largest

BAND_BYTES = 2**25
"""Size of the largest tensor made for one band of rows; a few of it exist at once."""


class Rows(ABC):
    """A float32 map ``[C, H, W]`` that gives any of its rows.

    A row does not depend on which others are asked for with it, to the last bit.

    Attributes:
        height: H.
        width: W.
        row_size: Numbers in the largest row on the way to one of its own, ``C * W`` of the largest map.
        device: Where the rows are.
    """

    height: int
    width: int
    row_size: int
    device: torch.device

    @abstractmethod
    def rows(self, index: Tensor) -> Tensor:
        """Return the rows at ``index`` (int64 ``[n]``, on the CPU) as ``[C, n, W]``."""


class Stored(Rows):
    """A map that is there: float32 ``[C, H, W]``."""

    def __init__(self, values: Tensor) -> None:
        self.values = values
        channels, self.height, self.width = values.shape
        self.row_size = channels * self.width
        self.device = values.device

    def rows(self, index: Tensor) -> Tensor:
        """Return the rows at ``index`` as ``[C, n, W]``."""
        return self.values.index_select(1, index.to(self.device))


class Cropped(Rows):
    """The top left ``height`` x ``width`` of a map."""

    def __init__(self, source: Rows, height: int, width: int) -> None:
        self.source = source
        self.height, self.width = height, width
        self.row_size = source.row_size
        self.device = source.device

    def rows(self, index: Tensor) -> Tensor:
        """Return the rows at ``index`` as ``[C, n, W]``."""
        return self.source.rows(index)[..., : self.width]


class Resized(Rows):
    """A map resized as ``F.interpolate(..., mode="bilinear", align_corners=False)`` does, up to float rounding."""

    def __init__(self, source: Rows, height: int, width: int) -> None:
        self.source = source
        self.height, self.width = height, width
        self.row_size = max(source.row_size, source.row_size // source.width * width)
        self.device = source.device
        # torch's own formula and precision: a row lies between two rows, or on the first.
        at = ((torch.arange(height, dtype=torch.float32) + 0.5) * (source.height / height) - 0.5).clamp(min=0)
        self.above = at.long().clamp(max=source.height - 1)
        self.below = (self.above + 1).clamp(max=source.height - 1)
        self.weight = at - self.above

    def rows(self, index: Tensor) -> Tensor:
        """Return the rows at ``index`` as ``[C, n, W]``."""
        if (self.height, self.width) == (self.source.height, self.source.width):
            return self.source.rows(index)
        wanted, place = torch.unique(torch.stack((self.above[index], self.below[index])), return_inverse=True)
        place = place.to(self.device)
        source = self.source.rows(wanted)
        weight = self.weight[index].to(self.device)[:, None]
        between = source.index_select(1, place[0]) * (1 - weight)
        between += source.index_select(1, place[1]) * weight
        if self.width == self.source.width:
            return between
        return F.interpolate(between, self.width, mode="linear", align_corners=False)


def argmax_in_bands(scores: Rows, band_bytes: int = BAND_BYTES) -> Tensor:
    """Return the class of the largest score, int64 ``[H, W]``; ties go to the lower class id.

    Args:
        scores: ``[C, H, W]``.
        band_bytes: Size that no tensor on the way exceeds, unless a single row does. The result does not depend on it.

    Raises:
        NotFiniteError: A pixel has a score that is NaN or infinite.
    """
    labels = torch.empty(scores.height, scores.width, dtype=torch.int64, device=scores.device)
    # One tensor, in place: small ones kept from each band would break up the memory that the next band needs.
    finite = torch.ones((), dtype=torch.bool, device=scores.device)
    for index in _bands(scores, band_bytes):
        # Faster than argmax on a CPU; it too gives the first of equal ones.
        values, labels[index[0] : index[-1] + 1] = scores.rows(index).max(0)
        finite.logical_and_(values.isfinite().all())
    check_largest(finite)
    return labels


def gathered(scores: Rows, longest: int, band_bytes: int = BAND_BYTES) -> Tensor:
    """Return the scores themselves, float32 ``[C, h, w]``, at their size or, if a side is longer than that, smaller."""
    scale = min(1.0, longest / max(scores.height, scores.width))
    small = Resized(scores, max(1, round(scores.height * scale)), max(1, round(scores.width * scale)))
    return torch.cat([small.rows(index) for index in _bands(small, band_bytes)], dim=1)


def _bands(scores: Rows, band_bytes: int) -> Iterator[Tensor]:
    # A map resized to fewer rows asks for up to two rows for each of its own.
    count = max(1, band_bytes // (2 * 4 * scores.row_size))
    for top in range(0, scores.height, count):
        yield torch.arange(top, min(top + count, scores.height))
