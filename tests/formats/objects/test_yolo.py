"""YOLO's segmentation labels: names, folders, and lines as other programs write them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import MaskOptions, MaskSet
from lit_samseg.formats.objects.objects_after import objects_after
from lit_samseg.formats.recognise import open_masks
from tests.formats.objects.by_pycocotools import polygons_filled

LINES = """0 0.1 0.2 0.5 0.2 0.5 0.8

2 0.50 0.1 .9 0.1 9e-1 0.5 0.5 0.5 0.75
"""


def saved(folder: Path, text: str = LINES, name: str = "a.txt") -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / name).write_text(text)
    return folder


def opened(path: Path, keys: tuple[str, ...] = ("a",), **options: Any) -> MaskSet:
    return open_masks(path, keys, MaskOptions(**options))


def test_lines_are_shares_of_the_picture(tmp_path: Path) -> None:
    saved(tmp_path, "ant\nbee\ncow\n", "classes.txt")
    masks = opened(saved(tmp_path))
    assert masks.format == "yolo"
    assert masks.classes.names == ("background", "ant", "bee", "cow")
    found = masks.read("a", 20, 40)
    assert found.objects is not None
    for number, polygon in enumerate(([4.0, 4, 20, 4, 20, 16], [20.0, 2, 36, 2, 36, 10, 20, 10])):
        np.testing.assert_array_equal(found.objects == number, polygons_filled([polygon], 20, 40))
    assert sorted(np.unique(found.labels).tolist()) == [0, 1, 3]
    assert found.facts == {0: {}, 1: {"confidence": 0.75}}
    assert f"names of {tmp_path / 'classes.txt'}" in masks.understood()


def test_what_changed_keeps_its_confidence_and_the_rest_its_line(tmp_path: Path) -> None:
    masks = opened(saved(tmp_path))
    before = masks.read("a", 20, 40)
    labels = before.labels.copy()
    labels[2:10, 20:22] = 0
    writer = masks.writer(tmp_path / "out")
    writer.write("a", objects_after(before, labels, 0))
    writer.finish()
    first, second = (tmp_path / "out" / "a.txt").read_text().splitlines()
    assert first == LINES.splitlines()[0]
    assert second == "2 0.55 0.1 0.9 0.1 0.9 0.5 0.55 0.5 0.75"
    assert not (tmp_path / "out" / "classes.txt").exists()
    np.testing.assert_array_equal(opened(tmp_path / "out").read("a", 20, 40).labels, labels)


@pytest.mark.parametrize("given", [".", "labels", "labels/train"])
def test_names_are_found_beside_the_folder_of_labels(tmp_path: Path, given: str) -> None:
    saved(tmp_path / "labels" / "train")
    saved(tmp_path, "path: .\ntrain: images/train\nnames:\n  0: ant\n  1: 5\n  2: cow\n", "data.yaml")
    saved(tmp_path, "images/train/a.jpg\n", "train.txt")
    masks = opened(tmp_path / given)
    assert masks.classes.names == ("background", "ant", "5", "cow")
    assert list(masks.keys) == ["a"]
    writer = masks.writer(tmp_path / "out")
    writer.write("a", masks.read("a", 20, 40))
    writer.finish()
    written = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    label = {".": "labels/train/a.txt", "labels": "train/a.txt", "labels/train": "a.txt"}[given]
    assert written == sorted([label, *["data.yaml"] * (given == ".")])


def test_without_names_they_are_made_up_and_that_is_said(tmp_path: Path) -> None:
    masks = opened(saved(tmp_path))
    assert masks.classes.names == ("background", "class 0", "class 1", "class 2")
    assert not masks.classes.named
    assert masks.understood()[0] == "classes have no names; data.yaml or classes.txt would give them"
    assert opened(tmp_path, classes=["x", "y", "z"]).classes.names == ("background", "x", "y", "z")


def test_pictures_without_a_file_have_no_objects(tmp_path: Path) -> None:
    masks = opened(saved(tmp_path), ("a", "b"))
    assert list(masks.keys) == ["a", "b"]
    assert not masks.read("b", 4, 5).labels.any()
    assert masks.files("b") == []
    assert "1 picture without a file: no objects" in masks.understood()
    writer = masks.writer(tmp_path / "out")
    writer.write("b", masks.read("b", 4, 5))
    assert (tmp_path / "out" / "b.txt").read_text() == ""


def test_suffixes_pair_files(tmp_path: Path) -> None:
    masks = opened(saved(tmp_path, name="a_seg.txt"), suffix="_seg.txt")
    assert masks.files("a") == [tmp_path / "a_seg.txt"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 0.5 0.5 0.2 0.2", "object 2 is a box; .* export those"),
        ("1 0.5 0.5 0.2 0.2 0.9", "object 2 is a box"),
        ("1 0.5 0.5", "object 2 is '1 0.5 0.5', not a class number and coordinates; export it again"),
        ("ant 0.5 0.5 0.2 0.2 0.1 0.1", "object 2 is 'ant 0.5"),
        ("1 0.5 0.5 0.2 0.2 nan 0.1", "object 2 is '1 0.5"),
        ("1 12 30 40 50 60 70", "object 2 has the coordinate 12, but they are shares of the picture, 0 to 1"),
        ("1 0.5 0.5 0.2 0.2 1e99 0.1", r"object 2 has the coordinate 1e\+99"),
        ("7 0.5 0.5 0.2 0.2 0.1 0.1", "object 2 has class 7, which has no name; add it to .*classes.txt"),
    ],
)
def test_what_is_broken_is_named_in_one_line(tmp_path: Path, line: str, message: str) -> None:
    saved(tmp_path, "ant\nbee\ncow\n", "classes.txt")
    saved(tmp_path, f"0 0.1 0.1 0.2 0.2 0.1 0.2\n{line}\n")
    with pytest.raises(InputError, match=rf"^masks {tmp_path / 'a.txt'}: {message}"):
        opened(tmp_path, format="yolo").read("a", 20, 40)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("data.yaml", "names: {a: 0}", "has 'a' for a class number"),
        ("data.yaml", "nc: 3", "has no 'names'"),
        ("data.yaml", "names: [", "cannot be read .*; correct it"),
        ("data.yaml", "- 1", "has no 'names'"),
        ("classes.txt", "", "has no 'names'"),
        ("classes.txt", "ant\nant", "categories 0 and 1 are both 'ant'"),
    ],
)
def test_broken_names_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    saved(saved(tmp_path), text, name)
    with pytest.raises(InputError, match=message):
        opened(tmp_path)


def test_other_text_files_are_not_taken_for_labels(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no format is recognised"):
        opened(saved(tmp_path, "read me\n"))
    with pytest.raises(InputError, match="holds no text files; give the folder 'labels'"):
        opened(saved(tmp_path / "empty", "ant\n", "classes.txt"), format="yolo")
