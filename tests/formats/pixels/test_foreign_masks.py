"""Masks as programs export them, with nothing said of them: recognised, understood, and read right."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import LabelMap
from lit_samseg.formats.palettes import hex_palette, voc_palette
from lit_samseg.formats.pixels import class_files
from lit_samseg.formats.published import ADE20K_COLOURS, CAMVID_COLOURS, CITYSCAPES_COLOURS, VOC_CLASSES
from tests.conftest import SHARED
from tests.formats.pixels.made_masks import VOID, contents, labels_of, open_one, pixels_of, ring, save, save_palette

FILE = np.where(ring() == VOID, 255, ring()).astype(np.uint8)
ONE = (ring() == 1).astype(np.uint8)


def coloured(labels: np.ndarray, flat: list[int], void: tuple[int, int, int] = (0, 0, 0)) -> np.ndarray:
    table = np.array([*np.reshape(flat, (-1, 3)).tolist(), void], np.uint8)
    return table[labels]


def test_vocs_own_masks(tmp_path: Path) -> None:
    save_palette(tmp_path / "a.png", FILE, voc_palette())
    masks = open_one(tmp_path)
    assert (masks.format, masks.classes.values, masks.classes.void) == ("index", (0, 1, 2), 255)
    assert masks.classes.background == 0
    assert masks.classes.colours == ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    assert labels_of(masks, "a", FILE.shape).tolist() == ring().tolist()
    assert masks.understood() == ["classes: the values 0..2", "void: 255"]


def test_vocs_palette_says_that_255_is_void(tmp_path: Path) -> None:
    save_palette(tmp_path / "a.png", np.where(ring() == VOID, 255, 0), voc_palette())
    masks = open_one(tmp_path)
    assert (masks.format, masks.classes.values, masks.classes.void) == ("index", (0,), 255)


def test_grey_with_names(tmp_path: Path) -> None:
    save(tmp_path / "a.png", FILE)
    (tmp_path / "names.txt").write_text("sky\n_background_\ncar\ntree\n")
    masks = open_one(tmp_path, classes=str(tmp_path / "names.txt"))
    assert masks.classes.names == ("sky", "_background_", "car", "tree")
    assert masks.classes.named
    assert masks.classes.background == 1
    for said, expected in (("tree", 3), ("0", 0), (None, None)):
        assert open_one(tmp_path, classes=4, background=said if said != "tree" else "3").classes.background == expected
    with pytest.raises(InputError, match=r"--masks\.background is 'z'; give a class's name, or its id of 0\.\.3"):
        open_one(tmp_path, classes=4, background="z")


def test_a_void_that_is_said_is_no_class(tmp_path: Path) -> None:
    """ADE20K's files: 0 is no class, and 1 is the first one."""
    save(tmp_path / "a.png", ONE * 3)
    masks = open_one(tmp_path, void="0", classes=150)
    assert masks.classes.values == tuple(range(1, 151))
    assert labels_of(masks, "a", ONE.shape).tolist() == np.where(ONE, 2, VOID).tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tifffile_and_opencv_agree_with_numpy(tmp_path: Path, dtype: type) -> None:
    tifffile = pytest.importorskip("tifffile")
    array = (FILE % 200).astype(dtype) * (300 if dtype is np.uint16 else 1)
    tifffile.imwrite(tmp_path / "a.tif", array, compression="zlib")
    masks = open_one(tmp_path)
    values = np.array(masks.classes.values)[labels_of(masks, "a", array.shape)]
    assert values.tolist() == array.astype(int).tolist()
    masks.writer(tmp_path / "out").write("a", LabelMap(labels_of(masks, "a", array.shape)))
    assert tifffile.imread(tmp_path / "out" / "a.tif").tolist() == array.tolist()
    assert tifffile.imread(tmp_path / "out" / "a.tif").dtype == array.dtype
    assert cv2.imread(str(tmp_path / "out" / "a.tif"), cv2.IMREAD_UNCHANGED).tolist() == array.tolist()


def test_single_bits_of_tifffile_are_refused(tmp_path: Path) -> None:
    """It calls 1 black, but means True by it: Pillow, and whoever looks at the picture, sees the opposite."""
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "a.tif", ONE.astype(bool))
    assert pixels_of(tmp_path / "a.tif").tolist() == (ONE == 0).tolist()
    with pytest.raises(InputError, match=r"a\.tif has grey of 2 or 4 bits, or white as 0; save it"):
        open_one(tmp_path)


def test_geography_is_kept(tmp_path: Path) -> None:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    tags = ImageFileDirectory_v2()
    tags[33550], tags.tagtype[33550] = (0.5, 0.5, 0.0), 12
    tags[33922], tags.tagtype[33922] = (0.0, 0.0, 0.0, 1e6, 5e6, 0.0), 12
    tags[42113] = "255"
    save(tmp_path / "a.tif", FILE, tiffinfo=tags, compression="tiff_lzw")
    masks = open_one(tmp_path)
    masks.writer(tmp_path / "out").write("a", masks.read("a", *FILE.shape))
    with Image.open(tmp_path / "a.tif") as old, Image.open(tmp_path / "out" / "a.tif") as new:
        for tag in (33550, 33922, 42113):
            assert new.tag_v2[tag] == old.tag_v2[tag]
        assert new.info["compression"] == "tiff_lzw"


@pytest.mark.parametrize("values", [(0, 1), (0, 255)])
def test_binary_masks_keep_their_values(tmp_path: Path, values: tuple[int, int]) -> None:
    save(tmp_path / "a.png", np.array(values, np.uint8)[ONE])
    save(tmp_path / "b.png", np.zeros_like(ONE))
    masks = open_one(tmp_path, "a", "b")
    assert (masks.format, masks.classes.background, masks.classes.void) == ("binary", 0, None)
    writer = masks.writer(tmp_path / "out")
    # A mask that was empty gets what the others have.
    writer.write("b", LabelMap(ONE.astype(np.int32)))
    assert pixels_of(tmp_path / "out" / "b.png").tolist() == np.array(values)[ONE].tolist()
    with pytest.raises(InputError, match="at x 10, y 0 there is void, for which these masks have no number"):
        writer.write("a", LabelMap(np.where(ring() == VOID, VOID, 0).astype(np.int32)))
    assert not writer.is_written("a")


def test_0_and_255_with_two_names_is_never_void(tmp_path: Path) -> None:
    save(tmp_path / "a.png", ONE * 255)
    masks = open_one(tmp_path, classes=["soil", "plant"])
    assert (masks.format, masks.classes.names, masks.classes.named) == ("binary", ("soil", "plant"), True)
    assert labels_of(masks, "a", ONE.shape).tolist() == ONE.tolist()


def test_255_beside_0_and_1_is_void_even_of_two_classes(tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.where(ring() == VOID, 255, ONE).astype(np.uint8))
    save(tmp_path / "b.png", ONE * 0)
    masks = open_one(tmp_path, "a", "b", classes=2)
    assert (masks.format, masks.classes.void) == ("index", 255)


@pytest.mark.parametrize(
    ("word", "flat", "void"),
    [
        ("voc", voc_palette()[:63], (224, 224, 192)),
        ("cityscapes", hex_palette(CITYSCAPES_COLOURS), (0, 0, 0)),
        ("camvid", hex_palette(CAMVID_COLOURS)[:-3], (0, 0, 0)),
        ("ade20k", hex_palette(ADE20K_COLOURS), (0, 0, 0)),
    ],
)
def test_published_colours_are_recognised(
    tmp_path: Path, word: str, flat: list[int], void: tuple[int, int, int]
) -> None:
    labels = np.resize(np.arange(-1, len(flat) // 3), (14, 12))
    save(tmp_path / "a.png", coloured(labels, flat, void))
    masks = open_one(tmp_path)
    assert masks.called() == f"colours: {word}"
    found = labels_of(masks, "a", labels.shape)
    if word == "ade20k":
        # Roads and skyscrapers have one colour: nobody can tell them apart, and they are written the same.
        assert masks.classes.names[6] == "road or skyscraper"
        labels = np.where(labels == 48, 6, np.where(labels > 48, labels - 1, labels))
    assert found.tolist() == labels.tolist()
    masks.writer(tmp_path / "out").write("a", LabelMap(found))
    assert contents(tmp_path / "out" / "a.png") == contents(tmp_path / "a.png")


def test_cityscapes_colours_of_no_class_stay_what_they_were(tmp_path: Path) -> None:
    array = coloured(np.resize(np.arange(19), (4, 8)), hex_palette(CITYSCAPES_COLOURS))
    array[0, :3] = (0, 0, 90), (81, 0, 81), (0, 0, 0)
    save(tmp_path / "a.png", array)
    masks = open_one(tmp_path)
    labels = labels_of(masks, "a", (4, 8)).copy()
    assert (labels[0, :4] == (VOID, VOID, VOID, 3)).all()
    labels[0, 0], labels[0, 3] = 2, VOID
    masks.writer(tmp_path / "out").write("a", LabelMap(labels))
    written = pixels_of(tmp_path / "out" / "a.png")
    assert written[0, :4].tolist() == [[70, 70, 70], [81, 0, 81], [0, 0, 0], [0, 0, 0]]
    assert written[1:].tolist() == array[1:].tolist()


def test_colours_that_nobody_knows_make_a_table(tmp_path: Path) -> None:
    array = coloured(ring(), [0, 0, 0, 10, 200, 30, 250, 10, 90], (255, 255, 255))
    save(tmp_path / "in" / "a.png", array)
    masks = open_one(tmp_path / "in")
    (line,) = masks.understood()
    assert line.startswith("colours: found (class 0 is 0,0,0; class 1 is 10,200,30; class 2 is 250,10,90; class 3 is")
    assert not masks.classes.named
    writer = masks.writer(tmp_path / "out")
    labels = labels_of(masks, "a", ring().shape)
    writer.write("a", LabelMap(labels))
    writer.finish()
    table = tmp_path / "out" / "colours.csv"
    assert table.read_text().splitlines() == [
        "class 0,0,0,0", "class 1,10,200,30", "class 2,250,10,90", "class 3,255,255,255",
    ]  # fmt: skip
    table.write_text(table.read_text().replace("class 0", "background").replace("class 3", "void"))
    named = open_one(tmp_path / "in", colours=str(table))
    assert named.classes.names == ("background", "class 1", "class 2")
    assert named.classes.background == 0
    assert labels_of(named, "a", ring().shape).tolist() == ring().tolist()


def test_a_colour_that_is_said_to_be_void(tmp_path: Path) -> None:
    save(tmp_path / "a.png", coloured(ring(), [0, 0, 0, 10, 200, 30, 250, 10, 90], (255, 255, 255)))
    masks = open_one(tmp_path, void="255,255,255")
    assert len(masks.classes) == 3
    assert labels_of(masks, "a", ring().shape).tolist() == ring().tolist()
    with pytest.raises(InputError, match=r"--masks\.void is '255'; give the colour of void as R,G,B"):
        open_one(tmp_path, void="255")


def test_a_palette_numbered_anew_is_read_by_its_colours(tmp_path: Path) -> None:
    picture = Image.fromarray(FILE)
    picture.putpalette(voc_palette())
    picture.convert("RGB").quantize(8).save(tmp_path / "a.png")
    masks = open_one(tmp_path, colours="voc")
    assert masks.classes.names == VOC_CLASSES
    assert labels_of(masks, "a", FILE.shape).tolist() == ring().tolist()
    changed = ring()
    changed[0, 0] = 20
    masks.writer(tmp_path / "out").write("a", LabelMap(changed))
    again = open_one(tmp_path / "out", colours="voc")
    assert labels_of(again, "a", FILE.shape).tolist() == changed.tolist()
    assert contents(tmp_path / "out" / "a.png")[1] == "P"


def test_a_palette_of_greys_is_read_by_its_greys(tmp_path: Path) -> None:
    save_palette(tmp_path / "a.png", ring() % 3, [0, 0, 0, 5, 5, 5, 9, 9, 9])
    masks = open_one(tmp_path)
    assert masks.classes.values == (0, 5, 9)
    labels = labels_of(masks, "a", ring().shape)
    masks.writer(tmp_path / "out").write("a", LabelMap(labels))
    again = open_one(tmp_path / "out")
    assert again.classes.values == (0, 5, 9)
    with Image.open(tmp_path / "a.png") as old, Image.open(tmp_path / "out" / "a.png") as new:
        assert np.array(new.convert("RGB")).tolist() == np.array(old.convert("RGB")).tolist()
    assert labels_of(again, "a", ring().shape).tolist() == labels.tolist() == (ring() % 3).tolist()
    taken_as_they_are = open_one(tmp_path, format="index")
    assert taken_as_they_are.classes.values == (0, 1, 2)


@pytest.mark.parametrize("as_file", [True, False])
def test_a_mapping_is_undone_when_masks_are_written(tmp_path: Path, as_file: bool) -> None:
    save(tmp_path / "in" / "a.png", np.array([7, 8, 30, 99], np.uint8)[ring()])
    (tmp_path / "map.csv").write_text("old,new\n7,0\n8,1\n30,2\n99,255\n")
    mapping = str(tmp_path / "map.csv") if as_file else {"7": 0, "8": 1, "30": 2, "99": 255}
    masks = open_one(tmp_path / "in", mapping=mapping)
    assert (masks.classes.values, masks.classes.void) == ((0, 1, 2), 255)
    labels = labels_of(masks, "a", ring().shape)
    assert labels.tolist() == ring().tolist()
    masks.writer(tmp_path / "out").write("a", LabelMap(labels))
    assert contents(tmp_path / "out" / "a.png") == contents(tmp_path / "in" / "a.png")


def test_a_mapping_that_cannot_be_undone_is_said(tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.array([7, 8, 30, 99], np.uint8)[ring()])
    masks = open_one(tmp_path, mapping={"7": 0, "8": 1, "*": 2})
    assert "written with the new values, since --masks.mapping cannot be undone" in masks.understood()
    labels = labels_of(masks, "a", ring().shape)
    masks.writer(tmp_path / "out").write("a", LabelMap(labels))
    assert pixels_of(tmp_path / "out" / "a.png").tolist() == np.array([0, 1, 2, 2])[ring()].tolist()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("7;0\n", "are not two columns"),
        ("7,0\n7,1\n", "has 7 twice"),
        ("7,x\n", "are no two numbers"),
    ],
)
def test_odd_mappings_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    save(tmp_path / "a.png", FILE)
    (tmp_path / "map.csv").write_text(text)
    with pytest.raises(InputError, match=complaint):
        open_one(tmp_path, mapping=str(tmp_path / "map.csv"))


def test_cityscapes_folders(tmp_path: Path) -> None:
    ids = np.array([7, 8, 33, 3, 0, 29], np.uint8)[np.resize(np.arange(6), (4, 9))]
    key = "val/city/city_0_leftImg8bit"
    for kind, array in (("labelIds", ids), ("color", np.stack([ids] * 3, 2)), ("labelTrainIds", ids // 2)):
        save(tmp_path / "in" / f"val/city/city_0_gtFine_{kind}.png", array)
    masks = open_one(tmp_path / "in", key)
    assert (masks.format, list(masks.keys)) == ("cityscapes", [key])
    assert "_gtFine_labelIds.png is read, and not _gtFine_labelTrainIds.png" in masks.understood()
    labels = labels_of(masks, key, (4, 9)).copy()
    assert np.unique(labels).tolist() == [VOID, 0, 1, 18]
    # Void stays what it was; what becomes void is unlabeled.
    labels[0, 0], labels[0, 3] = VOID, 2
    masks.writer(tmp_path / "out").write(key, LabelMap(labels))
    expected = ids.copy()
    expected[0, 0], expected[0, 3] = 0, 11
    (path,) = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert path == tmp_path / "out" / "val/city/city_0_gtFine_labelIds.png"
    assert pixels_of(path).tolist() == expected.tolist()


def test_train_ids_are_chosen_by_their_suffix(tmp_path: Path) -> None:
    save(tmp_path / "a_gtFine_labelIds.png", FILE * 0)
    save(tmp_path / "a_gtFine_labelTrainIds.png", FILE)
    masks = open_one(tmp_path, suffix="_gtFine_labelTrainIds.png")
    assert (masks.format, masks.classes.values[:3]) == ("cityscapes", (0, 1, 2))
    assert labels_of(masks, "a", FILE.shape).tolist() == ring().tolist()


def test_bits_are_kept_of_a_palette_that_is_short(tmp_path: Path) -> None:
    """As optimisers of PNG write it: 8 bits, and three colours."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 1, 8, 3, 0, 0, 0)) + chunk(b"PLTE", bytes(range(9)))
    data = chunk(b"IDAT", zlib.compress(b"\0\0\1\2")) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + data)
    masks = open_one(tmp_path)
    masks.writer(tmp_path / "out").write("a", masks.read("a", 1, 3))
    kind, mode, depth, palette, pixels = contents(tmp_path / "out" / "a.png")
    assert (kind, mode, depth, pixels) == ("PNG", "P", 8, [[0, 1, 2]])
    assert isinstance(palette, list)
    assert palette[:9] == list(range(9))


def test_a_picture_is_written_when_all_files_of_classes_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a_car", "b_car", "b_ant"):
        save(tmp_path / f"{name}.png", ONE)
    written = []

    def save_one(path: Path, *others: object) -> None:
        if written:
            raise OSError("no space")
        written.append(path.name)
        path.parent.mkdir(exist_ok=True)
        path.touch()

    monkeypatch.setattr(class_files, "save_numbers", save_one)
    writer = open_one(tmp_path, "a", "b").writer(tmp_path / "out")
    with pytest.raises(OSError, match="no space"):
        writer.write("a", LabelMap(np.where(ring() == VOID, 0, ring())))
    assert written == ["a_ant.png"]
    assert not writer.is_written("a")


def test_a_class_that_had_no_file_gets_one(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a_car.png", ONE * 255)
    save(tmp_path / "in" / "b_car.png", ONE * 255)
    save(tmp_path / "in" / "b_dog.png", ONE * 0)
    masks = open_one(tmp_path / "in", "a", "b")
    assert (masks.format, masks.classes.names) == ("per-class", ("background", "car", "dog"))
    writer = masks.writer(tmp_path / "out")
    changed = np.where(ring() == VOID, 0, ring())
    writer.write("a", LabelMap(changed))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a_car.png", "a_dog.png"]
    writer.write("b", LabelMap(changed * 0))
    again = open_one(tmp_path / "out", "a", "b")
    assert labels_of(again, "a", changed.shape).tolist() == changed.tolist()
    assert not labels_of(again, "b", changed.shape).any()
    with pytest.raises(InputError, match="is void at x 10, y 0, for which these masks have no file"):
        writer.write("a", LabelMap(ring()))


def test_files_of_classes_that_belong_to_no_picture_are_named(tmp_path: Path) -> None:
    for name in ("a_car", "a_dog", "z_car"):
        save(tmp_path / f"{name}.png", ONE * (255 if name == "a_car" else 0))
    masks = open_one(tmp_path, "a")
    assert masks.understood() == [
        "per-class: KEY_CLASS; pixels that no file claims are background", "1 file left out (z_car.png)",
    ]  # fmt: skip


def test_of_many_colours_the_first_are_printed(tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.stack([np.arange(0, 255, 15), np.arange(17), np.arange(17)], 1)[None].astype(np.uint8))
    (line,) = open_one(tmp_path).understood()
    assert "class 11 is 165,11,11; ...); written to colours.csv" in line


def test_masks_are_never_written_over(tmp_path: Path) -> None:
    save(tmp_path / "a.png", FILE)
    (tmp_path / "link").symlink_to(tmp_path)
    masks = open_one(tmp_path)
    for folder in (tmp_path, tmp_path / "link"):
        with pytest.raises(InputError, match="holds the masks that are read"):
            masks.writer(folder)


def test_two_masks_of_one_name_are_not_written_to_one_place(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        save(tmp_path / folder / "m.png", FILE)
    (tmp_path / "masks").mkdir()
    (tmp_path / "t.csv").write_text("a,x/m.png\nb,y/m.png\n")
    masks = open_one(tmp_path / "masks", "a", "b", pairs=str(tmp_path / "t.csv"), format="index")
    with pytest.raises(InputError, match="would both be written as"):
        masks.writer(tmp_path / "out")


@pytest.mark.real
def test_real_masks_are_kept(tmp_path: Path) -> None:
    """Of VOC and CamVid: read as their data sets say, and written to the pixel."""
    for folder, void, classes in (("VOCdevkit/VOC2012/SegmentationClass", 255, 21), ("CamVid/valannot", 11, 11)):
        root = SHARED / "data" / folder
        keys = [path.stem for path in sorted(root.glob("*.png"))][:20]
        masks = open_one(root, *keys, classes=classes, void=str(void))
        writer = masks.writer(tmp_path / folder)
        for key in keys:
            file = pixels_of(root / f"{key}.png")
            read = masks.read(key, *file.shape)
            assert np.where(read.labels == VOID, void, read.labels).tolist() == file.tolist()
            writer.write(key, read)
            assert contents(tmp_path / folder / f"{key}.png") == contents(root / f"{key}.png")
