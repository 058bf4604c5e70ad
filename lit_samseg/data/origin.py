"""The image that a view was made of, so that what files say of the image goes the view's way."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Origin:
    """The image that a view was made of, and where the view's pixels were in it.

    Attributes:
        image: As it is, uint8 ``[3, H, W]``; it stays on the CPU.
        rows: Its row that each row of the view was, int64 ``[h]``.
        columns: Likewise, int64 ``[w]``.
    """

    image: Tensor
    rows: Tensor
    columns: Tensor

    def label_map(self, whole: Tensor) -> Tensor:
        """Return what the view shows of a label map of the image, ``[h, w]`` of ``[H, W]``."""
        rows, columns = (places.to(whole.device) for places in (self.rows, self.columns))
        return whole[rows][:, columns]

    def scores(self, whole: Tensor) -> Tensor:
        """Return what the view shows of class scores of the image, in cells about as large as those were.

        Args:
            whole: float32 ``[C, h', w']``, of equal cells that are the whole image.

        Returns:
            float32 ``[C, *, *]``, of equal cells that are the whole view, interpolated linearly.
        """
        sides = zip((self.rows, self.columns), self.image.shape[1:], whole.shape[1:], strict=True)
        rows, columns = (_between_cells(*side).to(whole) for side in sides)
        return rows @ whole @ columns.T


def _between_cells(places: Tensor, length: int, cells: int) -> Tensor:
    """Return linear interpolation from an image's cells to a view's, along one side.

    Args:
        places: Of the view's pixels in the image.
        length: The image's pixels.
        cells: The image's cells.

    Returns:
        float64 ``[n, cells]``.
    """
    shown = int(places.max() - places.min()) + 1
    count = max(1, round(cells * shown / length))
    # Where the middles of the view's cells are in the image: pixels lie evenly, but for their rounding.
    first, last = float(places[0]), float(places[-1])
    step = 1.0 if last >= first else -1.0
    begin, end = first + 0.5 - 0.5 * step, last + 0.5 + 0.5 * step
    middles = begin + (torch.arange(count, dtype=torch.float64) + 0.5) * ((end - begin) / count)
    at = (middles * (cells / length) - 0.5).clamp(0, cells - 1)
    below = at.floor().clamp(max=max(0, cells - 2)).long()
    weights = torch.zeros(count, cells, dtype=torch.float64)
    own = torch.arange(count)
    weights[own, below] = 1 - (at - below)
    if cells > 1:
        weights[own, below + 1] = at - below
    return weights
