"""torchmetrics' scores beside our own: another road from the same pixels to the same numbers."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torchmetrics
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.classification import MulticlassAccuracy, MulticlassJaccardIndex

from lit_samseg.metrics.counts import PAIRED
from lit_samseg.metrics.scores import score

TOLERANCE = 1e-6
"""torchmetrics divides in float32."""


class TorchmetricsScores(torchmetrics.Metric):
    """mIoU and mAcc of each row as torchmetrics computes them from the pairs of classes of all images.

    The pairs are added up where the label maps are, and nobody waits for them before the end: torchmetrics' own
    ``update`` made most of the waits for a GPU, and of deterministic algorithms a table of pixels by pairs, gigabytes
    large. That our pairs are what its ``update`` makes of whole label maps is what the tests compare.

    ``MulticlassAccuracy(average="macro")`` is not mAcc (it counts a class that was only predicted as 0), so the
    per-class accuracies are averaged over the classes of the ground truth here. A prediction's void is an extra class
    that is left out of the mean. For more than `PAIRED` classes nothing is compared: there is a number for every pair
    of classes, for each row.

    Args:
        rows: Names of the rows, ``R`` of them.
        num_classes: Number of classes ``C``.

    Attributes:
        pairs: int64 ``[R, C, C + 1]``, see `lit_samseg.metrics.counts.count_pairs`.
    """

    full_state_update = False
    pairs: Tensor

    def __init__(self, rows: Sequence[str], num_classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rows, self.num_classes = list(rows) if num_classes <= PAIRED else [], num_classes
        shape = (len(self.rows), num_classes, num_classes + 1) if self.rows else (0, 0, 0)
        self.add_state("pairs", default=torch.zeros(shape, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, pairs: Tensor) -> None:
        """Add one image's pairs, int64 ``[R, C, C + 1]``."""
        self.pairs += pairs

    def compute(self) -> NDArray[np.int64]:
        """Return the pairs of all images."""
        added: NDArray[np.int64] = self.pairs.cpu().numpy()
        return added

    def check(self, counts: NDArray[np.int64]) -> None:
        """Assert that the counts of the images that were added have the same scores, over all processes.

        Args:
            counts: int64 ``[R, 3, N, C]``: intersection, gt_area, pred_area.

        Raises:
            RuntimeError: They have not.
        """
        if not self.rows:
            return
        with warnings.catch_warnings():
            # Of a process without images; it has to take part, or the others would wait for it.
            warnings.filterwarnings("ignore", ".*method of metric .* was called before", UserWarning)
            every = self.compute()
            for row, pairs, own in zip(self.rows, every, counts, strict=True):
                self._compare(row, pairs, own)

    def _compare(self, row: str, pairs: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        ours = score(counts)
        gt_present = ours.gt_area > 0
        if not gt_present.any():
            return
        miou, accuracies = self._theirs(pairs)
        for name, value, theirs in (
            ("miou", ours.miou, miou),
            ("macc", ours.macc, float(accuracies[torch.from_numpy(gt_present)].mean())),
        ):
            if not abs(theirs - value) <= TOLERANCE:
                raise RuntimeError(f"{row}: {name} is {value} by counts, {theirs} by torchmetrics")

    def _theirs(self, pairs: NDArray[np.int64]) -> tuple[float, Tensor]:
        """Return torchmetrics' mIoU, and its accuracy of each class, float32 ``[C]``, as if it had made the pairs."""
        # Nothing predicted to be void is void: the last row is empty.
        matrix = torch.from_numpy(np.pad(pairs, ((0, 1), (0, 0))))
        classes = self.num_classes + 1
        jaccard = MulticlassJaccardIndex(
            classes, average="macro", ignore_index=self.num_classes, validate_args=False, sync_on_compute=False
        )
        jaccard.confmat = matrix
        accuracy = MulticlassAccuracy(classes, average="none", validate_args=False, sync_on_compute=False)
        right, guessed, true = matrix.diagonal(), matrix.sum(0), matrix.sum(1)
        accuracy.tp, accuracy.fp, accuracy.fn = right, guessed - right, true - right
        accuracy.tn = matrix.sum() - guessed - true + right
        return float(jaccard.compute()), accuracy.compute()[:-1]
