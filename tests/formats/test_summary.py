"""What is said of masks before anything is done with them."""

from pathlib import Path

import numpy as np
import pytest

from lit_samseg.errors import InputError
from lit_samseg.formats.summary import Summary, summarise
from tests.formats.pixels.made_masks import open_one, save

SHAPE = (10, 10)


def summary(folder: Path, **options: object) -> Summary:
    keys = sorted(path.stem for path in folder.glob("*.png"))
    return summarise(open_one(folder, *keys, **options), dict.fromkeys(keys, SHAPE), ["z"] if "z" in keys else [])


def made(folder: Path, **masks: list[int]) -> None:
    """Save masks whose first pixels have given values; the others are 0."""
    for key, values in masks.items():
        array = np.zeros(SHAPE, np.uint8)
        array.flat[: len(values)] = values
        save(folder / f"{key}.png", array)


def test_all_is_said_in_one_line(tmp_path: Path) -> None:
    made(tmp_path, a=[1, 1, 255, 255, 255], b=[2] * 50 + [255])
    found = summary(tmp_path, classes=4)
    assert found.line() == "2 pairs, 4 classes (index), 2.0 % void, 1 class never occurs"
    assert found.total.tolist() == [95 + 49, 2, 50, 0]
    assert found.warnings() == []


def test_the_table_of_colours_is_said(tmp_path: Path) -> None:
    array = np.zeros((*SHAPE, 3), np.uint8)
    array[0, 0], array[0, 1] = (128, 0, 0), (224, 224, 192)
    save(tmp_path / "a.png", array)
    assert summary(tmp_path).line() == "1 pair, 21 classes (colours: voc), 1.0 % void, 19 classes never occur"


def test_pictures_without_a_mask_are_said(tmp_path: Path) -> None:
    made(tmp_path, a=[1, 2])
    found = summarise(open_one(tmp_path, "a", "b", "c"), {"a": SHAPE}, ["b", "c"])
    assert found.line() == "1 pair, 3 classes (index), 0.0 % void, 2 pictures without a mask left out (b, c)"


def test_masks_that_are_mostly_or_wholly_void_are_warned_of(tmp_path: Path) -> None:
    made(tmp_path, a=[255] * 100, b=[255] * 51, c=[255] * 50, d=[1, 255])
    assert summary(tmp_path).warnings() == [
        "1 mask is void alone (a): the value 255 is taken for void; if it is a class, set --masks.void to none",
        "1 mask is void by more than half (b): the value 255 is taken for void; if it is a class, set --masks.void to "
        "none",
    ]


def test_colours_that_are_void_are_named(tmp_path: Path) -> None:
    array = np.zeros((*SHAPE, 3), np.uint8)
    array[0, 0], array[0, 1] = (128, 64, 128), (70, 70, 70)
    save(tmp_path / "a.png", array)
    (warning,) = summary(tmp_path, colours="cityscapes").warnings()
    assert warning.startswith("1 mask is void by more than half (a): 0,0,0 and 111,74,0 and 81,0,81 is no class of")


def test_train_ids_that_are_named_label_ids_are_warned_of(tmp_path: Path) -> None:
    save(tmp_path / "a_labelIds.png", np.resize([0, 1, 2, 13], SHAPE).astype(np.uint8))
    found = summarise(open_one(tmp_path, "a"), {"a": SHAPE})
    (warning,) = found.warnings()
    assert warning.endswith("if these are train ids, name them _labelTrainIds.png")


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    made(tmp_path, a=[1], b=[1])
    with pytest.raises(InputError, match=r"mask .*a\.png is 10x10 pixels, its picture 11x10"):
        summarise(open_one(tmp_path, "a", "b"), dict.fromkeys(("a", "b"), (10, 11)))
