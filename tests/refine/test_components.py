"""Components of a label map against a labelling pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from skimage.measure import label

from lit_samseg.refine.components import Components, find_components
from lit_samseg.void import VOID


def pixel_by_pixel(labels: NDArray[np.integer], background: int | None) -> Components:
    found = label(labels.astype(np.int64) + 1, background=VOID + 1, connectivity=2)
    places = np.zeros(labels.shape, np.int32)
    one_by_one = []
    for number in range(1, found.max() + 1):
        y, x = np.nonzero(found == number)
        class_id = int(labels[y[0], x[0]])
        if class_id != background:
            one_by_one.append((class_id, -len(y), y[0] * labels.shape[1] + x[0], y, x))
    one_by_one.sort(key=lambda one: one[:3])
    for place, (*_, y, x) in enumerate(one_by_one, 1):
        places[y, x] = place
    boxes = [(x.min(), y.min(), x.max(), y.max()) for *_, y, x in one_by_one]
    centroids = [(x.sum() / len(x), y.sum() / len(y)) for *_, y, x in one_by_one]
    return Components(
        places,
        *(np.array([sign * one[n] for one in one_by_one], np.int64) for n, sign in enumerate((1, -1, 1))),
        np.array(boxes, np.float64).reshape(-1, 4),
        np.array(centroids, np.float64).reshape(-1, 2),
    )


def check(labels: NDArray[np.integer], background: int | None) -> Components:
    found = find_components(labels, background)
    for name, expected in vars(pixel_by_pixel(labels, background)).items():
        ours = getattr(found, name)
        assert ours.dtype == expected.dtype, name
        assert np.array_equal(ours, expected), name
    return found


maps = arrays(np.int16, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(VOID, 2))


@settings(max_examples=150, deadline=None)
@given(maps, st.sampled_from([None, 0, 1]))
def test_they_are_those_of_single_pixels(labels: NDArray[np.int16], background: int | None) -> None:
    check(labels, background)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_larger_maps_of_any_integers(dtype: type) -> None:
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.integers(0, 5, (8, 9)), np.ones((6, 5), int))
    specks = np.where(rng.random(blocks.shape) < 0.02, 3, blocks).astype(dtype)
    assert len(check(specks, 0).areas) > 20
    # Not row by row in memory.
    check(specks.T, None)


def test_diagonals_join_from_all_four_sides() -> None:
    cross = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]])
    assert check(cross, None).areas.tolist() == [4, 5]
    assert check(np.array([[0, 0, 1], [1, 1, 0]]), 0).areas.tolist() == [3]
    assert check(np.array([[1, 0, 0], [0, 1, 1]]), 0).areas.tolist() == [3]


def test_nothing_but_background() -> None:
    assert not len(check(np.zeros((3, 4), int), 0).areas)
    assert not len(check(np.full((3, 4), VOID), None).areas)
