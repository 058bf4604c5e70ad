"""What a run says of its data before it begins, and what it takes for a mistake."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lit_samseg.data import ADE20K, Folder, Scenes
from lit_samseg.data.understanding import (
    TruthAreas,
    describe_background,
    describe_classes,
    describe_pictures,
    facts_of,
    look_at_truth,
    says_background,
    warnings_of,
)


def make(root: Path, masks: dict[str, list[int]], *others: str, **options: object) -> Folder:
    """Write masks of one row and their images, and other files."""
    for folder in ("images", "masks"):
        (root / folder).mkdir()
    for name, values in masks.items():
        Image.new("RGB", (len(values), 1)).save(root / "images" / f"{name}.png")
        Image.fromarray(np.array([values], np.uint8)).save(root / "masks" / f"{name}.png")
    for other in others:
        (root / other).parent.mkdir(exist_ok=True)
        Image.new("L", (1, 1)).save(root / other, "PNG")
    data = Folder(str(root / "images"), str(root / "masks"), **({"num_classes": 3} | options))  # type: ignore[arg-type]
    data.setup("test")
    return data


def test_pictures_and_what_is_beside_them(tmp_path: Path) -> None:
    others = ("images/b.heic", "images/c.heic", "images/notes.txt", "images/old/x.png", "masks/lost.png")
    data = make(tmp_path, {"a": [0, 1]}, *others)
    assert describe_pictures(data, with_target=True) == (
        f"1 picture in {tmp_path}/images; 3 other files passed over (2 .heic, 1 .txt: b.heic, c.heic); sub-folders are "
        "not read (old); 1 mask without a picture (lost.png)"
    )
    assert "mask" not in describe_pictures(data, with_target=False).removeprefix(str(tmp_path))
    facts = facts_of(data, TruthAreas(1, np.array([1, 1, 0]), 0.0))
    assert facts["passed_over"] == {"count": 3, "suffixes": {".heic": 2, ".txt": 1}}
    assert (facts["masks_without_picture"], facts["turned"]) == (1, 0)
    assert facts["warnings"] == [
        f"2 pictures of {tmp_path}/images are left out, since their formats are not read (b.heic, c.heic); convert "
        "them to PNG"
    ]


def test_classes_and_void(tmp_path: Path) -> None:
    data = make(tmp_path, {"a": [0, 0, 1, 255], "b": [0, 0, 1, 1]}, class_names=["sky", "road", "car"])
    seen = look_at_truth(data)
    assert seen is not None
    assert (seen.images, seen.areas.tolist(), seen.void_share) == (2, [4, 3, 0], 1 / 8)
    assert describe_classes(data, seen) == (
        "3 classes (sky, road, car), labels 0..2, void 255, masks read as indices; in 2 ground truths looked at: 2 of "
        "the classes, 12.5 % of the pixels void"
    )


def test_binary_masks_and_labels_from_one_on(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    data = make(tmp_path / "one", {"a": [0, 255]}, num_classes=2, label_values="binary")
    assert "masks read as binary; in 1 ground truth looked at: 2 of" in describe_classes(data, look_at_truth(data))
    assert ", labels 1..150, void below 1" in describe_classes(ADE20K("nowhere"), None)


def test_of_many_ground_truths_few_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = make(tmp_path, {f"{n:02}": [n % 3, 0] for n in range(40)})
    read = []
    whole = Folder.read_target
    monkeypatch.setattr(Folder, "read_target", lambda self, i: read.append(i) or whole(self, i))
    seen = look_at_truth(data)
    assert seen is not None
    assert seen.images == len(set(read)) == 16
    assert {"00", "39"} <= set(read)
    monkeypatch.setattr("lit_samseg.data.understanding.MOST_PIXELS", 7)
    read.clear()
    assert look_at_truth(data) is not None
    # Spread over the data set all the same.
    assert [int(image_id) // 10 for image_id in read] == [0, 1, 2, 3]


def test_generated_scenes_are_not_painted_for_it() -> None:
    data = Scenes(size=3)
    data.setup("test")
    assert look_at_truth(data) is None
    assert describe_pictures(data, with_target=True) == "scenes, split test: 3 images"


def test_a_broken_ground_truth_is_left_to_the_run(tmp_path: Path) -> None:
    data = make(tmp_path, {"a": [0, 7], "b": [0, 1]})
    seen = look_at_truth(data)
    assert seen is not None
    assert seen.images == 1
    (tmp_path / "masks/b.png").write_text("x")
    assert look_at_truth(data) is None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"background": None}, "no background: every class is prompted, pixels that no mask claims keep"),
        ({"class_names": ["bg", "x", "y"]}, "no background: every class is prompted (also class 0 'bg'), "),
        ({"background": 1}, "background: class 1 'class_1' (25.0 % of the pixels that count) is never prompted, and "
         "fills what no mask claims in box, points"),
    ],
)  # fmt: skip
def test_what_background_means_for_rows(tmp_path: Path, options: dict[str, object], expected: str) -> None:
    data = make(tmp_path, {"a": [0, 0, 1, 2]}, **options)
    assert describe_background(data, ["box", "points"], look_at_truth(data)).startswith(expected)


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ({"background": 0}, True),
        ({"background": 0, "class_names": ["sky", "road", "car"]}, True),
        ({"background": 0, "class_names": ["Background", "road", "car"]}, False),
        ({"background": 2, "class_names": ["road", "car", "other_things"]}, False),
        ({"background": None}, False),
    ],
)
def test_a_background_that_is_not_called_so(tmp_path: Path, options: dict[str, object], warned: bool) -> None:
    data = make(tmp_path, {"a": [0, 0, 1, 2]}, **options)
    warnings = warnings_of(data, look_at_truth(data))
    assert len(warnings) == warned
    if warned:
        assert f"class 0 {data.class_names[0]!r} is taken for background and covers 50.0 % of the gr" in warnings[0]
        assert "--data.background null" in warnings[0]
        # Without ground truth it is the name alone.
        assert "covers" not in warnings_of(data, None)[0]


def test_two_classes_without_names_are_background_and_foreground(tmp_path: Path) -> None:
    assert warnings_of(make(tmp_path, {"a": [0, 1]}, num_classes=2, background=0), None) == []


@pytest.mark.parametrize(
    ("values", "complaint"),
    [([0, 0, 0, 255], "of 3 classes only 'class_0' occurs in 1 ground truth, and 25.0 % of the pixels are void"),
     ([0, 1, 255, 255, 255], "60.0 % of the pixels are void and count nowhere"),
     ([0, 0, 1, 255], None)],
)  # fmt: skip
def test_void_where_a_class_may_have_been_meant(tmp_path: Path, values: list[int], complaint: str | None) -> None:
    data = make(tmp_path, {"a": values})
    warnings = warnings_of(data, look_at_truth(data))
    assert len(warnings) == (complaint is not None)
    assert complaint is None or complaint in warnings[0]


def test_names_that_say_background() -> None:
    for name in (
        "background",
        "BG",
        "void",
        "Unlabelled",
        "unlabeled",
        "other",
        "no_data",
        "Hintergrund",
        "_background_",
    ):
        assert says_background(name), name
    for name in ("sky", "another brother", "road", "class_0", "forest", "nothingness", "mother"):
        assert not says_background(name), name
