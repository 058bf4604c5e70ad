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
        distance = border_distance(truth).ravel()
        void = truth.ravel() == num_classes
        in_band = distance <= MAX_WIDTH
        self.void_area: NDArray[np.int64] = np.bincount(distance[in_band & void] - 1, minlength=MAX_WIDTH).cumsum()
        self.pixels = np.flatnonzero(in_band & ~void)
        self.truth = truth.ravel()[self.pixels]
        # Each pixel's first bin in a histogram over (distance, class).
        self.bins = (distance[self.pixels] - 1) * num_classes
        self.gt_area = self._histogram(self.bins + self.truth)

    def count(self, prediction: Labels) -> NDArray[np.int64]:
        """Count the bands' pixels.

        Args:
            prediction: Label map ``[H, W]``, see :func:`~lit_samseg.metrics.borders.predicted_labels`.

        Returns:
            int64 ``[W, 3, C]``: for each width intersection, gt_area, pred_area of the non-void pixels of its band.
        """
        guess = prediction.ravel()[self.pixels]
        bins = self.bins + guess
        right = self._histogram(bins[guess == self.truth])
        # Where the prediction is void, it is in no class's area.
        return np.stack([right, self.gt_area, self._histogram(bins[guess < self.num_classes])], axis=1)

    def _histogram(self, bins: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return pixels per width and class, int64 ``[W, C]``; a width holds all narrower ones."""
        counts = np.bincount(bins, minlength=MAX_WIDTH * self.num_classes)
        total: NDArray[np.int64] = counts.reshape(MAX_WIDTH, self.num_classes).cumsum(axis=0)
        return total


def border_distance(labels: Labels) -> NDArray[np.int64]:
    """Return each pixel's Chebyshev distance to the nearest pixel of another label.

    One label alone has no border; its distances are larger than the image.

    Args:
        labels: Label map ``[H, W]``.

    Returns:
        int64 ``[H, W]``, at least 1.
    """
    edge = labels_meet(labels, square(1))
    if not edge.any():
        return np.full(labels.shape, max(*labels.shape, MAX_WIDTH) + 1, dtype=np.int64)
    # On a shortest way to another label the last pixel but one has the first pixel's label and is next to another: its
    # distance is one less. So one transform serves all labels. The 3x3 mask is exact for this distance.
    steps = cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_C, 3)
    return np.asarray(steps, dtype=np.int64) + 1
