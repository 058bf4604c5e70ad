"""Palette pictures whose indices are not their labels: read by grey or colour, or refused by name."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lit_samseg.data import Folder
from lit_samseg.errors import InputError
from lit_samseg.formats.palettes import FileLabels, colours_of, voc_palette
from lit_samseg.formats.reading import how_read, read_indices

LABELS = np.array([[0, 3, 8], [255, 3, 0]], np.uint8)
CAMVID = [128, 128, 128, 128, 0, 0, 192, 192, 128, 128, 64, 128, 60, 40, 222, 128, 128, 0]
OWN = FileLabels([*range(21), 255], colours_of(voc_palette()), own=True)
DRAWN = FileLabels([*range(21), 255], colours_of(voc_palette()), option="data.label_values")


def paletted(labels: np.ndarray, palette: list[int]) -> Image.Image:
    picture = Image.fromarray(labels.astype(np.uint8))
    picture.putpalette(palette)
    return picture


def greys(*values: int) -> list[int]:
    return [value for value in values for _ in range(3)]


def compact(labels: np.ndarray) -> np.ndarray:
    """Number labels anew, as a program does that keeps the used colours only."""
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.uint8)


def voc_colours_of(labels: np.ndarray) -> list[int]:
    return [n for label in np.unique(labels).tolist() for n in voc_palette()[3 * label : 3 * label + 3]]


@pytest.mark.parametrize("labels", [OWN, DRAWN, FileLabels()])
@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.tif", "a.bmp"])
def test_a_palette_of_greys_is_a_grey_picture(tmp_path: Path, name: str, labels: FileLabels) -> None:
    """Pillow's GIFs number greys anew; other programs may in any format."""
    path = tmp_path / name
    if name == "a.gif":
        Image.fromarray(LABELS).save(path)
    else:
        paletted(compact(LABELS), greys(0, 3, 8, 255)).save(path)
    with Image.open(path) as picture:
        assert np.array(picture).max() == 3
    assert read_indices(path, labels=labels).tolist() == LABELS.tolist()
    assert how_read(path, labels) == "grey palette"
    assert read_indices(path, labels=None).tolist() == compact(LABELS).tolist()


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.tif", "a.bmp"])
def test_the_data_sets_own_colours_at_other_indices(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    paletted(compact(LABELS), voc_colours_of(LABELS)).save(path)
    assert read_indices(path, labels=OWN).tolist() == LABELS.tolist()
    assert how_read(path, OWN) == "colours"
    with pytest.raises(InputError, match=rf"{name} has the usual colours at other indices: index 1 is \(128, 128, 0\), "
                       r"the colour of label 3; .*: set data\.label_values to colours or to indices"):  # fmt: skip
        read_indices(path, labels=DRAWN)
    with pytest.raises(InputError, match="it anew: save it as 8-bit grey"):
        read_indices(path)


def test_colours_of_a_picture_without_a_palette(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    paletted(LABELS, voc_palette()).convert("RGB").save(path)
    assert read_indices(path, labels=OWN).tolist() == LABELS.tolist()
    with pytest.raises(
        InputError, match=r"has mode RGB; .*; VOC's colours are read where data\.label_values is colours"
    ):
        read_indices(path, labels=DRAWN)
    Image.fromarray(np.full((2, 3, 3), 77, np.uint8)).save(path)
    with pytest.raises(InputError, match=r"mode RGB, and \(77, 77, 77\) is the colour of no class"):
        read_indices(path, labels=OWN)


@pytest.mark.parametrize(
    ("palette", "labels"),
    [
        (voc_palette(), OWN),
        (voc_palette(), DRAWN),
        (greys(*range(256)), OWN),
        (greys(*range(256)), DRAWN),
        # Void has another colour in many files.
        ([*voc_palette()[:-3], 255, 255, 255], OWN),
        ([*voc_palette()[:63], *[0] * 705], OWN),
        # Nothing is told.
        ([0] * 768, OWN),
        ([0] * 768, DRAWN),
        # Colours of one's own, all of VOC's map, but not of so few classes.
        ([*CAMVID, *[0] * 750], DRAWN),
        # Black, white and a colour.
        ([255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 0, 0, *[9, 9, 9] * 252], DRAWN),
    ],
)
def test_indices_that_are_labels(tmp_path: Path, palette: list[int], labels: FileLabels) -> None:
    values = np.array([[0, 1, 2], [255, 1, 0]])
    paletted(values, palette).save(tmp_path / "a.png")
    assert read_indices(tmp_path / "a.png", labels=labels).tolist() == values.tolist()
    assert how_read(tmp_path / "a.png", labels) == "indices"


@pytest.mark.parametrize(
    ("palette", "labels", "complaint"),
    [
        ([*voc_palette()[:6], 1, 2, 3], OWN, r"index 2 is \(1, 2, 3\), there \(0, 128, 0\); save it as 8-bit grey"),
        (greys(0, 80, 160), OWN, "palette of greys, of which index 1 is 80, no label"),
        (greys(0, 80, 160), DRAWN, r"no label; .* or set data\.label_values to indices"),
        ([*greys(0, 3, 8), 200, 0, 0], DRAWN, r"uses only greys of its palette, and index 1 is grey 3"),
    ],
)
def test_palettes_that_contradict(tmp_path: Path, palette: list[int], labels: FileLabels, complaint: str) -> None:
    paletted(np.array([[0, 1, 2]]), palette).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=rf"a\.png .*{complaint}"):
        read_indices(tmp_path / "a.png", labels=labels)


def folder(root: Path, masks: dict[str, Image.Image], **options: object) -> Folder:
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for name, mask in masks.items():
        mask.save(root / "masks" / name)
        Image.new("RGB", mask.size).save(root / "images" / f"{Path(name).stem}.png")
    return Folder(str(root / "images"), str(root / "masks"), **({"num_classes": 11} | options))  # type: ignore[arg-type]


def read_all(data: Folder) -> dict[str, list[list[int]]]:
    data.setup("test")
    samples = [data.read(image_id, True) for image_id in data.ids]
    return {sample.id: sample.target.tolist() for sample in samples if sample.target is not None}


def camvid(*classes: int) -> Image.Image:
    """A mask whose palette has the colours of these classes only."""
    picture = Image.fromarray(np.arange(len(classes), dtype=np.uint8)[None])
    picture.putpalette([n for c in classes for n in CAMVID[3 * c : 3 * c + 3]])
    return picture


def test_palettes_of_one_folder_that_give_an_index_two_colours(tmp_path: Path) -> None:
    masks = {"a.png": camvid(0, 3), "b.png": camvid(0, 1, 2), "c.png": camvid(4, 2)}
    data = folder(tmp_path, masks)
    with pytest.raises(
        InputError,
        match=r"masks .*a\.png and .*[bc]\.png have palettes of their own: index [01] is .*; save them as 8-bit grey, "
        r"or set data\.label_values to indices",
    ):
        data.setup("test")
    # For pictures without ground truth no mask is opened.
    data.setup("predict")


def test_a_folder_of_which_one_mask_was_renumbered_is_refused_at_once(tmp_path: Path) -> None:
    """Not after the images before it."""
    whole, renumbered = paletted(LABELS, voc_palette()), paletted(compact(LABELS), voc_colours_of(LABELS))
    data = folder(tmp_path, {"a.png": whole, "z.png": renumbered})
    with pytest.raises(InputError, match=r"mask .*z\.png has the usual colours at other indices"):
        data.setup("test")


def test_palettes_of_one_folder_that_agree(tmp_path: Path) -> None:
    labels = np.array([[0, 1, 5]])
    longer = [*CAMVID, 1, 2, 3]
    masks = {"a.png": paletted(labels, CAMVID), "b.png": paletted(labels, longer), "c.png": Image.fromarray(LABELS)}
    assert read_all(folder(tmp_path, masks))["b"] == labels.tolist()


def test_broken_masks_are_left_to_the_reader(tmp_path: Path) -> None:
    data = folder(tmp_path, {"a.png": camvid(0, 3), "b.png": camvid(0, 3, 2)})
    (tmp_path / "masks" / "b.png").write_bytes(b"nothing")
    data.setup("test")
    with pytest.raises(InputError, match=r"b\.png is not a picture"):
        data.read("b", True)


def test_what_the_palette_says_is_an_option(tmp_path: Path) -> None:
    mask = paletted(compact(LABELS), voc_colours_of(LABELS))
    assert read_all(folder(tmp_path / "c", {"a.gif": mask}, label_values="colours"))["a"] == LABELS.tolist()
    assert read_all(folder(tmp_path / "i", {"a.gif": mask}, label_values="indices"))["a"] == compact(LABELS).tolist()
    with pytest.raises(InputError, match="the usual colours at other indices"):
        read_all(folder(tmp_path / "a", {"a.gif": mask}))
