"""Every image's boundary counts of every row, over all processes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from lit_samseg.metrics.boundary_counts import BoundaryCounts
from lit_samseg.metrics.mba import STEPS
from lit_samseg.metrics.trimap import MAX_WIDTH


class GatheredBoundaryCounts(NamedTuple):
    """Counts of ``R`` rows and ``N`` images, int64; see :class:`~lit_samseg.metrics.boundary_counts.BoundaryCounts`.

    Attributes:
        positions: The images' positions, ascending.
        before: ``[R, 3, N, C]``.
        after: ``[R, 3, N, C]``.
        trimap: ``[R, W, 3, C]``, summed over the images.
        trimap_void: ``[W]``, summed over the images.
        mba: ``[R, 2, N, 5]``.
    """

    positions: list[int]
    before: Tensor
    after: Tensor
    trimap: Tensor
    trimap_void: Tensor
    mba: Tensor


class PerImageBoundaryCounts(Metric):
    """Gathers every image's boundary counts of every row, over all processes.

    ``update(position, counts)`` takes an image's position among the run's ids and its counts, one per row.
    ``compute()`` returns them by ascending position. The trimap's counts are summed at once: kept apart, 20 widths, 150
    classes and 12 rows would take 1.7 GB for ADE20K's 2000 images.

    Args:
        num_rows: Number of rows ``R``.
        num_classes: Number of classes ``C``.

    Raises:
        RuntimeError: In ``compute``, if an image was counted twice.
    """

    full_state_update = False
    positions: list[Tensor]
    bands: list[Tensor]
    accuracies: list[Tensor]
    trimap: Tensor
    trimap_void: Tensor

    def __init__(self, num_rows: int, num_classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in ("positions", "bands", "accuracies"):
            self.add_state(name, default=[], dist_reduce_fx="cat")
        trimap = torch.zeros(num_rows, MAX_WIDTH, 3, num_classes, dtype=torch.int64)
        self.num_rows, self.num_classes = num_rows, num_classes
        self.add_state("trimap", default=trimap, dist_reduce_fx="sum")
        self.add_state("trimap_void", default=torch.zeros(MAX_WIDTH, dtype=torch.int64), dist_reduce_fx="sum")

    def begin(self) -> None:
        """Add no image: a process that evaluates none then has something of the right shape to gather."""
        nothing = torch.zeros(0, self.num_rows, 2, 3, self.num_classes, dtype=torch.int64, device=self.device)
        self.positions.append(torch.zeros(0, dtype=torch.int64, device=self.device))
        self.bands.append(nothing)
        self.accuracies.append(torch.zeros(0, self.num_rows, 2, STEPS, dtype=torch.int64, device=self.device))

    def update(self, position: int, counts: Sequence[BoundaryCounts]) -> None:
        """Add one image."""
        self.positions.append(torch.tensor([position], device=self.device))
        self.bands.append(self._tensor([[row.before, row.after] for row in counts])[None])
        self.accuracies.append(self._tensor([row.mba for row in counts])[None])
        self.trimap += self._tensor([row.trimap for row in counts])
        self.trimap_void += self._tensor(counts[0].trimap_void)

    def compute(self) -> GatheredBoundaryCounts:
        """Return all images' counts."""
        positions = _joined(self.positions)
        order = torch.argsort(positions)
        places = positions[order].tolist()
        if len(set(places)) != len(places):
            raise RuntimeError("an image was evaluated twice; the counts would be wrong")
        # [N, R, 2, 3, C] and [N, R, 2, 5]
        before, after = _joined(self.bands)[order].permute(2, 1, 3, 0, 4).contiguous()
        mba = _joined(self.accuracies)[order].permute(1, 2, 0, 3).contiguous()
        return GatheredBoundaryCounts(places, before, after, self.trimap, self.trimap_void, mba)

    def _tensor(self, counts: Any) -> Tensor:
        return torch.from_numpy(np.asarray(counts)).to(self.device)


def _joined(state: list[Tensor] | Tensor) -> Tensor:
    """Return a ``cat`` state as one tensor, which it already is after a sync."""
    return torch.cat(state) if isinstance(state, list) else state
