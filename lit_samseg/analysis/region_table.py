"""Every region of every image and row as one line of numbers, over all processes."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from lit_samseg.analysis.ladder import Ladder
from lit_samseg.refine import Region

CANDIDATES = 3

COLUMNS = (
    "position", "row", "region", "class_id", "area", "x_min", "y_min", "x_max", "y_max", "tags",
    "before", "after", "best", "chosen",
    *(f"{what}_{i}" for what in ("score", "iou", "truth") for i in range(CANDIDATES)),
)  # fmt: skip
"""``before``, ``after``, ``best``: IoU with the class's ground truth of the region, of the mask kept, of the best
candidate; ``score_i``, ``iou_i``, ``truth_i``: of candidate i the IoU that SAM predicts, that with the region and that
with the ground truth (nan where there is no such candidate); ``tags``: see ``TAGS``."""


def describe_regions(position: int, row: int, regions: list[Region], tags: list[int], ladder: Ladder) -> Tensor:
    """Return the regions of one image and row as lines, float64 ``[len(regions), len(COLUMNS)]``."""
    device = ladder.label_map.device
    lines = torch.full((len(regions), len(COLUMNS)), float("nan"), dtype=torch.float64, device=device)
    came = {number: place for place, number in enumerate(ladder.numbers)}
    for index, region in enumerate(regions):
        line, place = lines[index], came[region.number]
        line[0], line[1], line[2], line[3], line[9] = position, row, index, region.class_id, tags[index]
        line[4] = region.mask.sum()
        line[5:9] = region.box.to(device)
        values = (ladder.before, ladder.after, ladder.best, ladder.chosen)
        line[10:14] = torch.stack([value[place].double() for value in values])
        for start, given in ((14, ladder.scores), (17, ladder.ious), (20, ladder.truths)):
            line[start : start + len(given[place])] = given[place].double()
    return lines


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
