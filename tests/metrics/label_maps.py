"""Label maps that look like segmentations: blobs, thin lines, specks; ground truth with void in several places."""

import numpy as np

from lit_samseg.void import VOID

SHAPES = [(1, 1), (1, 9), (7, 1), (2, 2), (3, 40), (17, 23), (31, 30), (90, 120), (5, 700)]
"""The Boundary IoU's d is 1 up to (31, 30), 3 at (90, 120), 14 at (5, 700)."""


def random_map(numbers: np.random.Generator, shape: tuple[int, int], classes: np.ndarray) -> np.ndarray:
    """Blobs of some of the classes, thin lines and specks of others."""
    some = numbers.choice(classes, numbers.integers(1, len(classes) + 1), replace=False)
    block = numbers.integers(1, 12)
    height, width = shape
    coarse = numbers.choice(some, (height // block + 1, width // block + 1))
    labels = coarse.repeat(block, 0).repeat(block, 1)[:height, :width].copy()
    for _ in range(numbers.integers(3)):
        labels[numbers.integers(height)] = numbers.choice(some)
        labels[:, numbers.integers(width)] = numbers.choice(some)
    for _ in range(numbers.integers(5)):
        labels[numbers.integers(height), numbers.integers(width)] = numbers.choice(some)
    return labels


def random_pair(
    numbers: np.random.Generator, shape: tuple[int, int], num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """A prediction and a ground truth that share most labels; classes are absent from one, or from both.

    Some predictions have void, too.
    """
    classes = numbers.choice(num_classes, min(num_classes, numbers.integers(2, 30)), replace=False)
    target = random_map(numbers, shape, classes)
    prediction = np.where(numbers.random(shape) < numbers.choice([0.0, 0.01, 0.5]), target[::-1], target)
    if numbers.random() < 0.6:
        prediction = np.roll(prediction, numbers.integers(-3, 4), axis=numbers.integers(2))
    if numbers.random() < 0.2:
        prediction = random_map(numbers, shape, classes)
    prediction = prediction.astype(numbers.choice([np.int64, np.uint16]))
    if numbers.random() < 0.3:
        prediction = with_void(numbers, prediction, VOID)
    return prediction, with_void(numbers, target, void_of(num_classes))


def with_void(numbers: np.random.Generator, target: np.ndarray, label: int) -> np.ndarray:
    """Void nowhere, around the objects, in a rectangle, as specks, or everywhere."""
    height, width = target.shape
    kind = numbers.choice(["none", "outlines", "rectangle", "specks", "all"], p=[0.2, 0.35, 0.2, 0.2, 0.05])
    void = np.zeros(target.shape, dtype=bool)
    if kind == "outlines":
        void[1:] |= target[1:] != target[:-1]
        void[:, 1:] |= target[:, 1:] != target[:, :-1]
    elif kind == "rectangle":
        top, left = numbers.integers(height), numbers.integers(width)
        void[top : top + 1 + height // 3, left : left + 1 + width // 3] = True
    elif kind == "specks":
        void = numbers.random(target.shape) < 0.03
    elif kind == "all":
        void[:] = True
    labels = target.astype(np.int64)
    labels[void] = label
    return labels


def void_of(num_classes: int) -> int:
    """Past 255 classes 255 is a class."""
    return 255 if num_classes <= 255 else -1
