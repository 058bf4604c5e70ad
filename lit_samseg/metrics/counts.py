"""Exact integer counts per image and class: the only state from which every table is made."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from lit_samseg.metrics.host_metric import HostMetric
from lit_samseg.void import VOID

PAIRED = 1024
"""Up to so many classes, pairs of true and predicted class are counted: the fastest, but one number a pair."""

TOGETHER = 2**22
"""So many pixels are counted at once, or one label map: all rows of an image of usual size."""


def count_pixels(prediction: Tensor, target: Tensor, num_classes: int, ignore_index: int) -> Tensor:
    """Count pixels per class; void pixels take no part in any of the three counts.

    Args:
        prediction: Class ids of one or more label maps, integer ``[..., H, W]``; every value below ``num_classes``.
            `VOID` predicts no class: it is wrong, and in no class's pred_area.
        target: Ground truth, integer ``[H, W]``; ``ignore_index`` is void.
        num_classes: Number of classes ``C``.
        ignore_index: Void label.

    Returns:
        int64 ``[..., 3, C]``: intersection, gt_area, pred_area. Largest tensors: those of `count_pairs`, and for more
        than `PAIRED` classes int64 ``[3, H, W]``.

    Raises:
        ValueError: The shapes differ.
    """
    _check_shapes(prediction, target)
    if num_classes <= PAIRED:
        return counts_of_pairs(count_pairs(prediction, target, num_classes, ignore_index))
    # Void goes to extra bins that are cut away: unlike boolean indexing this never waits for a GPU.
    void, bins = target == ignore_index, num_classes + 1
    truth = torch.where(void, num_classes, target.long())
    counts = []
    for label_map in prediction.reshape(-1, *target.shape):
        guess = torch.where(void | (label_map == VOID), num_classes, label_map.long())
        right = torch.where(truth == guess, truth, num_classes)
        numbers = torch.stack([right, truth + bins, guess + 2 * bins])
        counts.append(_histogram(numbers, 3 * bins).view(3, bins)[:, :-1])
    return torch.stack(counts).view(*prediction.shape[:-2], 3, num_classes)


def count_pairs(prediction: Tensor, target: Tensor, num_classes: int, ignore_index: int) -> Tensor:
    """Count the pairs of true and predicted class of label maps, without the ground truth's void.

    All label maps go into one histogram, up to `TOGETHER` pixels at a time. A GPU's host does not wait, and the same
    integers come of deterministic algorithms.

    Args:
        prediction: As for `count_pixels`.
        target: As for `count_pixels`.
        num_classes: Number of classes ``C``, at most `PAIRED`.
        ignore_index: Void label.

    Returns:
        int64 ``[..., C, C + 1]``: pixels by true class, and by predicted one; predictions of `VOID` come last. Largest
        tensor: int64 (on a CPU int32) with a number for each pixel of as many label maps as are counted together.

    Raises:
        ValueError: The shapes differ; or, on a CPU, the ground truth has other labels.
    """
    _check_shapes(prediction, target)
    bins = num_classes + 1
    # On a CPU the histogram takes narrow numbers; on a GPU it must have int64.
    kind = torch.int32 if target.device.type == "cpu" else torch.int64
    # Void is a true class of its own, which is cut away: unlike boolean indexing this never waits for a GPU.
    truth = torch.where(target == ignore_index, num_classes, target.to(kind)) * bins
    if truth.device.type == "cpu" and truth.numel() and not 0 <= truth.min() <= truth.max() <= num_classes * bins:
        raise ValueError(f"the ground truth has labels that are neither {ignore_index} nor 0..{num_classes - 1}")
    maps = prediction.reshape(-1, *target.shape)
    pairs = []
    for some in torch.split(maps, max(1, TOGETHER // max(1, target.numel()))):
        # From `VOID` on, which is -1: it needs no look at each pixel, and goes last at the end.
        first = torch.arange(-VOID, len(some) * bins**2, bins**2, dtype=kind, device=some.device)
        numbers = (some.to(kind) + truth).add_(first[:, None, None])
        pairs.append(_histogram(numbers, len(some) * bins**2).view(-1, bins, bins)[:, :-1].roll(VOID, -1))
    return torch.cat(pairs).view(*prediction.shape[:-2], num_classes, bins)


def counts_of_pairs(pairs: Tensor) -> Tensor:
    """Return intersection, gt_area and pred_area, int64 ``[..., 3, C]``, of what `count_pairs` counted."""
    right = pairs.diagonal(dim1=-2, dim2=-1)
    return torch.stack([right, pairs.sum(-1), pairs.sum(-2)[..., :-1]], dim=-2)


def _check_shapes(prediction: Tensor, target: Tensor) -> None:
    if prediction.shape[-2:] != target.shape:
        raise ValueError(f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} differ")


def _histogram(numbers: Tensor, bins: int) -> Tensor:
    numbers = numbers.flatten()
    if numbers.device.type == "cpu":
        return torch.bincount(numbers, minlength=bins)
    # A GPU's bincount looks at the least and the largest number, for which the host waits.
    one = torch.ones((), dtype=torch.int64, device=numbers.device).expand_as(numbers)
    return torch.zeros(bins, dtype=torch.int64, device=numbers.device).scatter_add_(0, numbers, one)


class VoidShare(HostMetric):
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
        self.update(0, 0)

    def update(self, void: Tensor | int, pixels: Tensor | int) -> None:
        """Add one image; tensors are in host memory."""
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
        # Filled where it is, so that no GPU is waited for.
        self.positions.append(torch.full((1,), position, device=counts.device))
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
