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
        self.num_classes, self.truth = num_classes, truth
        self.kernel = square(boundary_width(*truth.shape))
        self.seen = truth != num_classes
        # The highest label there is, where the ground truth is void.
        self.void = np.where(self.seen, 0, num_classes).astype(truth.dtype)
        self.has_void = not self.seen.all()
        self.band = self._near(truth) & self.seen
        self.gt_area: NDArray[np.int64] = np.bincount(truth[self.band], minlength=num_classes)

    def count(self, prediction: Labels) -> NDArray[np.int64]:
        """Count the bands' pixels.

        Args:
            prediction: Label map ``[H, W]``, see :func:`~lit_samseg.metrics.borders.predicted_labels`.

        Returns:
            int64 ``[2, 3, C]``: ``before`` and ``after``; intersection, ground truth's band, prediction's band.
        """
        after = self._near(prediction) & self.seen
        before = self._near(np.maximum(prediction, self.void)) & self.seen if self.has_void else after
        right = (prediction == self.truth) & self.band
        # One histogram of what a pixel is and of its label, and only of pixels in a band.
        kinds = after.view(np.uint8) * 4 + before.view(np.uint8) * 2 + right.view(np.uint8)
        some, labels = kinds != 0, self.num_classes + 1
        numbers = kinds[some] * np.intp(labels) + prediction[some]
        counts = np.bincount(numbers, minlength=8 * labels).reshape(2, 2, 2, labels)[..., : self.num_classes]
        found = [(of[:, 1].sum(axis=0), self.gt_area, of.sum(axis=(0, 1))) for of in (counts[:, 1], counts[1])]
        return np.array(found, dtype=np.int64)

    def _near(self, labels: Labels) -> NDArray[np.bool_]:
        """Find the labels' own bands."""
        return labels_meet(labels, self.kernel, outside=self.num_classes + 1)
