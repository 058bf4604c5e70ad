"""Whose pixels are whose after refinement."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from lit_samseg.formats.interface import Ids, LabelMap
from lit_samseg.formats.objects.objects_after import REACH, objects_after, vanished
from lit_samseg.void import VOID
from tests.formats.objects.made_objects import object_maps


def two_touching(width: int = 12) -> tuple[Ids, Ids]:
    """Objects 0 and 1 of class 1 side by side, on a background."""
    labels, objects = np.zeros((8, width), np.int32), np.full((8, width), -1, np.int32)
    labels[2:6, 1:9] = 1
    objects[2:6, 1:5], objects[2:6, 5:9] = 0, 1
    return labels, objects


@settings(max_examples=60, deadline=None)
@given(object_maps())
def test_nothing_changes_where_nothing_changed(made: tuple[Ids, Ids]) -> None:
    labels, objects = made
    after = objects_after(LabelMap(labels, objects, {0: {"id": 5}}), labels, 0)
    np.testing.assert_array_equal(after.objects, objects)
    assert after.facts == {0: {"id": 5}}


@settings(max_examples=60, deadline=None)
@given(object_maps(), st.integers(0, 999))
def test_each_pixel_goes_to_the_nearest_old_pixel_of_its_piece(made: tuple[Ids, Ids], seed: int) -> None:
    labels, objects = made
    rng = np.random.default_rng(seed)
    refined = np.where(rng.random(labels.shape) < 0.3, rng.integers(0, 4, labels.shape), labels).astype(np.int32)
    after = objects_after(LabelMap(labels, objects), refined, 0)
    assert after.objects is not None
    for class_id in np.unique(refined).tolist():
        pieces, count = ndimage.label(refined == class_id, np.ones((3, 3)))
        for index in range(1, count + 1):
            ys, xs = np.nonzero((pieces == index) & (labels == class_id))
            for y, x in np.argwhere(pieces == index).tolist():
                if not len(ys):
                    continue
                apart = (ys - y) ** 2 + (xs - x) ** 2
                nearest = objects[ys[apart == apart.min()], xs[apart == apart.min()]]
                assert after.objects[y, x] in nearest
    assert not ((after.objects < 0) & (refined > 0)).any()


def test_growth_is_shared_by_the_nearer_of_two_objects() -> None:
    labels, objects = two_touching()
    refined = labels.copy()
    refined[0:8, 0:10] = 1
    after = objects_after(LabelMap(labels, objects), refined, 0)
    assert after.objects is not None
    np.testing.assert_array_equal(after.objects[:, :5], 0)
    np.testing.assert_array_equal(after.objects[:, 5:10], 1)
    np.testing.assert_array_equal(after.objects[:, 10:], -1)


def test_an_object_on_the_other_side_of_a_gap_is_not_asked() -> None:
    # The pixel at column 5 is nearer to object 1, but connected to object 0.
    labels = np.array([[1, 0, 0, 0, 0, 0, 0, 1]], np.int32)
    objects = np.array([[0, -1, -1, -1, -1, -1, -1, 1]], np.int32)
    refined = np.array([[1, 1, 1, 1, 1, 1, 0, 1]], np.int32)
    after = objects_after(LabelMap(labels, objects), refined, 0)
    np.testing.assert_array_equal(after.objects, [[0, 0, 0, 0, 0, 0, -1, 1]])


def test_a_piece_apart_belongs_to_the_object_in_reach_or_is_new() -> None:
    labels, objects = two_touching(60)
    refined = labels.copy()
    refined[3, 10] = 1
    refined[3, 8 + int(REACH)] = 1
    refined[3, 40:42] = 1
    refined[7, 50] = 1
    after = objects_after(LabelMap(labels, objects, {7: {}}), refined, 0)
    assert after.objects is not None
    assert after.objects[3, 10] == 1
    assert after.objects[3, 8 + int(REACH)] == 1
    assert after.objects[3, 40] == after.objects[3, 41] == 8
    assert after.objects[7, 50] == 9


def test_a_piece_one_pixel_out_of_reach_is_new() -> None:
    labels, objects = two_touching(60)
    refined = labels.copy()
    refined[3, 8 + int(REACH) + 1] = 1
    after = objects_after(LabelMap(labels, objects), refined, 0)
    assert after.objects is not None
    assert after.objects[3, 8 + int(REACH) + 1] == 2


def test_a_class_without_old_objects_is_new() -> None:
    labels, objects = two_touching()
    refined = labels.copy()
    refined[3:5, 3:7] = 2
    after = objects_after(LabelMap(labels, objects), refined, 0)
    assert after.objects is not None
    np.testing.assert_array_equal(after.objects[3:5, 3:7], 2)


def test_objects_that_vanish_are_named() -> None:
    labels, objects = two_touching()
    refined = labels.copy()
    refined[:, 5:9] = 0
    before = LabelMap(labels, objects, {0: {"id": 10}, 1: {"id": 11}, 2: {"id": 12}})
    after = objects_after(before, refined, 0)
    assert vanished(before, after) == [1]
    # The object without a pixel of its own is still there: nobody refined it away.
    assert after.facts == {0: {"id": 10}, 2: {"id": 12}}
    assert vanished(before, before) == []


def test_void_and_background_have_no_new_objects() -> None:
    labels, objects = two_touching()
    refined = labels.copy()
    refined[0] = VOID
    refined[2:6, 1:9] = 0
    after = objects_after(LabelMap(labels, objects), refined, 0)
    assert after.objects is not None
    assert (after.objects == -1).all()


def test_label_maps_without_objects_have_new_ones_only_for_new_pieces() -> None:
    labels, _ = two_touching()
    after = objects_after(LabelMap(labels), labels, 0)
    assert after.objects is not None
    assert (after.objects == -1).all()
