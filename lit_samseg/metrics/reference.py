"""torchmetrics' scores beside our own: an independent road to the same numbers."""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy, MulticlassJaccardIndex

from lit_samseg.metrics.counts import PAIRED
from lit_samseg.metrics.scores import score
from lit_samseg.void import VOID

TOLERANCE = 1e-6
"""torchmetrics divides in float32."""


class TorchmetricsScores(nn.Module):
    """mIoU and mAcc of each row as torchmetrics computes them.

    ``MulticlassAccuracy(average="macro")`` is not mAcc (it counts a class that was only predicted as 0), so the
    per-class accuracies are averaged over the classes of the ground truth here. A prediction's void is an extra class
    that is left out of the mean. For more than `PAIRED` classes nothing is compared: torchmetrics keeps a number for
    every pair of classes, for each row.

    Args:
        rows: Names of the rows, ``R`` of them.
        num_classes: Number of classes ``C``.
    """

    def __init__(self, rows: Sequence[str], num_classes: int) -> None:
        super().__init__()
        self.rows, self.num_classes = list(rows) if num_classes <= PAIRED else [], num_classes
        self.jaccard = nn.ModuleList(
            MulticlassJaccardIndex(num_classes + 1, average="macro", ignore_index=num_classes, validate_args=False)
            for _ in self.rows
        )
        self.accuracy = nn.ModuleList(
            MulticlassAccuracy(num_classes + 1, average="none", validate_args=False) for _ in self.rows
        )

    def reset(self) -> None:
        """Forget all images."""
        for metric in (*self.jaccard, *self.accuracy):
            metric.reset()

    def update(self, row: str, prediction: Tensor, target: Tensor) -> None:
        """Add one image's pixels that are not void, integer ``[K]``, to a row.

        The caller leaves void out: once an image; once a row and metric it took most of the counting's time.
        """
        if target.numel() == 0 or not self.rows:
            # An image that is void all over; torchmetrics cannot reshape nothing.
            return
        index = self.rows.index(row)
        prediction = torch.where(prediction == VOID, self.num_classes, prediction)
        self.jaccard[index].update(prediction, target)  # type: ignore[operator]
        self.accuracy[index].update(prediction, target)  # type: ignore[operator]

    def check(self, counts: NDArray[np.int64]) -> None:
        """Assert that the counts of the images that were added have the same scores, over all processes.

        Args:
            counts: int64 ``[R, 3, N, C]``: intersection, gt_area, pred_area.

        Raises:
            RuntimeError: They have not.
        """
        for row, jaccard, accuracy, own in zip(
            self.rows, self.jaccard, self.accuracy, counts[: len(self.rows)], strict=True
        ):
            with warnings.catch_warnings():
                # Of a process whose images were void all over; it has to take part, or the others would wait for it.
                warnings.filterwarnings("ignore", ".*method of metric .* was called before", UserWarning)
                accuracies, miou = accuracy.compute()[:-1], jaccard.compute()  # type: ignore[operator]
            ours = score(own)
            gt_present = torch.from_numpy(ours.gt_area > 0).to(accuracies.device)
            if not gt_present.any():
                continue
            for name, value, theirs in (
                ("miou", ours.miou, float(miou)),
                ("macc", ours.macc, float(accuracies[gt_present].mean())),
            ):
                if not abs(theirs - value) <= TOLERANCE:
                    raise RuntimeError(f"{row}: {name} is {value} by counts, {theirs} by torchmetrics")
