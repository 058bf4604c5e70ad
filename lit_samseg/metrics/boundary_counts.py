"""Boundary quality of label maps against one ground truth: exact integers, from which all its scores follow."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lit_samseg.metrics.borders import predicted_labels, truth_labels
from lit_samseg.metrics.boundary_iou import BoundaryBands
from lit_samseg.metrics.mba import BoundaryAccuracy
from lit_samseg.metrics.trimap import Trimap


@dataclass(frozen=True)
class BoundaryCounts:
    """Counts of one label map; all int64.

    Attributes:
        before: ``[3, C]``: intersection, ground truth's and prediction's pixels of the Boundary IoU's bands, void
            taken out of both masks before the bands are made (see :mod:`~lit_samseg.metrics.boundary_iou`).
        after: ``[3, C]``: the same, void left out after the bands are made.
        trimap: ``[W, 3, C]``: intersection, gt_area, pred_area of the bands of widths 1..W px
            (see :mod:`~lit_samseg.metrics.trimap`).
        trimap_void: ``[W]``: void pixels in those bands; the same for every prediction.
        mba: ``[2, 5]``: right and all pixels at the five radii (see :mod:`~lit_samseg.metrics.mba`).
    """

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    trimap: NDArray[np.int64]
    trimap_void: NDArray[np.int64]
    mba: NDArray[np.int64]


class BoundaryTruth:
    """A ground truth made ready for any number of predictions.

    Args:
        target: Class ids, integer ``[H, W]``; ``ignore_index`` is void.
        num_classes: Number of classes ``C``.
        ignore_index: Void label.

    Raises:
        ValueError: The ground truth has no pixels, or one that is neither void nor a class.
    """

    def __init__(self, target: NDArray[np.integer], num_classes: int, ignore_index: int) -> None:
        truth = truth_labels(target, num_classes, ignore_index)
        self.shape, self.num_classes = truth.shape, num_classes
        self.bands = BoundaryBands(truth, num_classes)
        self.trimap = Trimap(truth, num_classes)
        self.accuracy = BoundaryAccuracy(truth, num_classes)

    def count(self, prediction: NDArray[np.integer]) -> BoundaryCounts:
        """Count one prediction's pixels.

        Args:
            prediction: Class ids, integer ``[H, W]``; every value below ``num_classes``. `lit_samseg.void.VOID` is no
                class.

        Raises:
            ValueError: The shape is not the ground truth's, or a pixel is neither a class nor void.
        """
        labels = predicted_labels(prediction, self.num_classes, self.shape)
        before, after = self.bands.count(labels)
        return BoundaryCounts(
            before, after, self.trimap.count(labels), self.trimap.void_area, self.accuracy.count(labels)
        )
