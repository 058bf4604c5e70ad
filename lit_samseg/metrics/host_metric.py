"""Metrics whose states stay in host memory, wherever the networks are."""

from collections.abc import Callable, Sequence
from typing import Any

import torchmetrics
from torch import Tensor
from torch.nn import Module
from torchmetrics.utilities.distributed import gather_all_tensors


class HostMetric(torchmetrics.Metric):
    """A metric whose numbers come from host memory and are read there.

    On a GPU each number that is added would be a copy that the host waits for, and each that is read another. Here they
    visit the device once, when several processes gather them: some backends gather nothing else.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"dist_sync_fn": self._gather} | kwargs)

    def _apply(self, fn: Callable[..., Any], exclude_state: Sequence[str] = ()) -> Module:
        """Move to a device, all but the states."""
        return super()._apply(fn, exclude_state=[*exclude_state, *self._defaults])

    def _gather(self, state: Tensor, group: Any = None) -> list[Tensor]:
        return [gathered.cpu() for gathered in gather_all_tensors(state.to(self.device), group)]
