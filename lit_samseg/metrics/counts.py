"""Exact integer counts per image and class: the only state from which every table is made."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from lit_samseg.void import VOID

PAIRED = 1024
"""Up to so many classes, pairs of true and predicted class are counted: the fastest, but one number a pair."""


def count_pixels(prediction: Tensor, target: Tensor, num_classes: int, ignore_index: int) -> Tensor:
    """Count pixels per class; void pixels take no part in any of the three counts.

    Args:
        prediction: Class ids, integer ``[H, W]``; every value below ``num_classes``. `VOID` predicts no class: it is
            wrong, and in no class's pred_area.
        target: Ground truth, integer ``[H, W]``; ``ignore_index`` is void.
        num_classes: Number of classes ``C``.
        ignore_index: Void label.

    Returns:
        int64 ``[3, C]``: intersection, gt_area, pred_area. Largest tensors: int64 ``[H, W]`` and ``[C, C + 1]``; for
        more than `PAIRED` classes ``[3, H, W]``.

    Raises:
        ValueError: The shapes differ.
    """
    if prediction.shape != target.shape:
        raise ValueError(f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} differ")
    void = target == ignore_index
    # Void goes to extra bins that are cut away: unlike boolean indexing this never waits for a GPU.
    bins = num_classes + 1
    guess = torch.where(prediction == VOID, num_classes, prediction.long())
    if num_classes > PAIRED:
        truth, guess = torch.where(void, num_classes, target.long()), torch.where(void, num_classes, guess)
        right = torch.where(truth == guess, truth, num_classes)
        return _histogram(torch.stack([right, truth + bins, guess + 2 * bins]), 3 * bins).view(3, bins)[:, :-1]
    pairs = torch.where(void, num_classes * bins, target.long() * bins + guess)
    confusion = _histogram(pairs, num_classes * bins + 1)[:-1].view(num_classes, bins)
    return torch.stack([confusion.diagonal(), confusion.sum(1), confusion.sum(0)[:-1]])


def _histogram(numbers: Tensor, bins: int) -> Tensor:
    numbers = numbers.flatten()
    one = torch.ones((), dtype=torch.int64, device=numbers.device).expand_as(numbers)
    return torch.zeros(bins, dtype=torch.int64, device=numbers.device).scatter_add_(0, numbers, one)


class VoidShare(Metric):
    """How much of a ground truth is void, over all processes.

    ``update(void, pixels)`` takes an image's numbers; ``compute()`` returns the share, nan where there is no image.
    """

    full_state_update = False
    void: Tensor
    pixels: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in ("void", "pixels"):
            self.add_state(name, default=torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def begin(self) -> None:
        """Add no image; torchmetrics warns where nothing was added."""
        self.update(torch.zeros_like(self.void), torch.zeros_like(self.pixels))

    def update(self, void: Tensor, pixels: Tensor) -> None:
        """Add one image."""
        self.void += void
        self.pixels += pixels

    def compute(self) -> float:
        """Return void's share of all pixels."""
        pixels = int(self.pixels)
        return int(self.void) / pixels if pixels else float("nan")


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
