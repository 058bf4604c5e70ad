"""Polygons of masks: whoever fills them has the mask again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from matplotlib.path import Path as Outline
from scipy import ndimage

from lit_samseg.formats.objects.outlines import Polygon, outline


def inside(ring: np.ndarray, height: int, width: int) -> np.ndarray:
    """Which pixels have their middle within a ring, by matplotlib."""
    y, x = np.mgrid[:height, :width]
    middles = np.stack([x.ravel(), y.ravel()], axis=1) + 0.5
    return Outline(np.vstack([ring, ring[:1]])).contains_points(middles).reshape(height, width)


def filled(polygon: Polygon, height: int, width: int) -> np.ndarray:
    found = inside(polygon.exterior, height, width)
    for hole in polygon.interiors:
        cut = inside(hole, height, width)
        assert not (cut & ~found).any(), "holes are apart, and within the exterior"
        found &= ~cut
    return found


def shoelace(ring: np.ndarray) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring.tolist(), np.roll(ring, -1, 0).tolist(), strict=True)) / 2


@settings(max_examples=150, deadline=None)
@given(arrays.arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7))))
def test_filled_they_are_the_mask(mask: np.ndarray) -> None:
    polygons = outline(mask)
    numbers, count = ndimage.label(mask)
    assert len(polygons) == count
    for number, polygon in enumerate(polygons, start=1):
        region = numbers == number
        assert np.array_equal(filled(polygon, *mask.shape), region)
        assert polygon.area == region.sum()
        # As many holes as what is around the region has parts, where diagonal pixels of the region hold together.
        around = ndimage.label(np.pad(~region, 1, constant_values=True))[1]
        assert len(polygon.interiors) == around - 1
        assert shoelace(polygon.exterior) > 0
        for ring in (polygon.exterior, *polygon.interiors):
            assert len(np.unique(ring, axis=0)) == len(ring), "no ring passes a corner twice"
            steps = np.roll(ring, -1, 0) - ring
            assert ((steps != 0).sum(1) == 1).all(), "edges are level or upright"
        assert all(shoelace(hole) < 0 for hole in polygon.interiors)


def test_one_pixel_is_a_square() -> None:
    (polygon,) = outline(np.array([[False, False], [False, True]]))
    assert polygon.exterior.tolist() == [[1, 1], [2, 1], [2, 2], [1, 2]]
    assert polygon.interiors == ()


@pytest.mark.parametrize("size", [(0, 0), (3, 4)])
def test_nothing_has_no_polygon(size: tuple[int, int]) -> None:
    assert outline(np.zeros(size, bool)) == []


def test_two_holes_that_meet_in_a_corner_are_two() -> None:
    mask = np.ones((4, 4), bool)
    mask[1, 1] = mask[2, 2] = False
    (polygon,) = outline(mask)
    assert sorted(hole.tolist() for hole in polygon.interiors) == [
        [[2, 1], [1, 1], [1, 2], [2, 2]],
        [[3, 2], [2, 2], [2, 3], [3, 3]],
    ]
