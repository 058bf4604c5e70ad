"""Boundary quality as torchmetrics classes. The states are integers, so that processes never change a score."""

from typing import Any, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric

from lit_samseg.metrics.borders import Labels, predicted_labels, truth_labels
from lit_samseg.metrics.boundary_iou import BoundaryBands
from lit_samseg.metrics.boundary_scores import mean_boundary_accuracy
from lit_samseg.metrics.mba import BoundaryAccuracy
from lit_samseg.metrics.scores import score
from lit_samseg.metrics.trimap import MAX_WIDTH, Trimap


class BoundaryIoU(Metric):
    """Mean Boundary IoU, pooled over images, over classes with non-zero union; see ``BoundaryBands``.

    ``update(preds, target)`` takes one image's label maps ``[H, W]``.

    Args:
        num_classes: Number of classes.
        ignore_index: Void label.
        void: Take void out of the masks ``before`` or ``after`` the bands are made.
    """

    full_state_update = False
    higher_is_better = True
    counts: Tensor

    def __init__(
        self, num_classes: int, ignore_index: int = 255, void: Literal["before", "after"] = "before", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self.treatment = ("before", "after").index(void)
        self.add_state("counts", default=torch.zeros(3, num_classes, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add one image."""
        guess, truth = _labels(preds, target, self.num_classes, self.ignore_index)
        counts = BoundaryBands(truth, self.num_classes).count(guess)[self.treatment]
        self.counts += torch.from_numpy(counts).to(self.device)

    def compute(self) -> Tensor:
        """Return the mean, float64 scalar."""
        return torch.tensor(score(_array(self.counts)[:, None]).miou, dtype=torch.float64)


class TrimapIoU(Metric):
    """Mean IoU in the bands of widths 1..20 px around the ground truth's borders, pooled over images; see ``Trimap``.

    ``update(preds, target)`` takes one image's label maps ``[H, W]``.

    Args:
        num_classes: Number of classes.
        ignore_index: Void label.
    """

    full_state_update = False
    higher_is_better = True
    counts: Tensor

    def __init__(self, num_classes: int, ignore_index: int = 255, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_classes, self.ignore_index = num_classes, ignore_index
        counts = torch.zeros(MAX_WIDTH, 3, num_classes, dtype=torch.int64)
        self.add_state("counts", default=counts, dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add one image."""
        guess, truth = _labels(preds, target, self.num_classes, self.ignore_index)
        self.counts += torch.from_numpy(Trimap(truth, self.num_classes).count(guess)).to(self.device)

    def compute(self) -> Tensor:
        """Return the curve, float64 ``[20]``."""
        return torch.tensor([score(width[:, None]).miou for width in _array(self.counts)], dtype=torch.float64)


class MeanBoundaryAccuracy(Metric):
    """CascadePSP's mBA, averaged over images; see ``BoundaryAccuracy``.

    ``update(preds, target)`` takes one image's label maps ``[H, W]``.

    Args:
        num_classes: Number of classes.
        ignore_index: Void label.
    """

    full_state_update = False
    higher_is_better = True
    counts: list[Tensor] | Tensor

    def __init__(self, num_classes: int, ignore_index: int = 255, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self.add_state("counts", default=[], dist_reduce_fx="cat")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add one image."""
        guess, truth = _labels(preds, target, self.num_classes, self.ignore_index)
        counts = BoundaryAccuracy(truth, self.num_classes).count(guess)
        assert isinstance(self.counts, list)
        self.counts.append(torch.from_numpy(counts).to(self.device)[None])

    def compute(self) -> Tensor:
        """Return the mean, float64 scalar."""
        # A list before a sync, a tensor after.
        counts = torch.cat(self.counts) if isinstance(self.counts, list) else self.counts
        return torch.tensor(mean_boundary_accuracy(_array(counts).swapaxes(0, 1)), dtype=torch.float64)


def _labels(preds: Tensor, target: Tensor, num_classes: int, ignore_index: int) -> tuple[Labels, Labels]:
    truth = truth_labels(_array(target), num_classes, ignore_index)
    return predicted_labels(_array(preds), num_classes, truth.shape), truth


def _array(labels: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = labels.cpu().numpy()
    return array
