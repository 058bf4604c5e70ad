"""mBA against its definition: each class's gradient by scipy, with an ellipse written out here."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

from lit_samseg.metrics import BoundaryTruth
from lit_samseg.metrics.boundary_scores import mean_boundary_accuracy
from lit_samseg.metrics.mba import boundary_radii
from tests.metrics.label_maps import random_pair

REAL = Path(__file__).parents[3] / "shared/data/VOCdevkit/VOC2012/SegmentationClass"

STRIPS = [(1, 1), (1, 800), (900, 2), (6, 1500), (30, 770), (250, 425)]
"""From w + h = 675 on the radii grow; at 1506 they are 1, 1, 2, 3, 4."""


def ellipse(radius: int) -> np.ndarray:
    """The rows of a disk, their half-widths rounded to the nearest pixel."""
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1), dtype=bool)
    for dy in range(-radius, radius + 1):
        half = round(float(np.sqrt(radius**2 - dy**2)))
        kernel[dy + radius, radius - half : radius + half + 1] = True
    return kernel


def slow_counts(prediction: np.ndarray, target: np.ndarray, void: int) -> np.ndarray:
    """``[2, 5]``: right and all pixels of the union of the classes' gradients, less void."""
    height, width = target.shape
    counts = np.zeros((2, 5), dtype=np.int64)
    for i in range(5):
        kernel = ellipse(1 + int(((width + height) / 300 - 1) / 5 * i))
        region = np.zeros(target.shape, dtype=bool)
        for c in np.unique(target[target != void]):
            mask = target == c
            # Outside the image is neither in the mask nor out of it.
            region |= binary_dilation(mask, kernel) & ~binary_erosion(mask, kernel, border_value=1)
        region &= target != void
        counts[:, i] = (region & (prediction == target)).sum(), region.sum()
    return counts


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(STRIPS), st.sampled_from([5, 150]))
def test_random_maps(seed: int, shape: tuple[int, int], num_classes: int) -> None:
    prediction, target = random_pair(np.random.default_rng(seed), shape, num_classes)
    counts = BoundaryTruth(target, num_classes, 255).count(prediction).mba
    assert counts.dtype == np.int64
    np.testing.assert_array_equal(counts, slow_counts(prediction, target, 255))
    # Pixels at all radii or at none.
    assert counts[1].all() or not counts[1].any()


@pytest.mark.parametrize(
    ("shape", "radii"),
    [
        ((375, 500), [1, 1, 1, 2, 2]),
        ((300, 375), [1, 1, 1, 1, 2]),
        ((300, 374), [1] * 5),
        ((1, 1), [1] * 5),
        ((1500, 1500), [1, 2, 4, 6, 8]),
    ],
)
def test_radii(shape: tuple[int, int], radii: list[int]) -> None:
    assert boundary_radii(*shape) == radii


def test_by_hand() -> None:
    """Two halves meet between columns 3 and 4: two pixels a row; one of ten is wrong."""
    target = np.zeros((5, 8), dtype=np.uint8)
    target[:, 4:] = 1
    prediction = target.copy()
    prediction[0, 3] = 1
    prediction[:, 7] = 0
    counts = BoundaryTruth(target, 2, 255).count(prediction).mba
    assert counts.tolist() == [[9] * 5, [10] * 5]
    # Void is neither right nor wrong; beside it (1, 2) and (1, 5) are boundary now.
    target[1, 3:5] = 255
    counts = BoundaryTruth(target, 2, 255).count(prediction).mba
    assert counts.tolist() == [[9] * 5, [10] * 5]


def test_mean_over_radii_then_images() -> None:
    right = np.array([[1, 2, 3, 4, 5], [0, 0, 0, 0, 0], [5, 5, 5, 5, 0]])
    pixels = np.array([[2, 4, 6, 8, 10], [0, 0, 0, 0, 0], [5, 5, 5, 5, 5]])
    # The middle image has no boundary and is no image with accuracy 0.
    assert mean_boundary_accuracy(np.stack([right, pixels])) == pytest.approx((0.5 + 0.8) / 2)
    assert np.isnan(mean_boundary_accuracy(np.zeros((2, 3, 5), dtype=np.int64)))


@pytest.mark.real
@pytest.mark.parametrize("image_id", ["2007_000033", "2007_000042", "2007_000129"])
def test_real_voc(image_id: str) -> None:
    target = np.array(Image.open(REAL / f"{image_id}.png"))
    prediction = np.roll(np.where(target == 255, 0, target), (1, -2), axis=(0, 1))
    counts = BoundaryTruth(target, 21, 255).count(prediction).mba
    np.testing.assert_array_equal(counts, slow_counts(prediction, target, 255))
    assert 0.3 < mean_boundary_accuracy(counts[:, None]) < 0.95
