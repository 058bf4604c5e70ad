"""Lists of class names: every form that programs write gives the same names, or is refused by name."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lit_samseg.data import Folder
from lit_samseg.errors import InputError
from lit_samseg.formats.class_list import ClassList, read_class_list

NAMES = ("background", "car", "tree, big")
PLAIN = "background\ncar\ntree, big\n"
CVAT = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar:10,20,30:wheel,door:driving\ntree:250,50,5::\n"

SAME: dict[str, bytes] = {
    "plain": PLAIN.encode(),
    "byte-order-mark": PLAIN.encode("utf-8-sig"),
    "utf-16": PLAIN.encode("utf-16"),
    "utf-16-the-other-way-round": b"\xfe\xff" + PLAIN.encode("utf-16-be"),
    "crlf": PLAIN.replace("\n", "\r\n").encode(),
    "old-macintosh-lines": PLAIN.replace("\n", "\r").encode(),
    "blanks": f"\n \n{PLAIN}\t\n\n".encode(),
    "comment": f"# my classes\n#\n{PLAIN}# the end\n".encode(),
    "labelme": f"__ignore__\n{PLAIN}".encode(),
    "numbers": b"0 background\n1 car\n2 tree, big\n",
    "numbers-and-colons": b"0: background\n1: car\n2: tree, big\n",
    "numbers-and-commas": b"0,background\n1,car\n2,tree, big\n",
    "numbers-with-a-heading": b"id,name\n0,background\n1,car\n2,tree, big\n",
    "numbers-in-another-order": b"2\ttree, big\n0\tbackground\n1\tcar\n",
    "numbers-behind": b"background: 0\ncar: 1\ntree, big: 2\n",
    "json-list": b'["background", "car", "tree, big"]',
    "json-list-with-a-byte-order-mark": b'\xef\xbb\xbf["background", "car", "tree, big"]',
    "json-by-number": b'{"0": "background", "2": "tree, big", "1": "car"}',
    "json-by-name": b'{"background": 0, "tree, big": 2, "car": 1}',
    "json-of-transformers": b'{"model_type": "x", "id2label": {"0": "background", "1": "car", "2": "tree, big"}}',
}

WHOLE: dict[str, str] = {
    "begin-with-numbers": "3 wheeler\ncar\n2 wheeler\n",
    "are-numbers": "0\n1\n2\n",
    "differ-by-their-number": "lane: 0\nlane: 1\n",
    "end-with-numbers": "type 0\nkind 1\n",
    "umlauts": "Straße\nBäume\n",
    "synonyms": "car;auto;automobile\ntree\n",
}

REFUSED: dict[str, tuple[bytes, str]] = {
    "numbers-from-1": (b"1 car\n2 tree\n", "numbers its classes 1, 2, but labels are 0, 1, ...: .*label_offset is 1"),
    "numbers-with-a-gap": (b"0 car\n2 tree\n", "numbers its classes 0, 2, but labels are 0, 1"),
    "number-twice": (b"0 car\n0 tree\n1 road\n", "numbers its classes 0, 0, 1"),
    "one-without-a-number": (b"0 car\n1 tree\nroad 66\n", "some lines have a number, 'road 66' has none"),
    "heading": (b"Name\ncar\ntree\n", "begins with 'Name', which looks like a heading"),
    "hash": (b"#car\ntree\n", "'#car' is no name"),
    "a-table-of-colours": (b"128 64 128 road\n0 0 0 void\n", "'128 64 128 road' is no name"),
    "ade20k's-table": (b"Idx\tRatio\tTrain\tVal\tName\n1\t0.15\t11664\t1172\twall\n", "is no name"),
    "all-on-one-line": (b"background,car,tree\n", "has one line, 'background,car,tree'; give one name a line"),
    "tensorflow's-map": (b"item {\n id: 1\n name: 'car'\n}\n", "'item {' is no name"),
    "json-of-another-form": (b'{"classes": [{"name": "car"}]}', "neither a list of names nor a mapping"),
    "json-of-numbers": (b"[1, 2]", "neither a list of names"),
    "json-broken": (b'["car",', "begins like JSON and is none"),
    "json-deep": (b"[" * 100_000, "begins like JSON and is none"),
    "utf-16-without-a-mark": (PLAIN.encode("utf-16-le"), r"holds '\\x00'"),
    "latin-1": ("Straße\n".encode("latin-1"), "is no readable text file"),
    "escape-sequence": (b"\x1b[2Jcar\n", r"holds '\\x1b'"),
    "picture": (b"\x89PNG\r\n\x1a\n\0\0", "is no readable text file"),
}


@pytest.mark.parametrize("case", SAME)
def test_forms_of_one_list(tmp_path: Path, case: str) -> None:
    (tmp_path / "names.txt").write_bytes(SAME[case])
    assert read_class_list(tmp_path / "names.txt") == ClassList(NAMES)


@pytest.mark.parametrize("case", WHOLE)
def test_lines_that_are_names_as_they_are(tmp_path: Path, case: str) -> None:
    (tmp_path / "names.txt").write_text(WHOLE[case], encoding="utf-8")
    assert read_class_list(tmp_path / "names.txt").names == tuple(WHOLE[case].splitlines())


@pytest.mark.parametrize("case", REFUSED)
def test_lists_refused_by_name(tmp_path: Path, case: str) -> None:
    content, complaint = REFUSED[case]
    (tmp_path / "names.txt").write_bytes(content)
    with pytest.raises(InputError, match=rf"data\.class_names: .*names\.txt.* {complaint}"):
        read_class_list(tmp_path / "names.txt")


@pytest.mark.parametrize("name", ["data.yaml", "voc.xml", "folder", "none.txt"])
def test_what_is_no_list(tmp_path: Path, name: str) -> None:
    (tmp_path / "data.yaml").write_text("names:\n  0: car\n")
    (tmp_path / "voc.xml").write_text("<name>car</name>\n")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=rf"{name} is no (list of names|readable text file)"):
        read_class_list(tmp_path / name)


def test_numbers_are_labels(tmp_path: Path) -> None:
    """With an offset of 1, label 1 is the first class; the numbers of transformers' configurations are class ids."""
    path = tmp_path / "names.txt"
    path.write_text("1 wall\n2 sky\n")
    assert read_class_list(path, first=1).names == ("wall", "sky")
    path.write_text("0 other\n1 wall\n")
    with pytest.raises(InputError, match="numbers its classes 0, 1, but labels are 1, 2"):
        read_class_list(path, first=1)
    path.write_text('{"id2label": {"0": "wall", "1": "sky"}}')
    assert read_class_list(path, first=1).names == ("wall", "sky")


@pytest.mark.parametrize(
    "text",
    [CVAT, CVAT.partition("\n")[2], "name,r,g,b\nbackground,0,0,0\ncar, 10, 20, 30\ntree,250,50,5\n"],
)
def test_colours_beside_the_names(tmp_path: Path, text: str) -> None:
    (tmp_path / "labelmap.txt").write_text(text)
    expected = ClassList(("background", "car", "tree"), ((0, 0, 0), (10, 20, 30), (250, 50, 5)))
    assert read_class_list(tmp_path / "labelmap.txt") == expected


@pytest.mark.parametrize("colour", ["10,20,30", "", "10,20,300"])
def test_colours_that_tell_no_classes_apart(tmp_path: Path, colour: str) -> None:
    (tmp_path / "labelmap.txt").write_text(f"{CVAT}road:{colour}::\n")
    assert read_class_list(tmp_path / "labelmap.txt") == ClassList(("background", "car", "tree", "road"))


def test_masks_in_the_colours_of_cvats_list(tmp_path: Path) -> None:
    """It exports indices or RGB; both are read, and so is what an editor renumbered."""
    (tmp_path / "labelmap.txt").write_text(CVAT)
    labels = np.array([[0, 1, 2], [2, 1, 1]], np.uint8)
    indexed = Image.fromarray(labels)
    indexed.putpalette([0, 0, 0, 10, 20, 30, 250, 50, 5])
    kinds = {"a": Image.fromarray(labels), "b": indexed, "c": indexed.convert("RGB")}
    kinds["d"] = kinds["c"].quantize(4)
    assert np.array(kinds["d"]).tolist() != labels.tolist()
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    for name, mask in kinds.items():
        Image.new("RGB", (3, 2)).save(tmp_path / "images" / f"{name}.png")
        mask.save(tmp_path / "masks" / f"{name}.png")
    data = Folder(str(tmp_path / "images"), str(tmp_path / "masks"), class_names=str(tmp_path / "labelmap.txt"))
    data.setup("test")
    assert data.class_names == ("background", "car", "tree")
    for name in kinds:
        target = data.read(name, True).target
        assert target is not None
        assert target.tolist() == labels.tolist(), name
    Image.fromarray(np.full((2, 3, 3), 9, np.uint8)).save(tmp_path / "masks" / "a.png")
    with pytest.raises(InputError, match=r"a\.png has mode RGB, and \(9, 9, 9\) is the colour of no class"):
        data.read("a", True)
