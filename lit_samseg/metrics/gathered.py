"""Every image's counts of every row by one metric, over all processes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.metrics.host_metric import HostMetric
from lit_samseg.metrics.metric import Counts, Metric


class Gathered(NamedTuple):
    """Counts of ``R`` rows and ``N`` images.

    Attributes:
        positions: The images' positions, ascending.
        counts: By name ``[R, N, ...]`` in the order of the positions; of `Metric.summed` names ``[R, ...]``.
    """

    positions: list[int]
    counts: dict[str, NDArray[Any]]

    def of_row(self, row: int) -> Counts:
        """Return one row's counts, as `Metric.merge` takes them."""
        return {name: counts[row] for name, counts in self.counts.items()}


class GatheredCounts(HostMetric):
    """Gathers a metric's counts over all processes. They never depend on how many there are.

    ``update(position, counts)`` takes an image's position among the run's ids and its counts by name ``[R, ...]``.
    ``compute()`` returns `Gathered`.

    Args:
        metric: What counts.
        num_rows: Number of rows ``R``.
        num_classes: Number of classes ``C``.

    Attributes:
        metric: What counts.
        blank: Its counts of no image, by name ``[R, ...]``.
        kept: Names of the counts that are kept image by image.

    Raises:
        RuntimeError: In ``compute``, if an image was counted twice.
    """

    full_state_update = False
    positions: list[Tensor]

    def __init__(self, metric: Metric, num_rows: int, num_classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metric = metric
        self.blank = {
            name: np.zeros((num_rows, *array.shape), array.dtype) for name, array in metric.nothing(num_classes).items()
        }
        self.kept = [name for name in self.blank if name not in metric.summed]
        self.add_state("positions", default=[], dist_reduce_fx="cat")
        for name, blank in self.blank.items():
            if name in self.kept:
                self.add_state(f"counts_{name}", default=[], dist_reduce_fx="cat")
            else:
                self.add_state(f"counts_{name}", default=torch.from_numpy(blank.copy()), dist_reduce_fx="sum")

    def begin(self) -> None:
        """Add no image: a process that evaluates none then has something of the right shape to gather."""
        self.positions.append(torch.zeros(0, dtype=torch.int64))
        for name in self.kept:
            getattr(self, f"counts_{name}").append(torch.from_numpy(self.blank[name][None][:0]))

    def update(self, position: int, counts: Mapping[str, NDArray[Any]]) -> None:
        """Add one image."""
        self.positions.append(torch.tensor([position]))
        for name in self.blank:
            added = torch.from_numpy(counts[name])
            if name in self.kept:
                getattr(self, f"counts_{name}").append(added[None])
            else:
                getattr(self, f"counts_{name}").add_(added)

    def compute(self) -> Gathered:
        """Return all images' counts."""
        positions = _joined(self.positions)
        order = torch.argsort(positions)
        places = positions[order].tolist()
        if len(set(places)) != len(places):
            raise RuntimeError("an image was evaluated twice; the counts would be wrong")
        counts = {}
        for name in self.blank:
            state = getattr(self, f"counts_{name}")
            ordered = _joined(state)[order].transpose(0, 1).contiguous() if name in self.kept else state
            counts[name] = np.array(ordered.numpy())
        return Gathered(places, counts)


def _joined(state: list[Tensor] | Tensor) -> Tensor:
    """Return a ``cat`` state as one tensor, which it already is after a sync."""
    return torch.cat(state) if isinstance(state, list) else state
