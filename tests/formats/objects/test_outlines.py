"""Outlines along pixels' borders, against pycocotools and against scipy's pieces and holes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage

from lit_samseg.formats.objects.outlines import joined, rings_of
from tests.formats.objects.by_pycocotools import polygons_filled

MASKS = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def by_pycocotools(ring: NDArray[np.int64], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return polygons_filled([ring.astype(float).ravel().tolist()], *mask.shape)


@settings(max_examples=150, deadline=None)
@given(MASKS)
def test_rings_fill_to_the_very_mask(mask: NDArray[np.bool_]) -> None:
    rings = rings_of(mask)
    found = np.zeros_like(mask)
    for ring in rings.outer:
        found |= by_pycocotools(ring, mask)
    for ring in rings.holes:
        assert by_pycocotools(ring, mask).any()
        found &= ~by_pycocotools(ring, mask)
    # A piece in another's hole was taken out with the hole.
    pieces, _ = ndimage.label(mask)
    for ring in rings.outer:
        one = by_pycocotools(ring, mask) & (pieces == pieces[ring[0, 1], ring[0, 0]])
        found |= one
    np.testing.assert_array_equal(found, mask)


@settings(max_examples=150, deadline=None)
@given(MASKS)
def test_there_is_a_ring_for_each_piece_and_each_hole(mask: NDArray[np.bool_]) -> None:
    rings = rings_of(mask)
    around, _ = ndimage.label(np.pad(~mask, 1, constant_values=True), np.ones((3, 3)))
    assert len(rings.outer) == ndimage.label(mask)[1]
    assert len(rings.holes) == around.max() - 1


@settings(max_examples=150, deadline=None)
@given(MASKS.filter(np.any))
def test_all_rings_in_one_fill_to_the_very_mask(mask: NDArray[np.bool_]) -> None:
    rings = rings_of(mask)
    ring = joined([*rings.outer, *rings.holes])
    np.testing.assert_array_equal(by_pycocotools(ring, mask), mask)


def test_corners_are_few() -> None:
    mask = np.zeros((50, 70), np.bool_)
    mask[10:40, 20:60] = True
    (ring,) = rings_of(mask).outer
    assert sorted(ring.tolist()) == [[20, 10], [20, 40], [60, 10], [60, 40]]


def test_pieces_that_touch_by_a_corner_are_two() -> None:
    for mask in (np.eye(2, dtype=np.bool_), ~np.eye(2, dtype=np.bool_)):
        assert [len(ring) for ring in rings_of(mask).outer] == [4, 4]
