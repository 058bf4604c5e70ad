"""torchmetrics' scores beside our own: an independent road to the same numbers, and what loggers get."""

import warnings

import torch
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy, MulticlassJaccardIndex


class TorchmetricsScores(nn.Module):
    """mIoU and mAcc of one row as torchmetrics computes them.

    ``MulticlassAccuracy(average="macro")`` is not mAcc (it counts a class that was only predicted as 0), so the
    per-class accuracies are averaged over the classes of the ground truth here.

    Args:
        num_classes: Number of classes.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.jaccard = MulticlassJaccardIndex(num_classes, average="macro", validate_args=False)
        self.accuracy = MulticlassAccuracy(num_classes, average="none", validate_args=False)

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add one image's pixels that are not void, integer ``[K]``.

        The caller leaves void out: once an image; once a row and metric it took most of the counting's time.
        """
        if target.numel() == 0:
            # An image that is void all over; torchmetrics cannot reshape nothing.
            return
        self.jaccard.update(prediction, target)
        self.accuracy.update(prediction, target)

    def compute(self, gt_present: Tensor) -> dict[str, Tensor]:
        """Return ``miou`` and ``macc`` over all processes; ``gt_present`` is bool ``[C]``."""
        with warnings.catch_warnings():
            # Of a process whose images were void all over; it has to take part, or the others would wait for it.
            warnings.filterwarnings("ignore", ".*method of metric .* was called before", UserWarning)
            accuracy, miou = self.accuracy.compute(), self.jaccard.compute()
        return {
            "miou": miou,
            "macc": accuracy[gt_present].mean() if gt_present.any() else torch.tensor(float("nan")),
        }
