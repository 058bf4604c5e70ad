"""CVAT's "CVAT for images 1.1": its shapes, groups and order, and what it writes beside them."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import MaskOptions, MaskSet
from lit_samseg.formats.objects.objects_after import objects_after
from lit_samseg.formats.recognise import open_masks

HEIGHT, WIDTH = 20, 30
HOLED = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1], [0, 1, 0]], np.uint8)

TEXT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>4</id>
      <name>streets &amp; roads</name>
      <labels>
        <label><name>road</name><color>#33ddff</color><type>any</type><attributes></attributes></label>
        <label><name>car</name><color>#aa0000</color><type>any</type>
          <attributes><attribute><name>parked</name></attribute></attributes></label>
      </labels>
    </task>
    <dumped>2026-01-01 00:00:00.000000+00:00</dumped>
  </meta>
  <image id="0" name="train/a.jpg" width="30" height="20">
    <box label="car" source="manual" occluded="0" xtl="2.00" ytl="2.00" xbr="8.00" ybr="6.00" z_order="1">
      <attribute name="parked">true</attribute>
    </box>
    <polygon label="road" source="manual" occluded="0" points="0,3;30,3;30,20;0.00,20.00" z_order="0">
    </polygon>
    <ellipse label="car" source="manual" occluded="0" cx="20" cy="12" rx="4" ry="2" z_order="0" group_id="3">
    </ellipse>
    <mask label="car" source="auto" occluded="0" rle="0, 4, 1, 4, 1, 1, 1" left="12" top="12" width="3" height="4"
      z_order="0">
    </mask>
    <polygon label="car" source="manual" occluded="1" points="28,0;30,0;30,2;28,2" z_order="0" group_id="3"></polygon>
    <polyline label="car" source="manual" occluded="0" points="1,1;9,9" z_order="0"></polyline>
    <box label="car" xtl="22" ytl="15" xbr="26" ybr="17" rotation="90.00" z_order="0"></box>
  </image>
  <image id="1" name="train/b.jpg" width="30" height="20">
  </image>
</annotations>
"""


def saved(folder: Path, text: str = TEXT) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "annotations.xml").write_text(text)
    return folder


def opened(path: Path, keys: tuple[str, ...] = ("a", "b"), **options: Any) -> MaskSet:
    return open_masks(path, keys, MaskOptions(**options))


def test_shapes_are_read_in_their_order(tmp_path: Path) -> None:
    masks = opened(saved(tmp_path))
    assert masks.format == "cvat"
    assert masks.classes.names == ("background", "road", "car")
    found = masks.read("a", HEIGHT, WIDTH)
    labels, objects = np.zeros((HEIGHT, WIDTH), int), np.full((HEIGHT, WIDTH), -1)
    ys, xs = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    for number, (class_id, mask) in enumerate(
        [
            (1, ys > 3),
            (2, np.pad(HOLED, ((12, 4), (12, 15))) > 0),
            (2, (((xs - 20) / 4) ** 2 + ((ys - 12) / 2) ** 2 <= 1) | ((xs > 28) & (ys < 2))),
            (2, (xs > 23) & (xs < 25) & (ys > 14) & (ys < 18)),
            (2, (xs > 2) & (xs < 8) & (ys > 2) & (ys < 6)),
        ]
    ):
        labels[mask], objects[mask] = class_id, number
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(found.objects, objects)
    assert not masks.read("b", HEIGHT, WIDTH).labels.any()
    said = masks.understood()
    assert said[:2] == ["6 shapes in 2 pictures", "shapes without an area stay as they are: 1 of polyline"]
    rule = "the one of the higher z_order has them, or else the later one"
    assert said[-1].endswith(f"claimed by several objects: {rule}")


def test_what_changed_is_written_in_its_kind_and_the_rest_as_it_was(tmp_path: Path) -> None:
    masks = opened(saved(tmp_path))
    before = masks.read("a", HEIGHT, WIDTH)
    labels = before.labels.copy()
    labels[2, 2] = 0
    labels[13, 13] = 2
    writer = masks.writer(tmp_path / "out")
    after = objects_after(before, labels, 0)
    for key in ("b", "a"):
        writer.write(key, after if key == "a" else masks.read(key, HEIGHT, WIDTH))
    writer.finish()
    old = ElementTree.fromstring(TEXT)
    new = ElementTree.parse(tmp_path / "out" / "annotations.xml").getroot()
    assert [ElementTree.tostring(one) for one in old.findall("meta")] == [
        ElementTree.tostring(one) for one in new.findall("meta")
    ]
    assert [image.attrib for image in new.findall("image")] == [image.attrib for image in old.findall("image")]
    shapes = new.findall("image")[0]
    kinds = [(one.tag, one.get("label"), one.get("z_order")) for one in shapes]
    assert kinds == [
        ("mask", "road", "0"),
        ("mask", "car", "0"),
        ("ellipse", "car", "0"),
        ("polygon", "car", "0"),
        ("box", "car", "0"),
        ("polygon", "car", "1"),
        ("polyline", "car", "0"),
    ]
    assert shapes[5].findtext("attribute") == "true"
    assert shapes[5].get("xtl") is None
    again = opened(tmp_path / "out").read("a", HEIGHT, WIDTH)
    np.testing.assert_array_equal(again.labels, labels)
    np.testing.assert_array_equal(again.objects, after.objects)


def test_labels_that_the_file_does_not_list_are_those_of_shapes(tmp_path: Path) -> None:
    text = TEXT[: TEXT.index("<meta>")] + TEXT[TEXT.index("<image") :]
    assert opened(saved(tmp_path, text)).classes.names == ("background", "car", "road")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("</annotations>", "", "is no valid XML .*; export it again"),
        ("<annotations>", "<!DOCTYPE a [<!ENTITY b 'c'>]><annotations>", "declares entities, which could be endless"),
        ("<meta>", "<track></track><meta>", 'is not "CVAT for images 1.1"'),
        ("name>road<", "name>lane<", "has shapes of 'road', which is not among its labels; add it to them"),
        ('name="train/b.jpg"', "", "has an image without a name"),
        ('name="train/b.jpg"', 'name="a.png"', "'train/a' and 'a' both mean the picture a; remove one"),
        ('width="30"', 'width="31"', "image train/a.jpg is said to be 31x20, but its picture is 30x20"),
        ("0,3;30,3", "0,three;30,3", "image train/a.jpg: polygon of 'road' has 'three' for a number; draw it anew"),
        ("0,3;30,3", "0,nan;30,3", "polygon of 'road' has 'nan' for a number"),
        ("0,3;30,3", "0,3e9;30,3", r"polygon of 'road' has a point at y 3e\+09, far outside"),
        ("0,3;30,3;30,20;0.00,20.00", "", "polygon of 'road' has 0 numbers for a polygon"),
        ('xtl="2.00"', "", "box of 'car' has 'None' for a number"),
        ('rotation="90.00"', 'rotation="inf"', "box of 'car' has 'inf' for a number"),
        ('rx="4"', 'rx="4" rotation="5"', "ellipse of 'car' is a turned ellipse, which is not read; draw it as"),
        ('left="12"', 'left="28"', "mask of 'car' is a mask outside of its picture of 30x20"),
        ("0, 4, 1,", "0, 5, 1,", "mask of 'car' has run lengths that do not fill its box of 3x4"),
        ("0, 4, 1,", "0, -4, 9,", "mask of 'car' has run lengths that do not fill"),
        ("0, 4, 1,", "0, many,", "mask of 'car' has 'many' for a number|mask of 'car' has ' many' for a number"),
    ],
)
def test_what_is_broken_is_named_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TEXT
    saved(tmp_path, TEXT.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        opened(tmp_path, format="cvat").read("a", HEIGHT, WIDTH)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_xml_files_are_not_taken_for_cvat(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<annotation><object/></annotation>")
    with pytest.raises(InputError, match="no format is recognised"):
        opened(tmp_path)
    with pytest.raises(InputError, match=r"0 of the files are CVAT's for images 1.1; give one"):
        opened(tmp_path, format="cvat")
