"""Trimap IoU: the usual counts, only near the borders of the ground truth, for a range of widths at once."""

import cv2
import numpy as np
from numpy.typing import NDArray

from lit_samseg.metrics.borders import Labels, labels_meet, square

MAX_WIDTH = 20
"""Widths 1..20 px are counted; a width is the reach to either side of a border."""


class Trimap:
    """The bands around a ground truth's borders, made once for every prediction.

    A pixel is in the band of width w if a pixel of another label is within Chebyshev distance w. Void is a label here,
    but its own pixels never count. So void's edges are borders, and on VOC, which outlines every object with void, the
    bands are those of DeepLab and PSPNet (void dilated by a square of 2w + 1) plus the few places where classes touch
    without void between them (0.3 % of the band at 10 px on 200 val images). A data set without void outlines (ADE20K)
    has bands by the same rule. The image's edge is no border. ``void_area`` says how much of a band was not scored.

    Args:
        truth: The ground truth's labels, see :func:`~lit_samseg.metrics.borders.truth_labels`.
        num_classes: Number of classes ``C``.

    Attributes:
        void_area: int64 ``[W]``, void pixels in the band of each width.
    """

    def __init__(self, truth: Labels, num_classes: int) -> None:
        self.num_classes = num_classes
        distance, labels = border_distance(truth).ravel(), truth.ravel()
        in_band = np.flatnonzero(distance <= MAX_WIDTH)
        seen = labels[in_band] != num_classes
        self.void_area: NDArray[np.int64] = np.bincount(
            distance[in_band[~seen]].astype(np.int64) - 1, minlength=MAX_WIDTH
        ).cumsum()
        self.pixels = in_band[seen]
        self.truth = labels[self.pixels]
        # Each pixel's first bin in a histogram over (distance, right or wrong, label).
        self.bins = (distance[self.pixels] - 1).astype(np.int64) * (2 * (num_classes + 1))
        self.gt_area = self._histogram(self.truth)[:, 0].cumsum(axis=0)

    def count(self, prediction: Labels) -> NDArray[np.int64]:
        """Count the bands' pixels.

        Args:
            prediction: Label map ``[H, W]``, see :func:`~lit_samseg.metrics.borders.predicted_labels`.

        Returns:
            int64 ``[W, 3, C]``: for each width intersection, gt_area, pred_area of the non-void pixels of its band.
        """
        guess = prediction.ravel().take(self.pixels)
        counts = self._histogram(guess + (guess == self.truth) * np.int64(self.num_classes + 1))
        right = counts[:, 1].cumsum(axis=0)
        # Where the prediction is void, it is in no class's area.
        return np.stack([right, self.gt_area, counts.sum(axis=1).cumsum(axis=0)], axis=1)

    def _histogram(self, numbers: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the band's pixels by their own distance, the number's half and its class, int64 ``[W, 2, C]``."""
        labels = self.num_classes + 1
        counts = np.bincount(self.bins + numbers, minlength=MAX_WIDTH * 2 * labels)
        return counts.reshape(MAX_WIDTH, 2, labels)[:, :, : self.num_classes]


def border_distance(labels: Labels) -> NDArray[np.float32]:
    """Return each pixel's Chebyshev distance to the nearest pixel of another label.

    One label alone has no border; its distances are larger than the image.

    Args:
        labels: Label map ``[H, W]``.

    Returns:
        float32 ``[H, W]``, whole numbers of at least 1.
    """
    edge = labels_meet(labels, square(1))
    if not edge.any():
        return np.full(labels.shape, max(*labels.shape, MAX_WIDTH) + 1, dtype=np.float32)
    # On a shortest way to another label the last pixel but one has the first pixel's label and is next to another: its
    # distance is one less. So one transform serves all labels. The 3x3 mask is exact for this distance.
    steps = cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_C, 3)
    return np.asarray(steps, dtype=np.float32) + 1
