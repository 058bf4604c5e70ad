"""Exact integer counts per image and class: the only state from which every table is made."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

COUNTS = ("intersection", "gt_area", "pred_area")


def count_pixels(prediction: Tensor, target: Tensor, num_classes: int, ignore_index: int) -> Tensor:
    """Count pixels per class; void pixels take no part in any of the three counts.

    Args:
        prediction: Class ids, integer ``[H, W]``; every value below ``num_classes``.
        target: Ground truth, integer ``[H, W]``; ``ignore_index`` is void.
        num_classes: Number of classes ``C``.
        ignore_index: Void label.

    Returns:
        int64 ``[3, C]``: intersection, gt_area, pred_area. Largest tensors: int64 ``[H, W]`` and ``[C, C]``.

    Raises:
        ValueError: The shapes differ.
    """
    if prediction.shape != target.shape:
        raise ValueError(f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} differ")
    void = target == ignore_index
    # Void goes to an extra bin that is cut away: unlike boolean indexing this never waits for a GPU.
    pairs = torch.where(void, num_classes**2, target.long() * num_classes + prediction).flatten()
    one = torch.ones((), dtype=torch.int64, device=pairs.device).expand_as(pairs)
    bins = torch.zeros(num_classes**2 + 1, dtype=torch.int64, device=pairs.device).scatter_add_(0, pairs, one)
    confusion = bins[:-1].view(num_classes, num_classes)
    return torch.stack([confusion.diagonal(), confusion.sum(1), confusion.sum(0)])


class PerImageCounts(Metric):
    """Gathers every image's counts of every row, over all processes.

    ``update(position, counts)`` takes an image's position among the run's ids and its counts int64 ``[R, 3, C]``.
    ``compute()`` returns the positions as a list and the counts int64 ``[R, 3, N, C]`` in ascending position.

    Raises:
        RuntimeError: In ``compute``, if an image was counted twice.
    """

    full_state_update = False
    positions: list[Tensor]
    counts: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("positions", default=[], dist_reduce_fx="cat")
        self.add_state("counts", default=[], dist_reduce_fx="cat")

    def begin(self, num_rows: int, num_classes: int) -> None:
        """Add no image: a process that evaluates none then has something of the right shape to gather."""
        self.positions.append(torch.zeros(0, dtype=torch.int64, device=self.device))
        self.counts.append(torch.zeros(0, num_rows, 3, num_classes, dtype=torch.int64, device=self.device))

    def update(self, position: int, counts: Tensor) -> None:
        """Add one image."""
        self.positions.append(torch.tensor([position], device=counts.device))
        self.counts.append(counts[None])

    def compute(self) -> tuple[list[int], Tensor]:
        """Return all images' counts, ordered by position."""
        # After a sync the states are tensors, before it lists of them.
        positions = torch.cat(list(self.positions)) if isinstance(self.positions, list) else self.positions
        counts = torch.cat(list(self.counts)) if isinstance(self.counts, list) else self.counts
        order = torch.argsort(positions)
        # A list: torchmetrics would squeeze the tensor of a single image.
        places = positions[order].tolist()
        if len(set(places)) != len(places):
            raise RuntimeError("an image was evaluated twice; the counts would be wrong")
        return places, counts[order].permute(1, 2, 0, 3).contiguous()
