"""Rows that saw the same images, as float64 sums can be taken of them, and the scores of many such sums at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

METRICS = ("miou", "miou_gt_present", "macc")
# Its class set does not depend on the predictions, so a difference in it is a difference in IoU and nothing else.
PRIMARY_METRIC = "miou_gt_present"

_CHUNK_ELEMENTS = 2**20


@dataclass(frozen=True)
class PairedCounts:
    """Counts of ``R`` rows over the same ``N`` images, without the ``C - K`` classes that occur nowhere.

    Integers in float64, for which BLAS has a matrix product. A product with weights that are integers too is exact,
    and so independent of summation order, threads and chunks: all terms and partial sums are integers of at most
    ``N * max(weight) * pixels of an image``, and float64 holds every integer up to 2**53 = 9e15.

    Attributes:
        gt_area: ``[N, K]``, one for all rows.
        intersection: ``[R, N, K]``.
        union: ``[R, N, K]``, gt_area + pred_area - intersection.
    """

    gt_area: Floats
    intersection: Floats
    union: Floats

    @classmethod
    def from_counts(cls, counts: NDArray[np.int64]) -> "PairedCounts":
        """Take over counts int64 ``[R, 3, N, C]`` (intersection, gt_area, pred_area).

        Raises:
            ValueError: The shape is another one, or two rows have different ground truth.
        """
        if counts.ndim != 4 or counts.shape[0] < 1 or counts.shape[1] != 3:
            raise ValueError(f"counts have the shape {counts.shape}, expected [rows, 3, images, classes]")
        rows, _, images, _ = counts.shape
        gt_area = counts[0, 1]
        for row in range(1, rows):
            if not np.array_equal(counts[row, 1], gt_area):
                raise ValueError(f"row {row} has another ground truth than row 0; the rows are not paired")
        occurs = np.logical_or.reduce([row[1:].any(axis=(0, 1)) for row in counts])
        intersection = np.empty((rows, images, int(occurs.sum())))
        union = np.empty_like(intersection)
        for row, (hit, truth, guess) in enumerate(counts):
            intersection[row] = hit[:, occurs]
            union[row] = (truth + guess - hit)[:, occurs]
        return cls(gt_area[:, occurs].astype(np.float64), intersection, union)

    @property
    def images(self) -> int:
        """``N``."""
        return len(self.gt_area)

    @property
    def scored(self) -> int:
        """The number of images that are not all void."""
        return int(self.gt_area.any(axis=1).sum())

    def changed(self) -> NDArray[np.int64]:
        """Return on how many images each row differs from row 0, int64 ``[R - 1]``."""
        pairs = zip(self.intersection[1:], self.union[1:], strict=True)
        differs = [(hit != self.intersection[0]) | (union != self.union[0]) for hit, union in pairs]
        return np.array([row.any(axis=1).sum() for row in differs], np.int64)

    def chunk(self) -> int:
        """Return how many weightings of the images to work on at once.

        An array of one number per weighting and image, or per weighting and class, then has at most 2**20 elements
        (8 MiB), or one weighting's if that is more. About twelve such arrays live at a time.
        """
        images, classes = self.gt_area.shape
        return max(1, _CHUNK_ELEMENTS // max(int(images), int(classes), 1))

    def observed(self) -> Floats:
        """Return the differences to row 0 on the images as they are, float64 ``[R - 1, 3]`` by ``METRICS``."""
        scores = pooled_scores(self.intersection.sum(axis=1), self.union.sum(axis=1), self.gt_area.sum(axis=0))
        differences: Floats = scores[1:] - scores[0]
        return differences


def pooled_scores(intersection: Floats, union: Floats, gt_area: Floats) -> Floats:
    """Score sums over images as ``scores.score`` does, many at once; each has its own set of classes.

    Args:
        intersection: ``[..., K]``.
        union: ``[..., K]``.
        gt_area: ``[..., K]``, or a shape that broadcasts to it.

    Returns:
        ``[..., 3]`` by ``METRICS``; nan where there is no class to average over.
    """
    # A class without union has no intersection either: 0 / 1 adds nothing to a sum, and the class is not counted.
    iou = intersection / np.maximum(union, 1)
    present = gt_area > 0
    known = np.count_nonzero(present, axis=-1)
    accuracy = intersection / np.maximum(gt_area, 1)
    with np.errstate(invalid="ignore"):
        return np.stack(
            [
                iou.sum(axis=-1) / np.count_nonzero(union > 0, axis=-1),
                (iou * present).sum(axis=-1) / known,
                accuracy.sum(axis=-1) / known,
            ],
            axis=-1,
        )
