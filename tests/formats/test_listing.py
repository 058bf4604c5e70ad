"""What lies in a folder beside the pictures that are read: nothing is left out without a word."""

from pathlib import Path

import pytest
from PIL import Image

from lit_samseg.data import Folder
from lit_samseg.data.pictures import PictureFolder
from lit_samseg.errors import InputError
from lit_samseg.formats.listing import list_folder
from lit_samseg.formats.reading import read_indices


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() in (".png", ".ppm", ".jfif", ".gif"):
            Image.new("L", (4, 4)).save(path, "PNG")
        else:
            path.write_text("x")
    return folder


def test_pictures_of_every_suffix_are_taken_and_the_rest_is_counted(tmp_path: Path) -> None:
    names = ("a.png", "b.jfif", "c.ppm", "d.PNG", "e.gif", "f.heic", "notes.txt", "LICENSE", ".hidden.png", "Thumbs.db")
    folder = PictureFolder(str(fill(tmp_path, *names)))
    assert folder.find_ids() == ["a", "b", "c", "d"]
    assert folder.read("c", False).image.shape == (3, 4, 4)
    assert folder.listing.passed_over == ["LICENSE", "e.gif", "f.heic", "notes.txt"]
    assert folder.listing.kinds == {"": 1, ".gif": 1, ".heic": 1, ".txt": 1}
    assert folder.listing.foreign == ["e.gif", "f.heic"]


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (
            ["train/a.png", "val/b.png", "doc/c.txt"],
            r"are not read: give --data\.images .*/train \(there are train, val\)",
        ),
        (["val/frankfurt/a.png", "val/ulm/b.png"], r"sub-folders are not read: give --data\.images .*/val/frankfurt$"),
        (["a.heic", "b.heic", "c.gif", "d.gif"], r"a\.heic, b\.heic, c\.gif, \.\.\. would have to be converted"),
        (["a.txt", "b.csv"], r"there are other files: a\.txt, b\.csv"),
        ([], r"directly in .*images$"),
    ],
)
def test_why_there_is_no_picture(tmp_path: Path, names: list[str], complaint: str) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(InputError, match=complaint):
        PictureFolder(str(fill(tmp_path / "images", *names)))


@pytest.mark.parametrize(
    ("masks", "complaint"),
    [
        (["sub/a.png"], r"sub-folders are not read: give --data\.masks .*masks/sub$"),
        (["a_mask.png", "b_mask.png"], r"if a_mask\.png is that of a: data\.mask_suffix _mask\.png"),
        (["a.npy", "sub/a.png"], r"sub-folders are not read: give --data\.masks"),
        (["x.png"], r"masks without a picture: x\.png"),
        (["a.npy"], r"a\.npy would have to be converted"),
    ],
)
def test_why_there_is_no_mask(tmp_path: Path, masks: list[str], complaint: str) -> None:
    fill(tmp_path / "images", "a.png", "b.png")
    fill(tmp_path / "masks", *masks)
    with pytest.raises(InputError, match=r"2 of 2 listed images have no file: a, b .*" + complaint):
        Folder(str(tmp_path / "images"), str(tmp_path / "masks"), num_classes=1).setup("test")


def test_masks_with_suffixes_in_any_case(tmp_path: Path) -> None:
    fill(tmp_path / "images", "a.png", "b.png", "c.png")
    fill(tmp_path / "masks", "a.PNG", "b.Png", "c.png")
    data = Folder(str(tmp_path / "images"), str(tmp_path / "masks"), num_classes=1)
    data.setup("test")
    assert [data.files(image_id, True)[1].name for image_id in data.ids] == ["a.PNG", "b.Png", "c.png"]


def test_two_masks_of_one_image_are_refused_by_name(tmp_path: Path) -> None:
    fill(tmp_path / "images", "a.png")
    for names, suffix in ((("a.PNG", "a.png"), ".png"), (("a.png", "a.tif"), ".png")):
        masks = fill(tmp_path / names[0] / names[1], *names)
        with pytest.raises(InputError, match=rf"{names[0]} and {names[1]} are both masks of a; set data\.mask_suffix"):
            Folder(str(tmp_path / "images"), str(masks), num_classes=1).setup("test")
        # A suffix that was given means the one in this very case.
        chosen = Folder(str(tmp_path / "images"), str(masks), num_classes=1, mask_suffix=suffix)
        assert chosen.files("a", True)[1].name == "a.png"


def test_suffixes_that_differ_in_case_alone_tell_images_from_masks(tmp_path: Path) -> None:
    fill(tmp_path, "a_L.png", "a_l.png")
    assert [list_folder(tmp_path, suffix, ()).found["a"][0].name for suffix in ("_L.png", "_l.png")] == [
        "a_L.png",
        "a_l.png",
    ]


def test_a_large_tree_is_not_walked_to_its_end(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", *(f"docs/{n}.txt" for n in range(1001)), "more/b.png")
    listing = list_folder(tmp_path, None, (".png",))
    assert (list(listing.found), listing.subfolders) == (["a"], [])


def test_an_image_is_not_its_own_mask(tmp_path: Path) -> None:
    fill(tmp_path, "a.png")
    with pytest.raises(InputError, match=r"a\.png is both an image and its mask"):
        Folder(str(tmp_path), str(tmp_path), num_classes=1).setup("test")


def test_a_mask_in_a_sub_folder_beside_others(tmp_path: Path) -> None:
    fill(tmp_path / "images", "a.png", "b.png")
    fill(tmp_path / "masks", "a.png", "sub/b.png")
    with pytest.raises(InputError, match=r"1 of 2 listed images have no file: b .*; sub-folders are not read \(sub\)"):
        Folder(str(tmp_path / "images"), str(tmp_path / "masks"), num_classes=1).setup("test")


def test_portable_grey_maps_with_another_largest_value_are_no_masks(tmp_path: Path) -> None:
    """Pillow makes 255 of it, and of 1 something in proportion."""
    for most in (1, 20, 254, 255):
        (tmp_path / "a.pgm").write_bytes(b"P5\n# made by hand\n2 1\n%d\n\x00\x01" % most)
        if most == 255:
            assert read_indices(tmp_path / "a.pgm").tolist() == [[0, 1]]
        else:
            with pytest.raises(InputError, match=r"a\.pgm has another largest value than 255"):
                read_indices(tmp_path / "a.pgm")
