"""Files of objects with anything in the place of anything: read, or refused in one line that names the file."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import MaskOptions
from lit_samseg.formats.recognise import open_masks
from tests.formats.objects import test_coco, test_cvat, test_labelme

HEIGHT, WIDTH = test_coco.HEIGHT, test_coco.WIDTH
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.lists(st.floats(-1e9, 1e9), max_size=3),
    st.lists(st.lists(st.integers(-9, 99), max_size=9), max_size=2),
)


def places(content: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where something is."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield (*here, key)
        yield from places(value, (*here, key))


def check(folder: Path, word: str) -> None:
    try:
        masks = open_masks(folder, ("a", "b"), MaskOptions(format=word))
        for key in masks.keys:
            masks.read(key, HEIGHT, WIDTH)
    except InputError as refusal:
        said = str(refusal)
    else:
        return
    assert "\n" not in said
    assert str(folder) in said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@pytest.mark.parametrize(("word", "content"), [("coco", test_coco.content()), ("labelme", test_labelme.content())])
@settings(max_examples=50, deadline=None)
@given(data=st.data(), odd=ODD)
def test_anything_in_the_place_of_anything(
    folder: Path, word: str, content: Any, data: st.DataObject, odd: Any
) -> None:
    damaged = copy.deepcopy(content)
    *front, last = data.draw(st.sampled_from(list(places(content))))
    holder = damaged
    for step in front:
        holder = holder[step]
    holder[last] = odd
    (folder / word).mkdir(exist_ok=True)
    (folder / word / "a.json").write_text(json.dumps(damaged))
    check(folder / word, word)


@settings(max_examples=50, deadline=None)
@given(place=st.integers(0, len(test_cvat.TEXT) - 1), length=st.integers(0, 12), text=st.text(max_size=6))
def test_any_text_in_a_cvat_file(folder: Path, place: int, length: int, text: str) -> None:
    (folder / "cvat").mkdir(exist_ok=True)
    damaged = test_cvat.TEXT[:place] + text + test_cvat.TEXT[place + length :]
    (folder / "cvat" / "annotations.xml").write_text(damaged, encoding="utf-8")
    check(folder / "cvat", "cvat")


@settings(max_examples=50, deadline=None)
@given(text=st.text("0123456789.-e \n#ax", max_size=60), names=st.text("0:[]{}, \nabc-", max_size=20))
def test_any_text_in_yolo_files(folder: Path, text: str, names: str) -> None:
    (folder / "yolo").mkdir(exist_ok=True)
    (folder / "yolo" / "a.txt").write_text(text)
    (folder / "yolo" / "data.yaml").write_text(f"names:\n{names}")
    check(folder / "yolo", "yolo")
