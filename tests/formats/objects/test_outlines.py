"""Outlines along pixels' borders, against pycocotools."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from lit_samseg.formats.objects.outlines import joined, outline
from tests.formats.objects.by_pycocotools import polygons_filled

MASKS = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def by_pycocotools(ring: NDArray[np.int64], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return polygons_filled([ring.astype(float).ravel().tolist()], *mask.shape)


@settings(max_examples=150, deadline=None)
@given(MASKS.filter(np.any))
def test_all_rings_in_one_fill_to_the_very_mask(mask: NDArray[np.bool_]) -> None:
    ring = joined(outline(mask))
    np.testing.assert_array_equal(by_pycocotools(ring, mask), mask)


def test_corners_are_few() -> None:
    mask = np.zeros((50, 70), np.bool_)
    mask[10:40, 20:60] = True
    (polygon,) = outline(mask)
    assert sorted(polygon.exterior.tolist()) == [[20, 10], [20, 40], [60, 10], [60, 40]]


def test_pieces_that_touch_by_a_corner_are_two() -> None:
    for mask in (np.eye(2, dtype=np.bool_), ~np.eye(2, dtype=np.bool_)):
        assert [len(polygon.exterior) for polygon in outline(mask)] == [4, 4]
