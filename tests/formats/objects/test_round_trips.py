"""Every format of objects gives back the very pixels and the very objects, and keeps what nobody changed."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import Classes, Ids, LabelMap, MaskOptions
from lit_samseg.formats.objects.objects_after import objects_after
from lit_samseg.void import VOID
from tests.formats.objects.made_objects import label_map, object_maps, same_objects
from tests.formats.objects.new_files import CLASSES, NAMES, WORDS, new_writer, opened, written

pytestmark = pytest.mark.parametrize("word", WORDS)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("formats")


def fresh(place: Path, name: str) -> Path:
    shutil.rmtree(place / name, ignore_errors=True)
    (place / name).mkdir()
    return place / name


def check_same(found: LabelMap, labels: Ids, objects: Ids) -> None:
    np.testing.assert_array_equal(found.labels, labels)
    assert found.objects is not None
    np.testing.assert_array_equal(found.objects < 0, objects < 0)
    assert same_objects(found.objects, objects)


@settings(max_examples=30, deadline=None)
@given(made=object_maps())
def test_what_is_written_is_read(place: Path, word: str, made: tuple[Ids, Ids]) -> None:
    labels, objects = made
    found = written(word, fresh(place, "new"), LabelMap(labels, objects))
    assert list(found.keys) == ["a", "b/c"]
    assert found.classes.names == NAMES
    check_same(found.read("a", *labels.shape), labels, objects)
    assert not found.read("b/c", *labels.shape).labels.any()


@settings(max_examples=30, deadline=None)
@given(made=object_maps(), seed=st.integers(0, 999))
def test_what_is_changed_is_read(place: Path, word: str, made: tuple[Ids, Ids], seed: int) -> None:
    labels, objects = made
    masks = written(word, fresh(place, "old"), LabelMap(labels, objects))
    before = masks.read("a", *labels.shape)
    rng = np.random.default_rng(seed)
    changed = np.where(rng.random(labels.shape) < 0.2, rng.integers(0, 4, labels.shape), labels).astype(np.int32)
    after = objects_after(before, changed, 0)
    writer = masks.writer(fresh(place, "changed"))
    writer.write("a", after)
    writer.write("b/c", masks.read("b/c", *labels.shape))
    writer.finish()
    assert after.objects is not None
    check_same(opened(place / "changed").read("a", *labels.shape), changed, after.objects)


def test_what_did_not_change_is_written_to_the_letter(place: Path, word: str) -> None:
    rng = np.random.default_rng(0)
    objects = np.repeat(np.repeat(rng.integers(-1, 9, (6, 7)), 3, 0), 2, 1).astype(np.int32)
    labels = np.where(objects < 0, 0, objects % 3 + 1).astype(np.int32)
    masks = written(word, fresh(place, "old"), LabelMap(labels, objects))
    writer = masks.writer(fresh(place, "again"))
    for key in masks.keys:
        assert not writer.is_written(key)
        writer.write(key, masks.read(key, *labels.shape))
        assert writer.is_written(key)
    writer.finish()
    old = {path.relative_to(place / "old"): path.read_bytes() for path in (place / "old").rglob("*") if path.is_file()}
    new = {path.relative_to(place / "again"): path.read_bytes() for path in (place / "again").rglob("*.*")}
    assert {path for path in new if (place / "again" / path).is_file()} == set(old)
    assert old == new


def test_a_writer_goes_on_where_another_stopped(place: Path, word: str) -> None:
    masks = label_map([[1, 1, 0], [2, 0, 0]])
    first = new_writer(word, fresh(place, "begun"))
    first.write("a", masks)
    second = new_writer(word, place / "begun")
    assert second.is_written("a")
    assert not second.is_written("b/c")
    second.write("b/c", label_map([[3, 0, 0]]))
    second.finish()
    third = new_writer(word, place / "begun")
    assert third.is_written("a")
    assert third.is_written("b/c")
    third.finish()
    found = opened(place / "begun")
    np.testing.assert_array_equal(found.read("a", 2, 3).labels, masks.labels)
    np.testing.assert_array_equal(found.read("b/c", 1, 3).labels, [[3, 0, 0]])


def test_label_maps_without_objects_are_cut_into_connected_pieces(place: Path, word: str) -> None:
    labels = [[1, 0, 1, 2], [0, 1, 0, 2], [0, 0, 0, 0], [1, 0, 2, 0]]
    found = written(word, fresh(place, "pieces"), label_map(labels)).read("a", 4, 4)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.objects is not None
    assert same_objects(found.objects, np.array([[0, -1, 0, 1], [-1, 0, -1, 1], [-1] * 4, [2, -1, 3, -1]], np.int32))


def test_void_is_refused_where_a_class_is_what_no_object_covers(place: Path, word: str) -> None:
    writer = new_writer(word, fresh(place, "void"))
    with pytest.raises(InputError, match=r"^masks of a has 2 void pixels, .*; write label maps, or name the category"):
        writer.write("a", label_map([[1, VOID, 0], [2, VOID, 0]]))
    assert not writer.is_written("a")


def test_void_is_what_no_object_covers_where_no_class_is(place: Path, word: str) -> None:
    labels = np.array([[1, VOID, 0], [2, VOID, 0]], np.int32)
    classes = Classes(("ant", "bee", "cow"), (0, 1, 2), void=255)
    writer = new_writer(word, fresh(place, "void"), classes)
    writer.write("a", label_map(labels))
    writer.finish()
    options = MaskOptions(classes=["ant", "bee", "cow"], background=None)
    found = opened(place / "void", "a", options=options)
    np.testing.assert_array_equal(found.read("a", 2, 3).labels, labels)
    assert found.classes.background is None


def test_a_category_that_is_void_is_void_both_ways(place: Path, word: str) -> None:
    masks = written(word, fresh(place, "void"), label_map([[1, 1, 0, 3], [2, 0, 3, 3]]))
    options = MaskOptions(void="cow", classes=list(NAMES[1:3] if word == "coco" else NAMES[1:]))
    masks = opened(place / "void", options=options)
    found = masks.read("a", 2, 4)
    np.testing.assert_array_equal(found.labels, [[1, 1, 0, VOID], [2, 0, VOID, VOID]])
    assert masks.classes.names == NAMES[:3]
    changed = np.array([[1, 0, VOID, VOID], [2, 0, VOID, VOID]], np.int32)
    writer = masks.writer(fresh(place, "void again"))
    writer.write("a", objects_after(found, changed, 0))
    writer.finish()
    np.testing.assert_array_equal(opened(place / "void again", options=options).read("a", 2, 4).labels, changed)


def test_an_object_of_two_classes_is_refused(place: Path, word: str) -> None:
    writer = new_writer(word, fresh(place, "two"))
    with pytest.raises(InputError, match=r"^masks of a: object 0 has 2 classes"):
        writer.write("a", label_map([[1, 2]], [[0, 0]]))


def test_254_classes_come_back(place: Path, word: str) -> None:
    names = ("background", *(f"class {number:03}" for number in range(1, 255)))
    labels = np.arange(255, dtype=np.int32).reshape(15, 17)
    writer = new_writer(word, fresh(place, "many"), replace(CLASSES, names=names, values=tuple(range(255))))
    writer.write("a", label_map(labels))
    writer.finish()
    found = opened(place / "many", "a", options=MaskOptions())
    np.testing.assert_array_equal(found.read("a", 15, 17).labels, labels)
    assert found.classes.names == names
