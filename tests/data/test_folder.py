from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lit_samseg.baselines import Precomputed
from lit_samseg.data import Folder
from lit_samseg.data.pictures import PictureFolder
from lit_samseg.errors import InputError

ORIENTATION = 274
TURNED_RIGHT = 6
"""The camera was turned: rows of the file are columns of the picture, from right to left."""


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two images and masks of 2 x 3 pixels."""
    images, masks = tmp_path / "images", tmp_path / "masks"
    images.mkdir()
    masks.mkdir()
    for name, value in (("a", 0), ("b", 1)):
        Image.new("RGB", (3, 2), (value, 5, 9)).save(images / f"{name}.png")
        Image.fromarray(np.full((2, 3), value, np.uint8)).save(masks / f"{name}.png")
    return images, masks


def make(folders: tuple[Path, Path], **options: object) -> Folder:
    return Folder(str(folders[0]), str(folders[1]), **({"num_classes": 3} | options))  # type: ignore[arg-type]


def test_pairs_of_equal_names(folders: tuple[Path, Path]) -> None:
    data = make(folders)
    data.setup("test")
    assert data.ids == ["a", "b"]
    assert data.class_names == ("class_0", "class_1", "class_2")
    assert data.background is None
    sample = data.read("b", True)
    assert sample.image[:, 0, 0].tolist() == [1, 5, 9]
    assert sample.target is not None
    assert sample.target.tolist() == [[1] * 3] * 2


@pytest.mark.parametrize(
    ("offset", "void", "expected"),
    [(0, 255, [0, 1, 2, 255]), (1, 255, [255, 0, 1, 255]), (0, 0, [255, 1, 2, None]), (1, 2, [255, 0, 255, None])],
)
def test_void_and_offset(folders: tuple[Path, Path], offset: int, void: int, expected: list[int | None]) -> None:
    values = [value for value, label in zip([0, 1, 2, 255], expected, strict=True) if label is not None]
    Image.fromarray(np.array([values], np.uint8)).save(folders[1] / "a.png")
    Image.new("RGB", (len(values), 1)).save(folders[0] / "a.png")
    target = make(folders, label_offset=offset, ignore_index=void).read("a", True).target
    assert target is not None
    assert target[0].tolist() == [label for label in expected if label is not None]


@pytest.mark.parametrize(
    ("classes", "offset", "void", "expected"),
    [
        (300, 0, None, [0, 255, 299, 65_535]),
        (255, 1, None, [65_535, 254, None, 65_535]),
        (299, 1, 0, [65_535, 254, 298, None]),
        (300, 0, 1000, [0, 255, 299, None]),
        (256, 0, None, [0, 255, None, 65_535]),
        # So few classes fit into a byte, whatever their file is made of.
        (255, 0, None, [0, 255, None, None]),
    ],
)
def test_more_classes_than_a_byte_holds(
    folders: tuple[Path, Path], classes: int, offset: int, void: int | None, expected: list[int | None]
) -> None:
    values = [value for value, label in zip([0, 255, 299, 65_535], expected, strict=True) if label is not None]
    Image.fromarray(np.array([values], np.uint16)).save(folders[1] / "a.png")
    Image.new("RGB", (len(values), 1)).save(folders[0] / "a.png")
    data = make(folders, num_classes=classes, label_offset=offset, ignore_index=void)
    target = data.read("a", True).target
    assert target is not None
    assert target.dtype == (torch.uint8 if classes + offset <= 255 else torch.int32)
    assert data.ignore_index == (255 if classes + offset <= 255 else 65_535)
    assert target[0].tolist() == [label for label in expected if label is not None]


def test_255_in_a_byte_may_be_void(folders: tuple[Path, Path]) -> None:
    for values, is_read in (([[0, 254, 3]], True), ([[0, 255, 3]], False)):
        Image.fromarray(np.array(values, np.uint8)).save(folders[1] / "a.png")
        Image.new("RGB", (3, 1)).save(folders[0] / "a.png")
        data = make(folders, num_classes=300)
        if is_read:
            assert data.read("a", True).target.tolist() == values  # type: ignore[union-attr]
        else:
            with pytest.raises(InputError, match="may be void or a label of 300 classes; save it with 16 bits"):
                data.read("a", True)
            with pytest.raises(InputError, match="may be void or a label of 300 classes"):
                Precomputed(str(folders[1]), 300).label_map(torch.zeros(3, 1, 3), "a")


def test_more_colours_than_a_byte_holds(folders: tuple[Path, Path], tmp_path: Path) -> None:
    lines = [f"class {n}:{n % 256},{n // 256},7::" for n in range(300)]
    (tmp_path / "labelmap.txt").write_text("\n".join(lines))
    colours = np.array([[[0, 0, 7], [255, 0, 7], [43, 1, 7]]], np.uint8)
    Image.fromarray(colours).save(folders[1] / "a.png")
    Image.new("RGB", (3, 1)).save(folders[0] / "a.png")
    data = make(folders, num_classes=None, class_names=str(tmp_path / "labelmap.txt"), label_values="colours")
    assert data.read("a", True).target.tolist() == [[0, 255, 299]]  # type: ignore[union-attr]


def test_a_value_that_is_no_class_is_named_as_the_file_has_it(folders: tuple[Path, Path]) -> None:
    Image.fromarray(np.full((2, 3), 4, np.uint8)).save(folders[1] / "a.png")
    with pytest.raises(InputError, match=r"a\.png has label 4; labels are 0\.\.2 and 255"):
        make(folders).read("a", True)
    with pytest.raises(InputError, match=r"a\.png has label 4; labels are 1\.\.3"):
        make(folders, label_offset=1).read("a", True)


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "png", "tif", "webp"])
def test_image_formats_turned_upright(folders: tuple[Path, Path], suffix: str) -> None:
    """A camera writes rows as they come and notes how it was held; image and mask are turned alike."""
    images, masks = folders
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, :16, 0] = 200
    labels = np.zeros((16, 32), np.uint8)
    labels[:, :16] = 1
    for array, path in ((pixels, images / f"c.{suffix}"), (labels, masks / "c.png")):
        picture = Image.fromarray(array)
        exif = picture.getexif()
        exif[ORIENTATION] = TURNED_RIGHT
        picture.save(path, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    sample = make(folders).read("c", True)
    assert sample.image.shape == (3, 32, 16)
    assert sample.image[0, 4, 8] > 150
    assert sample.image[0, 28, 8] < 50
    assert sample.target is not None
    assert sample.target[:16].unique().tolist() == [1]
    assert sample.target[16:].unique().tolist() == [0]


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp", "bmp", "gif"])
def test_mask_formats(folders: tuple[Path, Path], suffix: str) -> None:
    (folders[1] / "a.png").unlink()
    labels = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    picture = Image.fromarray(labels)
    if suffix == "webp":
        Image.merge("RGB", [picture] * 3).save(folders[1] / "a.webp", lossless=True)
    else:
        picture.save(folders[1] / f"a.{suffix}")
    target = make(folders).read("a", True).target
    assert target is not None
    assert target.tolist() == labels.tolist()


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
@pytest.mark.parametrize("orientation", [6, 8])
def test_plain_grey_tiffs_are_turned_and_not_sheared(
    folders: tuple[Path, Path], compression: str, orientation: int
) -> None:
    """Pillow maps uncompressed ones into memory with their sides swapped."""
    labels = np.zeros((6, 10), np.uint8)
    labels[:, :5] = 1
    for folder in folders:
        picture = Image.fromarray(labels)
        exif = picture.getexif()
        exif[ORIENTATION] = orientation
        picture.save(folder / "c.tif", exif=exif, compression=compression)
    sample = make(folders).read("c", True)
    upright = np.rot90(labels, -1 if orientation == 6 else 1)
    assert sample.target is not None
    assert np.array_equal(sample.target.numpy(), upright)
    assert np.array_equal(sample.image[0].numpy(), upright)


def test_lossless_webp_masks_may_have_metadata(folders: tuple[Path, Path]) -> None:
    (folders[1] / "a.png").unlink()
    picture = Image.fromarray(np.array([[0, 1, 2], [2, 1, 0]], np.uint8))
    exif = picture.getexif()
    exif[ORIENTATION] = 3
    Image.merge("RGB", [picture] * 3).save(folders[1] / "a.webp", lossless=True, exif=exif)
    target = make(folders).read("a", True).target
    assert target is not None
    assert target.tolist() == [[0, 1, 2], [2, 1, 0]]


def test_tiffs_that_pillow_reads_as_other_numbers(folders: tuple[Path, Path]) -> None:
    (folders[1] / "a.png").unlink()
    Image.fromarray(np.array([[0, 1, 2], [2, 1, 0]], np.uint8)).save(folders[1] / "a.tif", tiffinfo={262: 0})
    with pytest.raises(InputError, match=r"a\.tif has grey of 2 or 4 bits, or white as 0"):
        make(folders).read("a", True)


def test_a_stray_255_is_no_void_where_void_is_another_value(folders: tuple[Path, Path]) -> None:
    Image.fromarray(np.array([[0, 1, 255]], np.uint8)).save(folders[1] / "a.png")
    Image.new("RGB", (3, 1)).save(folders[0] / "a.png")
    with pytest.raises(InputError, match=r"a\.png has label 255; labels are 0\.\.2 and 254"):
        make(folders, ignore_index=254).read("a", True)


def test_ids_with_a_suffix_are_said_to_have_no_file(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("a.png\n")
    with pytest.raises(InputError, match=r"1 of 1 listed images have no file: a\.png"):
        make(folders, ids=str(tmp_path / "ids.txt")).setup("predict")


def test_masks_that_cannot_hold_labels(folders: tuple[Path, Path]) -> None:
    mask = folders[1] / "a.png"
    mask.unlink()
    coloured = Image.fromarray(np.array([[[0, 1, 2]] * 3] * 2, np.uint8))
    for name, options, complaint in (
        ("a.jpg", {}, "compressed with loss"),
        ("a.webp", {"lossless": False}, "compressed with loss"),
        ("a.tif", {}, "has mode RGB"),
    ):
        coloured.save(folders[1] / name, **options)
        with pytest.raises(InputError, match=rf"{name}.* {complaint}"):
            make(folders, mask_suffix=Path(name).suffix).read("a", True)
    Image.fromarray(np.zeros((2, 3), np.uint16)).save(folders[0] / "a.png")
    with pytest.raises(InputError, match=r"a\.png has more than 8 bits a channel"):
        make(folders).read("a", False)


def test_suffixes_of_nested_names(tmp_path: Path) -> None:
    for kind, mode in (("leftImg8bit", "RGB"), ("gtFine", "L")):
        (tmp_path / kind).mkdir()
        Image.new(mode, (4, 4)).save(tmp_path / kind / f"aachen_1_{kind}.png")
    (tmp_path / "leftImg8bit" / "notes.txt").write_text("x")
    data = Folder(
        str(tmp_path / "leftImg8bit"), str(tmp_path / "gtFine"), 2,
        image_suffix="_leftImg8bit.png", mask_suffix="_gtFine.png",
    )  # fmt: skip
    data.setup("test")
    assert data.ids == ["aachen_1"]
    assert data.read("aachen_1", True).target is not None


def test_images_without_a_mask_are_for_predict(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (folders[1] / "b.png").unlink()
    with pytest.raises(InputError, match=r"1 of 2 listed images have no file: b \(first: .*masks/b\.png\)"):
        make(folders).setup("test")
    data = make(folders)
    data.setup("predict")
    assert data.ids == ["a", "b"]
    alone = Folder(str(folders[0]), num_classes=2)
    alone.setup("predict")
    with pytest.raises(InputError, match=r"data\.masks is not set"):
        alone.setup("test")
    listing = tmp_path / "ids.txt"
    listing.write_text("a\n")
    chosen = make(folders, ids=str(listing))
    chosen.setup("test")
    assert chosen.ids == ["a"]
    listing.write_text("c\n")
    with pytest.raises(InputError, match="1 of 1 listed images have no file: c"):
        make(folders, ids=str(listing)).setup("predict")


def test_class_names(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("sky\n\ntree \nroad\n")
    for names in (["sky", "tree", "road"], str(tmp_path / "names.txt")):
        data = make(folders, num_classes=None, class_names=names, background=0)
        assert (data.class_names, data.num_classes, data.background) == (("sky", "tree", "road"), 3, 0)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"num_classes": None}, r"data\.num_classes or data\.class_names is needed"),
        ({"class_names": ["x"]}, "num_classes is 3, but data.class_names has 1 names"),
        ({"class_names": ["x", "x", "y"]}, "data.class_names has 'x' more than once"),
        ({"class_names": [], "num_classes": None}, "data.class_names is empty"),
        ({"class_names": "none.txt"}, "none.txt is no readable text file"),
        ({"background": 3}, r"data\.background is 3; classes are 0\.\.2"),
        ({"label_offset": -1}, r"data\.label_offset is -1"),
        ({"num_classes": 65_535, "label_offset": 1}, r"label_offset is 1 with 65535 classes"),
        (
            {"num_classes": 300, "ignore_index": 255},
            r"ignore_index is 255, which is a class of 300; leave it out \(65535",
        ),
        ({"image_suffix": ".gif"}, r"no picture \(\.gif\)"),
    ],
)
def test_options_that_cannot_be(folders: tuple[Path, Path], options: dict[str, object], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        make(folders, **options)


def test_folders_that_are_not_there(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data\.images: no such folder: .*none"):
        Folder(str(tmp_path / "none"), num_classes=2)
    with pytest.raises(InputError, match=r"data\.masks: no such folder: .*none"):
        Folder(str(folders[0]), str(tmp_path / "none"), num_classes=2).setup("test")
    without = Folder(str(folders[0]), str(tmp_path / "none"), num_classes=2)
    without.setup("predict")
    assert without.ids == ["a", "b"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no picture \(\.jpg, .*\) directly in"):
        PictureFolder(str(tmp_path / "empty"))
    Image.new("RGB", (2, 2)).save(folders[0] / "a.jpg")
    with pytest.raises(InputError, match=r"a\.jpg and a\.png have one id, a"):
        make(folders)
    (folders[0] / ".DS_Store.png").write_bytes(b"")
    assert make(folders, image_suffix=".png").picture_folder.find_ids() == ["a", "b"]
