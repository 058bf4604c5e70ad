"""Masks written in another format than they were read in."""

from pathlib import Path

import numpy as np
import pytest

from lit_samseg.errors import InputError
from lit_samseg.formats.creating import create_writer
from lit_samseg.formats.interface import Classes, LabelMap
from lit_samseg.formats.published import CITYSCAPES_CLASSES
from tests.formats.pixels.made_masks import VOID, labels_of, open_one, ring

THREE = Classes(("background", "cat", "dog"), (0, 7, 9), ((1, 2, 3), (90, 0, 0), (0, 90, 0)), 255, 0, True)
TWO = Classes(("soil", "plant"), (0, 1))
NO_VOID = np.where(ring() == VOID, 0, ring())
CITY = Classes(CITYSCAPES_CLASSES, tuple(range(19)))
MANY = Classes(tuple(map(str, range(300))), tuple(range(300)))

WRITTEN_ANEW: list[tuple[str, Classes, np.ndarray, dict[str, object]]] = [
    ("index", THREE, ring(), {"format": "index"}),
    ("index", MANY, ring() * 149, {"format": "index", "classes": 300}),
    ("colours", THREE, ring(), {"colours": "TABLE"}),
    ("colours", CITY, ring() * 9, {"colours": "TABLE"}),
    ("binary", TWO, NO_VOID % 2, {}),
    ("per-class", THREE, ring(), {"classes": ["cat", "dog"]}),
    ("cityscapes", CITY, np.where(ring() == VOID, VOID, ring() * 9), {}),
]

OBJECTS_ANEW = [(word, THREE, NO_VOID, {"classes": ["cat", "dog"]}) for word in ("coco", "yolo", "labelme", "cvat")]


@pytest.mark.parametrize(("word", "classes", "labels", "options"), [*WRITTEN_ANEW, *OBJECTS_ANEW])
def test_what_is_written_is_read(
    tmp_path: Path, word: str, classes: Classes, labels: np.ndarray, options: dict[str, object]
) -> None:
    labels = np.where(ring() == VOID, VOID if (labels < 0).any() else 0, labels).astype(np.int32)
    writer = create_writer(word, classes, tmp_path, {"x/a": "x/a.jpg"})
    key = "x/a_leftImg8bit" if word == "cityscapes" else "x/a"
    assert not writer.is_written(key)
    writer.write(key, LabelMap(labels))
    assert writer.is_written(key)
    writer.finish()
    options = {n: str(tmp_path / "colours.csv") if v == "TABLE" else v for n, v in options.items()}
    masks = open_one(tmp_path, key, **options)
    assert masks.format == word
    assert labels_of(masks, key, labels.shape).tolist() == labels.tolist()


def test_an_index_is_shown_in_the_classes_colours(tmp_path: Path) -> None:
    create_writer("index", THREE, tmp_path, {}).write("a", LabelMap(ring()))
    assert open_one(tmp_path).classes.colours == THREE.colours


@pytest.mark.parametrize(
    ("word", "classes", "complaint"),
    [
        ("binary", THREE, "binary masks have 2 classes, not 3"),
        ("cityscapes", THREE, r"19 classes road, sidewalk, \.\.\., and these are 3, 'background', \.\.\."),
        ("cityscapes", Classes(tuple("abcdefghijklmnopqrs"), CITY.values, named=True), "these are 19, 'a'"),
        ("colours", MANY, "300 classes have no colours of their own"),
        ("per-class", Classes(("a/b",), (0,)), "class 'a/b' cannot name a file"),
        ("per-class", Classes(("bg",), (0,), background=0), "no class but the background"),
        ("nrrd", THREE, "masks can be written as index, colours"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path: Path, word: str, classes: Classes, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        create_writer(word, classes, tmp_path, {})


def test_void_of_binary_masks_is_refused(tmp_path: Path) -> None:
    writer = create_writer("binary", TWO, tmp_path, {})
    with pytest.raises(InputError, match="at x 10, y 0 there is void, for which binary masks have no number"):
        writer.write("a", LabelMap(ring()))
    assert not writer.is_written("a")
