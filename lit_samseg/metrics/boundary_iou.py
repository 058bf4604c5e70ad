"""Boundary IoU (Cheng et al., CVPR 2021) of a label map: per class on binary masks, as counts."""

import numpy as np
from numpy.typing import NDArray

from lit_samseg.metrics.borders import Labels, labels_meet, square


def boundary_width(height: int, width: int) -> int:
    """Return d in pixels: 2 % of the image's diagonal, at least 1 (12 at 375x500, 17 at 512x683)."""
    return max(1, round(0.02 * float(np.hypot(height, width))))


class BoundaryBands:
    """The ground truth's bands, made once for every prediction that is compared with them.

    The band of a mask is its pixels within Chebyshev distance d of a pixel that is not in it; outside the image nothing
    is in it. That is the mask less its erosion by d steps of a 3x3 square after padding with zeros
    (``mask_to_boundary`` of the authors' boundary-iou-api). Background is a class like any other.

    Void, which that code does not know, is treated in two ways:

    - ``before``: void pixels leave both masks before the bands are made, so an edge against void is contour in both.
      What a prediction says in void plays no part.
    - ``after``: bands are made of the masks as they are, then void pixels are not counted. The ground truth's edge
      against void is contour, while the prediction's contour opposite may lie inside void. Where objects are outlined
      with void, as in VOC, this is far lower.

    Args:
        truth: The ground truth's labels, see :func:`~lit_samseg.metrics.borders.truth_labels`.
        num_classes: Number of classes ``C``.
    """

    def __init__(self, truth: Labels, num_classes: int) -> None:
        self.num_classes = num_classes
        self.kernel = square(boundary_width(*truth.shape))
        self.void = truth == num_classes
        self.band = self._band(truth)
        self.gt_area = self._histogram(self.band)

    def count(self, prediction: Labels) -> NDArray[np.int64]:
        """Count the bands' pixels.

        Args:
            prediction: Label map ``[H, W]``, see :func:`~lit_samseg.metrics.borders.predicted_labels`.

        Returns:
            int64 ``[2, 3, C]``: ``before`` and ``after``; intersection, ground truth's band, prediction's band.
        """
        before = self._band(_without(prediction, self.void, self.num_classes))
        after = _without(self._band(prediction), self.void, self.num_classes)
        return np.stack([self._compare(before), self._compare(after)])

    def _band(self, labels: Labels) -> Labels:
        """Return the labels in their own bands, elsewhere void's label."""
        near = labels_meet(labels, self.kernel, outside=self.num_classes + 1)
        return _without(labels, ~near, self.num_classes)

    def _compare(self, band: Labels) -> NDArray[np.int64]:
        both = self._histogram(band[band == self.band])
        return np.stack([both, self.gt_area, self._histogram(band)])

    def _histogram(self, labels: Labels) -> NDArray[np.int64]:
        return np.bincount(labels.ravel(), minlength=self.num_classes)[: self.num_classes]


def _without(labels: Labels, where: NDArray[np.bool_], instead: int) -> Labels:
    kept = labels.copy()
    np.putmask(kept, where, instead)
    return kept
