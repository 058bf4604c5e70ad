"""Specks against SciPy's labelling, class by class, and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from lit_samseg.metrics import ImageFacts, find_metrics
from lit_samseg.metrics.specks import Specks, count_specks
from lit_samseg.void import VOID
from tests.metrics.label_maps import SHAPES, random_pair


def by_scipy(label_map: np.ndarray) -> tuple[int, int]:
    """Label each class's binary mask by itself, with a full 3x3 neighbourhood."""
    specks = pixels = 0
    for label in set(np.unique(label_map).tolist()) - {VOID}:
        components, number = ndimage.label(label_map == label, structure=np.ones((3, 3)))
        areas = ndimage.sum_labels(np.ones(label_map.shape), components, range(1, number + 1))
        small = areas * 1000 < label_map.size
        specks, pixels = specks + int(small.sum()), pixels + int(areas[small].sum())
    return specks, pixels


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(SHAPES))
def test_as_scipy_labels_each_class(seed: int, shape: tuple[int, int]) -> None:
    numbers = np.random.default_rng(seed)
    label_map = random_pair(numbers, shape, 5)[0].astype(np.int16)
    noise = numbers.random(shape) < 0.02
    label_map[noise] = numbers.integers(VOID, 5, int(noise.sum()))
    assert count_specks(label_map) == by_scipy(label_map)


def test_a_thousandth_of_the_image_is_no_speck() -> None:
    label_map = np.zeros((40, 50), np.int64)
    label_map[3, 3] = label_map[4, 4] = 1  # two pixels that touch at a corner: 0.1 %
    label_map[10, 10] = 2
    label_map[20, 20:23] = VOID
    assert count_specks(label_map) == (1, 1)
    label_map[4, 4] = 0
    assert count_specks(label_map) == (2, 2)


def test_scores_are_per_image_and_the_ground_truth_has_its_own() -> None:
    (metric,) = find_metrics(["specks"], 3)
    target = np.zeros((40, 50), np.int64)
    target[0, 0], target[5, 5] = 255, 2
    rows = [np.zeros((40, 50), np.int16) for _ in range(2)]
    rows[0][[1, 5, 9], [1, 5, 9]] = 1
    counted = [metric.count(row, target, ImageFacts("i", 3, 255)) for row in rows]
    images = {name: np.array([counts[name] for counts in counted]) for name in counted[0]}
    assert metric.score_images(images) == {"per_image": 1.5, "area": 3 / 4000, "truth_per_image": 1.0}
    nothing = {name: array[:0] for name, array in images.items()}
    assert all(np.isnan(value) for value in Specks().score_images(nothing).values())


def test_the_columns_say_what_is_better() -> None:
    assert [column.higher_is_better for column in Specks.columns] == [False] * 3
    with pytest.raises(AttributeError):
        Specks.columns[0].key = "other"  # type: ignore[misc]
