"""LabelMe's files: its shapes and groups, and what it writes beside them."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import MaskOptions, MaskSet
from lit_samseg.formats.objects.objects_after import objects_after
from lit_samseg.formats.recognise import open_masks

HEIGHT, WIDTH = 20, 30
HOLED = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1], [0, 1, 0]], np.uint8)


def in_base64(mask: Any) -> str:
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def shape(label: str, points: list[list[float]], kind: str | None = "polygon", **rest: Any) -> dict[str, Any]:
    found = {"label": label, "points": points, "group_id": None, "description": "", "flags": {}, **rest}
    return found if kind is None else {**found, "shape_type": kind}


def content() -> dict[str, Any]:
    """One of everything that LabelMe draws."""
    return {
        "version": "5.5.0",
        "flags": {"checked": True},
        "shapes": [
            shape("road", [[0, 10], [30, 10], [30, 20], [0, 20]], None),
            shape("car", [[2, 2], [8.0, 6.0]], "rectangle", flags={"late": True}),
            shape("car", [[20, 4], [23, 4]], "circle", group_id=3),
            shape("car", [[12, 12], [14, 15]], "mask", mask=in_base64(HOLED)),
            shape("car", [[28, 0], [30, 0], [30, 2], [28, 2]], group_id=3),
            shape("lane", [[1, 1], [9, 9]], "linestrip"),
            shape("__ignore__", [[0, 18], [4, 18], [4, 20], [0, 20]]),
        ],
        "imagePath": "../images/a.jpg",
        "imageData": None,
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
    }


def saved(folder: Path, file: Any) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "a.json").write_text(json.dumps(file))
    return folder


def opened(path: Path, keys: tuple[str, ...] = ("a",), **options: Any) -> MaskSet:
    return open_masks(path, keys, MaskOptions(**options))


def test_shapes_are_read_in_their_order(tmp_path: Path) -> None:
    masks = opened(saved(tmp_path, content()))
    assert masks.format == "labelme"
    assert masks.classes.names == ("background", "car", "road")
    found = masks.read("a", HEIGHT, WIDTH)
    assert found.objects is not None
    labels, objects = np.zeros((HEIGHT, WIDTH), int), np.full((HEIGHT, WIDTH), -1)
    ys, xs = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    # A group is one object, which comes when its last shape does.
    for number, (class_id, mask) in enumerate(
        [
            (2, ys > 10),
            (1, (xs > 2) & (xs < 8) & (ys > 2) & (ys < 6)),
            (1, np.pad(HOLED, ((12, 4), (12, 15))) > 0),
            (1, (np.hypot(xs - 20, ys - 4) < 3) | ((xs > 28) & (ys < 2))),
            (-1, (xs < 4) & (ys > 18)),
        ]
    ):
        labels[mask], objects[mask] = class_id, number
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(found.objects, objects)
    assert found.facts[1]["flags"] == {"late": True}
    said = masks.understood()
    assert "shapes without an area stay as they are: 1 of linestrip" in said
    assert "objects of '__ignore__' are void" in said
    assert any(line.endswith("claimed by several objects: the later one has them") for line in said)


def test_what_changed_is_written_in_its_kind_and_the_rest_as_it_was(tmp_path: Path) -> None:
    file = content()
    masks = opened(saved(tmp_path, file))
    before = masks.read("a", HEIGHT, WIDTH)
    labels = before.labels.copy()
    labels[2, 2] = 0
    labels[13, 13] = 1
    labels[0, 28] = 0
    labels[8, 10] = 2
    writer = masks.writer(tmp_path / "out")
    after = objects_after(before, labels, 0)
    writer.write("a", after)
    new = json.loads((tmp_path / "out" / "a.json").read_text())
    assert {key: value for key, value in new.items() if key != "shapes"} == {
        key: value for key, value in file.items() if key != "shapes"
    }
    kinds = [(one["label"], one["shape_type"], one["group_id"]) for one in new["shapes"]]
    # The road has holes now: the mask lies within it.
    assert kinds == [
        ("road", "mask", None),
        ("car", "polygon", None),
        ("car", "mask", None),
        ("car", "polygon", 3),
        ("car", "polygon", 3),
        ("__ignore__", "polygon", None),
        ("lane", "linestrip", None),
    ]
    assert new["shapes"][1]["flags"] == {"late": True}
    assert new["shapes"][5] == file["shapes"][6]
    again = opened(tmp_path / "out").read("a", HEIGHT, WIDTH)
    np.testing.assert_array_equal(again.labels, labels)
    np.testing.assert_array_equal(again.objects, after.objects)


def test_pieces_of_one_object_get_a_group_that_no_other_has(tmp_path: Path) -> None:
    masks = opened(saved(tmp_path, content()))
    before = masks.read("a", HEIGHT, WIDTH)
    labels = before.labels.copy()
    labels[2:6, 4] = 0
    objects = np.where(labels == 0, -1, before.objects)
    writer = masks.writer(tmp_path / "out")
    writer.write("a", type(before)(labels, objects, before.facts))
    new = json.loads((tmp_path / "out" / "a.json").read_text())
    assert [one["group_id"] for one in new["shapes"] if one.get("flags") == {"late": True}] == [5, 5]
    np.testing.assert_array_equal(opened(tmp_path / "out").read("a", HEIGHT, WIDTH).objects, objects)


def test_labels_are_in_the_order_that_the_user_gives(tmp_path: Path) -> None:
    saved(tmp_path, content())
    assert opened(tmp_path, classes=["road", "bus", "car"]).classes.names == ("background", "road", "bus", "car")
    with pytest.raises(InputError, match=r"have the label 'road', which --masks.classes lacks; add it there"):
        opened(tmp_path, classes=["car"])
    assert opened(tmp_path, void="none").classes.names == ("background", "__ignore__", "car", "road")


@pytest.mark.parametrize(
    ("index", "change", "message"),
    [
        (0, {"label": 5}, "shape 0 has a whole number as 'label', which must be a text"),
        (0, {"points": [[1, 2], [3, 4]]}, "shape 0 has 4 numbers for a polygon"),
        (0, {"points": "all"}, "shape 0 has 'all' for points, not a list of x and y; draw it anew"),
        (0, {"points": [[1, 2], [3, 4], [5, None]]}, "shape 0 has 'None' for a coordinate"),
        (0, {"points": [[1, 2], [3, 4], [5, 1e15]]}, r"shape 0 has a point at y 1e\+15, far outside"),
        (1, {"points": [[1, 2]]}, "shape 1 is a rectangle of 1 points, which takes two"),
        (1, {"shape_type": "cuboid"}, "shape 1 is a 'cuboid', which is not known; draw it as one of polygon"),
        (1, {"shape_type": {"a": 1}}, "shape 1 is a .*, which is not known"),
        (1, {"group_id": [1]}, r"shape 1 has '\[1\]' for a group"),
        (2, {"points": [[20, 4], [1e9, 4]]}, "shape 2 has a point at x .*, far outside"),
        (3, {"points": [[12, 12], [40, 15]]}, "shape 3 is a mask outside of its picture of 30x20"),
        (3, {"points": [[12, 12], [15, 15]]}, "shape 3 has a mask of other size than its box, 4x4"),
        (3, {"mask": "no!"}, "shape 3 has a mask that is no PNG file in base64; draw it anew"),
        (3, {"mask": base64.b64encode(b"GIF89a").decode()}, "shape 3 has a mask that is no PNG file"),
        (3, {"mask": None}, "shape 3 has nothing as 'mask', which must be a text"),
    ],
)
def test_what_is_broken_is_named_in_one_line(tmp_path: Path, index: int, change: dict[str, Any], message: str) -> None:
    file = content()
    file["shapes"][index].update(change)
    saved(tmp_path, file)
    with pytest.raises(InputError, match=rf"^masks {tmp_path / 'a.json'}: {message}"):
        opened(tmp_path).read("a", HEIGHT, WIDTH)


def test_a_picture_of_another_size_is_refused(tmp_path: Path) -> None:
    masks = opened(saved(tmp_path, content()))
    with pytest.raises(InputError, match="are of a picture of 30x20, but theirs is 29x20; label that one"):
        masks.read("a", HEIGHT, WIDTH - 1)


def test_a_cut_off_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(content())[:-20])
    with pytest.raises(InputError, match=r"a\.json is no valid JSON .*; export it again"):
        opened(tmp_path)
