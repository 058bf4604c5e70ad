"""Run lengths and polygons against pycocotools."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from lit_samseg.errors import InputError
from lit_samseg.formats.objects.filling import circle, filled
from lit_samseg.formats.objects.run_lengths import Piece, counts_of, piece_of, plain_counts, text_of
from tests.formats.objects.by_pycocotools import decoded, polygons_filled

MASKS = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def whole(piece: Piece, height: int, width: int) -> NDArray[np.bool_]:
    found = np.zeros((height, width), np.bool_)
    found[piece.window] = piece.mask
    return found


@settings(max_examples=100, deadline=None)
@given(MASKS)
def test_run_lengths_are_those_of_pycocotools(mask: NDArray[np.bool_]) -> None:
    theirs = coco_mask.encode(np.asfortranarray(mask, np.uint8))["counts"]
    piece = piece_of(counts_of(theirs), *mask.shape)
    np.testing.assert_array_equal(whole(piece, *mask.shape), mask)
    assert piece.area == mask.sum()
    assert text_of(piece, *mask.shape) == theirs.decode()
    again = coco_mask.frPyObjects({"size": list(mask.shape), "counts": plain_counts(piece, *mask.shape)}, *mask.shape)
    np.testing.assert_array_equal(decoded(again), mask)


def test_long_run_lengths_are_read() -> None:
    mask = np.zeros((3000, 2000), np.bool_)
    mask[100:2500, 700:1900] = True
    mask[2999, 1999] = True
    theirs = coco_mask.encode(np.asfortranarray(mask, np.uint8))["counts"]
    np.testing.assert_array_equal(whole(piece_of(counts_of(theirs), 3000, 2000), 3000, 2000), mask)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=12), st.integers(1, 6), st.integers(1, 6))
def test_any_text_is_read_as_pycocotools_does_or_refused(text: bytes, height: int, width: int) -> None:
    try:
        piece = piece_of(counts_of(text), height, width)
    except ValueError:
        return
    theirs = decoded({"size": [height, width], "counts": text})
    np.testing.assert_array_equal(whole(piece, height, width), theirs)


@pytest.mark.parametrize("text", [b"", b"44", b"`", b"0a", b"hello\xff", b"9" * 3, b"\x30\x20", b"o" * 20 + b"0"])
def test_run_lengths_that_do_not_cover_the_picture_are_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut off|add up|longer"):
        piece_of(counts_of(text), 4, 4)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.floats(-9, 20), min_size=6, max_size=10).filter(lambda p: len(p) % 2 == 0), min_size=1))
def test_polygons_are_filled_as_pycocotools_fills_them(polygons: list[list[float]]) -> None:
    theirs = polygons_filled(polygons, 10, 11)
    np.testing.assert_array_equal(whole(filled(polygons, 10, 11, "it"), 10, 11), theirs)


def test_a_bow_tie_is_its_two_wings() -> None:
    found = whole(filled([[0, 0, 8, 8, 8, 0, 0, 8]], 8, 8, "it"), 8, 8)
    assert not found[1, 4]
    assert found[4, 1]
    assert found[4, 6]


@pytest.mark.parametrize(
    ("polygons", "reason"),
    [
        ([], "no polygon"),
        ([[1, 2, 3, 4]], "4 numbers"),
        ([[1, 2, 3, 4, 5]], "5 numbers"),
        ([1, 2, 3, 4, 5, 6], "something else"),
        ([[0, 0, 1, 1, 2, float("nan")]], "nan"),
        ([[0, 0, 1, 1, 2, "3"]], "'3'"),
        ([[0, 0, 1, 1, 2, True]], "True"),
        ([[0, 0, 1, 1, 2, 10**400]], "1000"),
        ([[0, 0, 1e9, 1, 2, 2]], r"x 1e\+09, far outside"),
    ],
)
def test_broken_polygons_are_refused(polygons: list[list[float]], reason: str) -> None:
    with pytest.raises(InputError, match=rf"^annotation 3 .*{reason}.*draw it anew"):
        filled(polygons, 8, 9, "annotation 3")


def test_a_circle_has_the_pixels_whose_centres_it_holds() -> None:
    found = whole(circle(3, 3, (2, 2), (6, 7), "it"), 6, 7)
    expected = np.zeros((6, 7), np.bool_)
    expected[1:5, 1:5] = True
    expected[[1, 1, 4, 4], [1, 4, 1, 4]] = False
    np.testing.assert_array_equal(found, expected)
    assert circle(3, 3, (0, 0), (6, 7), "it").area == 0
