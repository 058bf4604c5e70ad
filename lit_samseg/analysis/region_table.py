"""Every region of every image and row as one line of numbers, over all processes."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from lit_samseg.analysis.ladder import ANSWERED
from lit_samseg.analysis.region_facts import FACTS

COLUMNS = ("position", "row", *FACTS, *ANSWERED)
"""A region's numbers: of which image and row, what is known of it beforehand, and what became of it."""


class RegionTable(Metric):
    """Gathers the regions' numbers.

    ``compute()`` returns float64 ``[K, len(COLUMNS)]``, ordered by position, row and region.
    """

    full_state_update = False
    lines: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("lines", default=[], dist_reduce_fx="cat")

    def begin(self) -> None:
        """Add no region: a process without any then has something of the right shape to gather."""
        self.lines.append(torch.zeros(0, len(COLUMNS), dtype=torch.float64, device=self.device))

    def update(self, lines: Tensor) -> None:
        """Add lines, float64 ``[K, len(COLUMNS)]``."""
        self.lines.append(lines)

    def compute(self) -> Tensor:
        """Return all lines."""
        if isinstance(self.lines, list) and not self.lines:
            return torch.zeros(0, len(COLUMNS), dtype=torch.float64)
        lines = (torch.cat(list(self.lines)) if isinstance(self.lines, list) else self.lines).cpu()
        lines = lines.reshape(-1, len(COLUMNS))
        # Stable sorts from the last key to the first.
        for column in (2, 1, 0):
            lines = lines[lines[:, column].argsort(stable=True)]
        return lines
