"""The trimap's counts against brute force: every pixel's distance to every pixel of another label."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter

from lit_samseg.metrics import BoundaryTruth, count_pixels
from lit_samseg.metrics.trimap import border_distance
from lit_samseg.void import VOID
from tests.metrics.label_maps import SHAPES, random_pair, void_of

REAL = Path(__file__).parents[3] / "shared/data/VOCdevkit/VOC2012/SegmentationClass"
WIDTHS = 20


def brute_distance(labels: np.ndarray) -> np.ndarray:
    """Chebyshev distance to the nearest other label; infinite if there is none."""
    rows, columns = (axis.ravel() for axis in np.indices(labels.shape))
    flat = labels.ravel()
    distance = np.full(flat.size, np.inf)
    for n in range(flat.size):
        other = flat != flat[n]
        if other.any():
            distance[n] = np.maximum(abs(rows[other] - rows[n]), abs(columns[other] - columns[n])).min()
    return distance.reshape(labels.shape)


def slow_counts(
    prediction: np.ndarray, target: np.ndarray, bands: list[np.ndarray], num_classes: int, void: int
) -> tuple[np.ndarray, np.ndarray]:
    """``[W, 3, C]`` and the void area ``[W]`` of the given bands."""
    seen = target != void
    counts = np.zeros((len(bands), 3, num_classes), dtype=np.int64)
    for width, band in enumerate(bands):
        for c in np.union1d(target[seen], prediction[prediction != VOID]):
            truth, guess = band & seen & (target == c), band & seen & (prediction == c)
            counts[width, :, c] = (truth & guess).sum(), truth.sum(), guess.sum()
    return counts, np.array([(band & ~seen).sum() for band in bands])


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([*SHAPES[:-2], (45, 50), (2, 90)]), st.sampled_from([6, 150, 300]))
def test_random_maps(seed: int, shape: tuple[int, int], num_classes: int) -> None:
    void = void_of(num_classes)
    prediction, target = random_pair(np.random.default_rng(seed), shape, num_classes)
    distance = brute_distance(target)
    bands = [distance <= width for width in range(1, WIDTHS + 1)]
    expected, void_area = slow_counts(prediction, target, bands, num_classes, void)
    counts = BoundaryTruth(target, num_classes, void).count(prediction)
    assert counts.trimap.dtype == counts.trimap_void.dtype == np.int64
    np.testing.assert_array_equal(counts.trimap, expected)
    np.testing.assert_array_equal(counts.trimap_void, void_area)


def test_distances_far_from_a_border() -> None:
    """One odd pixel in a corner: the distance is the larger coordinate, over the whole image."""
    labels = np.zeros((300, 900), dtype=np.uint8)
    labels[0, 0] = 1
    expected = np.maximum(*np.indices(labels.shape))
    expected[0, 0] = 1
    np.testing.assert_array_equal(border_distance(labels), expected)


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (200, 7)])
def test_one_label_has_no_band(shape: tuple[int, int]) -> None:
    """The image's edge is no border."""
    for label in (2, 255):
        counts = BoundaryTruth(np.full(shape, label, dtype=np.uint8), 3, 255).count(np.zeros(shape, dtype=np.uint8))
        assert not counts.trimap.any()
        assert not counts.trimap_void.any()


def test_a_band_as_wide_as_the_image_is_the_image() -> None:
    numbers = np.random.default_rng(5)
    target = np.repeat([0, 1, 255, 2], [9, 9, 2, 20])[None].repeat(30, 0)
    prediction = np.where(numbers.random(target.shape) < 0.5, 3, np.where(target == 255, 1, target))
    whole = count_pixels(torch.from_numpy(prediction), torch.from_numpy(target), 4, 255).numpy()
    counts = BoundaryTruth(target, 4, 255).count(prediction)
    np.testing.assert_array_equal(counts.trimap[-1], whole)
    assert counts.trimap[0, 1].tolist() == [30, 60, 30, 0]
    assert counts.trimap_void.tolist() == [60] * WIDTHS


@pytest.mark.real
@pytest.mark.parametrize(
    ("image_id", "outlined"), [("2007_000033", True), ("2007_000042", True), ("2007_000129", False)]
)
def test_real_voc(image_id: str, outlined: bool) -> None:
    """Against a filter per width, and against DeepLab's and PSPNet's rule: void, dilated."""
    target = np.array(Image.open(REAL / f"{image_id}.png"))
    prediction = np.roll(np.where(target == 255, 0, target), (4, -7), axis=(0, 1))
    windows = [2 * width + 1 for width in range(1, WIDTHS + 1)]
    bands = [maximum_filter(target, size) != minimum_filter(target, size) for size in windows]
    expected, void_area = slow_counts(prediction, target, bands, 21, 255)
    counts = BoundaryTruth(target, 21, 255).count(prediction)
    np.testing.assert_array_equal(counts.trimap, expected)
    np.testing.assert_array_equal(counts.trimap_void, void_area)
    # Where every object is outlined, both rules choose the same pixels; in one image two classes touch.
    for width, size in enumerate(windows):
        of_void = maximum_filter((target == 255).astype(np.uint8), size).astype(bool) & (target != 255)
        more = int(counts.trimap[width, 1].sum() - of_void.sum())
        assert more == 0 if outlined else 0 < more < 0.05 * of_void.sum()
