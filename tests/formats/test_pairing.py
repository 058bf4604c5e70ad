"""Which mask belongs to which picture."""

from pathlib import Path

import pytest

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import MaskOptions
from lit_samseg.formats.pairing import Pairs, pair
from lit_samseg.formats.pictures import list_pictures
from lit_samseg.formats.source import MaskSource


def made(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def paired(folder: Path, keys: tuple[str, ...], **options: str) -> Pairs:
    source = MaskSource(folder, keys, MaskOptions(**options))
    return pair(source, [path for path in source.files if path.suffix != ".csv"])


def names(pairs: Pairs, folder: Path) -> dict[str, str]:
    return {key: path.relative_to(folder).as_posix() for key, path in pairs.masks.items()}


@pytest.mark.parametrize(
    ("keys", "files"),
    [
        (("a", "b"), ("a.png", "b.TIF")),
        (("x/a", "y/a"), ("x/a.png", "y/a.png")),
        (("a_1", "a_10"), ("a_1_mask.png", "a_10_mask.png")),
        (("a", "a_b"), ("a_mask.png", "a_b_mask.png")),
        (("a.v2", "b.v2"), ("a.v2.png", "b.v2.png")),
        (("a", "b"), ("a.jpg.png", "b.jpg.png")),
        (("city/f_0_leftImg8bit", "city/f_1_leftImg8bit"), ("city/f_0_gtFine_ids.png", "city/f_1_gtFine_ids.png")),
    ],
)
def test_masks_are_found(tmp_path: Path, keys: tuple[str, ...], files: tuple[str, ...]) -> None:
    made(tmp_path, *files)
    assert names(paired(tmp_path, keys), tmp_path) == dict(zip(keys, files, strict=True))


def test_endings_are_said(tmp_path: Path) -> None:
    made(tmp_path, "f_0_gt.png")
    found = paired(tmp_path, ("f_0_leftImg8bit",))
    assert found.said() == ["names end in _leftImg8bit (pictures) and _gt (masks)"]


def test_masks_of_other_pictures_are_left_out_and_named(tmp_path: Path) -> None:
    made(tmp_path, "a.png", "b.png", "c.png")
    found = paired(tmp_path, ("b",))
    assert names(found, tmp_path) == {"b": "b.png"}
    assert found.said() == ["2 masks without a picture left out (a.png, c.png)"]


def test_pictures_without_masks_are_no_fault(tmp_path: Path) -> None:
    """VOC has 17,125 pictures and 2,913 masks."""
    made(tmp_path, "a.png")
    assert list(paired(tmp_path, ("a", "b", "c")).masks) == ["a"]


def test_a_suffix_decides(tmp_path: Path) -> None:
    made(tmp_path, "a_gt.PNG", "a_color.png", "b_gt.png", "b_color.png")
    for suffix in ("_gt.png", "_gt"):
        found = paired(tmp_path, ("a", "b"), suffix=suffix)
        assert names(found, tmp_path) == {"a": "a_gt.PNG", "b": "b_gt.png"}
    with pytest.raises(InputError, match=r"picture a may have several .* one of _color\.png, _gt\.PNG"):
        paired(tmp_path, ("a", "b"))


def test_a_name_without_ending_is_not_doubted(tmp_path: Path) -> None:
    made(tmp_path, "a.png", "a_color.png")
    found = paired(tmp_path, ("a",))
    assert names(found, tmp_path) == {"a": "a.png"}
    assert [path.name for path in found.strangers] == ["a_color.png"]


def test_a_mask_and_a_picture_that_were_named_are_a_pair(tmp_path: Path) -> None:
    made(tmp_path, "m.png")
    source = MaskSource(tmp_path / "m.png", ("p",), MaskOptions())
    assert pair(source, source.files).masks == {"p": tmp_path / "m.png"}


@pytest.mark.parametrize(
    "text",
    [
        "picture,mask\na.jpg,m1.png\nx/b.jpg,deep/m2.png\n",
        "\ufeffa,m1.png\r\nx/b,deep/m2.png\r\n\r\n",
        'pics/a.jpg,m1.png,train\n"pics/x/b.jpg",deep\\m2.png,test\n',
    ],
)
def test_a_table_tells(tmp_path: Path, text: str) -> None:
    made(tmp_path, "m1.png", "deep/m2.png")
    table = tmp_path / "pairs.csv"
    table.write_text(text, encoding="utf-8")
    found = paired(tmp_path, ("a", "x/b"), pairs=str(table))
    assert names(found, tmp_path) == {"a": "m1.png", "x/b": "deep/m2.png"}


def test_a_table_with_a_picture_twice_is_refused(tmp_path: Path) -> None:
    made(tmp_path, "m.png")
    (tmp_path / "t.csv").write_text("a.jpg,m.png\na.jpg,m.png\n")
    with pytest.raises(InputError, match="line 2: a has a mask already"):
        paired(tmp_path, ("a",), pairs=str(tmp_path / "t.csv"))
    (tmp_path / "t.csv").write_text("a.jpg;m.png\n")
    with pytest.raises(InputError, match="line 1 has one column only; give picture,mask"):
        paired(tmp_path, ("a",), pairs=str(tmp_path / "t.csv"))


def test_pictures_are_found_in_all_folders(tmp_path: Path) -> None:
    made(tmp_path, "b.JPG", "x/a.tiff", "x/y/c.png", "x/notes.txt", ".hidden/d.png", "Thumbs.db")
    assert list_pictures(tmp_path) == {
        "b": tmp_path / "b.JPG", "x/a": tmp_path / "x/a.tiff", "x/y/c": tmp_path / "x/y/c.png",
    }  # fmt: skip


def test_pictures_may_be_a_file_or_a_list(tmp_path: Path) -> None:
    made(tmp_path, "x/a.png", "x/y/b.png")
    assert list(list_pictures(tmp_path / "x/a.png")) == ["a"]
    assert list(list_pictures([tmp_path / "x/y/b.png", tmp_path / "x/a.png"])) == ["a", "y/b"]


def test_pictures_are_named_without_their_suffix(tmp_path: Path) -> None:
    made(tmp_path, "c/f_leftImg8bit.png", "c/f_disparity.png")
    assert list(list_pictures(tmp_path, "_leftImg8bit.png")) == ["c/f"]


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ((), "it is empty; give a folder of pictures"),
        (("a.txt", "b.heic"), "b.heic; give a folder of pictures"),
        (("a.png", "a.jpg"), "have one name, a; rename one"),
        (("a\tb.png",), "has a character that cannot be printed"),
    ],
)
def test_odd_folders_of_pictures_are_refused(tmp_path: Path, files: tuple[str, ...], complaint: str) -> None:
    made(tmp_path, *files)
    with pytest.raises(InputError, match=complaint) as caught:
        list_pictures(tmp_path)
    assert str(caught.value).isprintable()


def test_a_picture_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file or folder: .*z\.png"):
        list_pictures([tmp_path / "z.png"])
