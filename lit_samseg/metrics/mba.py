"""mBA, mean boundary accuracy (Cheng et al., CascadePSP, CVPR 2020) of a label map, as counts."""

import cv2
import numpy as np
from numpy.typing import NDArray

from lit_samseg.metrics.borders import Labels, labels_meet

STEPS = 5
"""Number of radii."""


def boundary_radii(height: int, width: int) -> list[int]:
    """Return the radii in pixels, from 1 towards (w + h) / 300: 1, 1, 1, 2, 2 at 375x500."""
    largest = (width + height) / 300
    return [1 + int((largest - 1) / STEPS * i) for i in range(STEPS)]


class BoundaryAccuracy:
    """The ground truth's boundary bands at five radii, made once for every prediction.

    The original (``compute_boundary_acc_multi_class`` of CascadePSP) takes the union over the classes of the
    morphological gradient with an elliptic kernel, and the share of the band's non-void pixels that are right. It has
    void at 0 and expects the prediction to be 0 there too; here void is any label, and its pixels are neither right nor
    wrong whatever the prediction says. An edge against void is a boundary, the image's edge is not, as in the
    original. A pixel is in the union where its window holds two labels.

    Args:
        truth: The ground truth's labels, see :func:`~lit_samseg.metrics.borders.truth_labels`.
        num_classes: Number of classes ``C``.
    """

    def __init__(self, truth: Labels, num_classes: int) -> None:
        self.truth = truth
        self.radii = boundary_radii(*truth.shape)
        seen = truth != num_classes
        self.bands = {radius: labels_meet(truth, _disk(radius)) & seen for radius in set(self.radii)}

    def count(self, prediction: Labels) -> NDArray[np.int64]:
        """Count the bands' pixels.

        Args:
            prediction: Label map ``[H, W]``, see :func:`~lit_samseg.metrics.borders.predicted_labels`.

        Returns:
            int64 ``[2, 5]``: right pixels and all pixels at each radius; all 0 where the ground truth has no boundary.
        """
        right = prediction == self.truth
        counts = {
            radius: (np.count_nonzero(right & band), np.count_nonzero(band)) for radius, band in self.bands.items()
        }
        return np.array([counts[radius] for radius in self.radii], dtype=np.int64).T


def _disk(radius: int) -> NDArray[np.uint8]:
    size = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), dtype=np.uint8)
