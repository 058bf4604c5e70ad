"""Label maps with void as a label of its own, and where their labels meet: for all classes in one pass.

The pixels of class c that are near something else are the pixels labelled c whose window holds a second label. So one
maximum and one minimum filter over the label map find them for every class at once, exactly. The values themselves are
never used as numbers: a filtered map is only ever compared with another, so that the order of the classes plays no part
(eroding the label map and subtracting would invent classes).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from lit_samseg.void import VOID

Labels = NDArray[np.uint8] | NDArray[np.uint16]
"""Label map ``[H, W]`` in the smallest type OpenCV filters: classes 0..C-1, C is void, C + 1 outside the image."""


def truth_labels(target: NDArray[np.integer], num_classes: int, ignore_index: int) -> Labels:
    """Return the ground truth with void as label ``num_classes``.

    Args:
        target: Class ids, integer ``[H, W]``; ``ignore_index`` is void.
        num_classes: Number of classes ``C``.
        ignore_index: Void label.

    Raises:
        ValueError: A pixel is neither void nor a class.
    """
    void = target == ignore_index
    labels = _compact(np.where(void, 0, target), num_classes, "target")
    np.putmask(labels, void, num_classes)
    return labels


def predicted_labels(prediction: NDArray[np.integer], num_classes: int, shape: tuple[int, ...]) -> Labels:
    """Return a prediction in the ground truth's form; `VOID` becomes label ``num_classes``, which is no class's.

    Args:
        prediction: Class ids, integer ``[H, W]``, and `VOID`.
        num_classes: Number of classes ``C``.
        shape: The ground truth's.

    Raises:
        ValueError: The shapes differ, or a pixel is not a class.
    """
    if prediction.shape != shape:
        raise ValueError(f"prediction {prediction.shape} and target {shape} differ")
    if prediction.size == 0 or prediction.min() != VOID:
        return _compact(prediction, num_classes, "prediction")
    void = prediction == VOID
    labels = _compact(np.where(void, 0, prediction), num_classes, "prediction")
    np.putmask(labels, void, num_classes)
    return labels


def _compact(label_map: NDArray[np.integer], num_classes: int, what: str) -> Labels:
    if label_map.size == 0:
        raise ValueError(f"{what} {label_map.shape} has no pixels")
    low, high = int(label_map.min()), int(label_map.max())
    if low < 0 or high >= num_classes:
        raise ValueError(f"{what} has label {low if low < 0 else high}; the classes are 0..{num_classes - 1}")
    # The highest label is the outside's, C + 1.
    if num_classes + 1 <= np.iinfo(np.uint8).max:
        return np.ascontiguousarray(label_map, dtype=np.uint8)
    return np.ascontiguousarray(label_map, dtype=np.uint16)


def labels_meet(labels: Labels, kernel: NDArray[np.uint8], outside: int | None = None) -> NDArray[np.bool_]:
    """Find the pixels whose window holds more than one label.

    Args:
        labels: Label map ``[H, W]``.
        kernel: uint8 ``[2r + 1, 2r + 1]``, point-symmetric; 1 in the window.
        outside: Label of everything outside the image, higher than all others; None: the window ends at the image.

    Returns:
        bool ``[H, W]``.
    """
    lowest = cv2.erode(labels, kernel)
    if outside is None:
        return np.not_equal(cv2.dilate(labels, kernel), lowest)
    highest = cv2.dilate(labels, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=(outside,))
    return np.not_equal(highest, lowest)


def square(radius: int) -> NDArray[np.uint8]:
    """Return the window of all pixels within a Chebyshev distance."""
    return np.ones((2 * radius + 1, 2 * radius + 1), dtype=np.uint8)
