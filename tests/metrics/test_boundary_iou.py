"""Boundary IoU's bands against the definition: each class's binary mask eroded step by step with scipy."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import binary_erosion

from lit_samseg.metrics import BoundaryTruth
from lit_samseg.metrics.boundary_iou import boundary_width
from lit_samseg.void import VOID
from tests.metrics.label_maps import SHAPES, random_pair, void_of

REAL = Path(__file__).parents[3] / "shared/data"


def band(mask: np.ndarray) -> np.ndarray:
    """The mask less its erosion by d steps of a 3x3 square, with zeros around the image."""
    steps = max(1, round(0.02 * np.sqrt(mask.shape[0] ** 2 + mask.shape[1] ** 2)))
    eroded = binary_erosion(np.pad(mask, 1), np.ones((3, 3)), iterations=steps)[1:-1, 1:-1]
    return mask & ~eroded


def slow_counts(prediction: np.ndarray, target: np.ndarray, num_classes: int, void: int) -> np.ndarray:
    """``[2, 3, C]``: before and after; intersection, ground truth, prediction. One class at a time."""
    seen = target != void
    counts = np.zeros((2, 3, num_classes), dtype=np.int64)
    for c in np.union1d(target[seen], prediction[prediction != VOID]):
        truth, guess = (target == c) & seen, prediction == c
        pairs = [(band(truth), band(guess & seen)), (band(truth) & seen, band(guess) & seen)]
        for kind, (t, g) in enumerate(pairs):
            counts[kind, :, c] = (t & g).sum(), t.sum(), g.sum()
    return counts


def assert_exact(prediction: np.ndarray, target: np.ndarray, num_classes: int, void: int) -> None:
    counts = BoundaryTruth(target, num_classes, void).count(prediction)
    before, after = slow_counts(prediction, target, num_classes, void)
    assert counts.before.dtype == counts.after.dtype == np.int64
    np.testing.assert_array_equal(counts.before, before)
    np.testing.assert_array_equal(counts.after, after)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(SHAPES))
def test_random_maps(seed: int, shape: tuple[int, int]) -> None:
    prediction, target = random_pair(np.random.default_rng(seed), shape, 6)
    assert_exact(prediction, target, 6, 255)


@pytest.mark.parametrize("num_classes", [1, 2, 150, 253, 254, 255, 256, 300])
def test_any_number_of_classes(num_classes: int) -> None:
    """From 255 on a byte no longer holds classes, void and outside."""
    numbers = np.random.default_rng(num_classes)
    for _ in range(6):
        prediction, target = random_pair(numbers, (40, 170), num_classes)
        # The highest labels are where a narrow type would overflow.
        prediction[:9, :9], target[:10, :8] = num_classes - 1, num_classes - 1
        assert_exact(prediction, target, num_classes, void_of(num_classes))


@pytest.mark.parametrize(("shape", "width"), [((375, 500), 12), ((512, 683), 17), ((1024, 2048), 46), ((2, 3), 1)])
def test_width(shape: tuple[int, int], width: int) -> None:
    """The widths FIELD names for VOC, ADE20K and Cityscapes."""
    assert boundary_width(*shape) == width


def test_by_hand() -> None:
    """One pixel wide: a 4x4 square's band has 12 pixels; moved by a column, 6 of them are common."""
    target, prediction = np.zeros((8, 9), dtype=np.uint8), np.zeros((8, 9), dtype=np.uint8)
    target[2:6, 2:6] = 1
    prediction[2:6, 3:7] = 1
    counts = BoundaryTruth(target, 2, 255).count(prediction)
    # Common are rows 2 and 5 at columns 3, 4, 5; the inner columns never meet.
    assert counts.before[:, 1].tolist() == [6, 12, 12]
    np.testing.assert_array_equal(counts.before, counts.after)


def test_the_images_edge_is_contour() -> None:
    counts = BoundaryTruth(np.zeros((6, 7), dtype=np.uint8), 1, 255).count(np.zeros((6, 7), dtype=np.uint8))
    assert counts.before.tolist() == [[22], [22], [22]]


def test_void_before_and_after() -> None:
    """An object outlined with void, found a pixel too large, as a good prediction would have it."""
    target = np.zeros((12, 12), dtype=np.uint8)
    target[3:9, 3:9] = 255
    target[4:8, 4:8] = 1
    prediction = np.zeros((12, 12), dtype=np.uint8)
    prediction[3:9, 3:9] = 1
    counts = BoundaryTruth(target, 2, 255).count(prediction)
    # Nothing is wrong outside void, and so says `before`; the prediction's own contour lies in void.
    assert counts.before[:, 1].tolist() == [12, 12, 12]
    assert counts.after[:, 1].tolist() == [0, 12, 0]


def test_label_values_are_names_not_numbers() -> None:
    """FIELD's D22: eroding a label map's values invents classes and makes the score depend on their order."""
    numbers = np.random.default_rng(22)
    for _ in range(20):
        prediction, target = random_pair(numbers, (60, 150), 10)
        new_name = np.append(numbers.permutation(10), np.zeros(246, dtype=np.int64))
        renamed = np.where(target == 255, 255, new_name[target])
        one = BoundaryTruth(target, 10, 255).count(prediction)
        other = BoundaryTruth(renamed, 10, 255).count(np.where(prediction == VOID, VOID, new_name[prediction]))
        for name in ("before", "after", "trimap"):
            np.testing.assert_array_equal(getattr(other, name)[..., new_name[:10]], getattr(one, name))
        np.testing.assert_array_equal(other.mba, one.mba)
        present = np.union1d(prediction, target[target != 255])
        absent = np.setdiff1d(np.arange(10), present)
        assert not one.before[:, absent].any()
        assert not one.after[:, absent].any()


@pytest.mark.parametrize(
    ("prediction", "target", "message"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), "differ"),
        (np.full((2, 2), 4), np.zeros((2, 2)), "prediction has label 4"),
        (np.full((2, 2), 255), np.zeros((2, 2)), "prediction has label 255"),
        (np.full((2, 2), -2), np.zeros((2, 2)), "prediction has label -2"),
        (np.zeros((2, 2)), np.full((2, 2), 4), "target has label 4"),
        (np.zeros((0, 2)), np.zeros((0, 2)), "no pixels"),
    ],
)
def test_what_is_no_label_map(prediction: np.ndarray, target: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BoundaryTruth(target.astype(np.int64), 4, 255).count(prediction.astype(np.int64))


@pytest.mark.real
@pytest.mark.parametrize("image_id", ["2007_000033", "2007_000042", "2007_000061", "2007_000129"])
def test_real_voc(image_id: str) -> None:
    target = np.array(Image.open(REAL / f"VOCdevkit/VOC2012/SegmentationClass/{image_id}.png"))
    filled = np.where(target == 255, np.roll(target, 9, axis=1), target)
    prediction = np.roll(np.where(filled == 255, 0, filled), (4, -7), axis=(0, 1))
    assert_exact(prediction, target, 21, 255)


@pytest.mark.real
def test_real_ade20k() -> None:
    pictures = sorted((REAL / "ADEChallengeData2016/annotations/validation").iterdir())[:2]
    for path in pictures:
        target = np.array(Image.open(path)).astype(np.int64) - 1
        target[target < 0] = 255
        prediction = np.roll(np.where(target == 255, 149, target), (5, 3), axis=(0, 1))
        assert len(np.unique(target)) > 5
        assert_exact(prediction, target, 150, 255)
