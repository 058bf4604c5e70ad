"""Masks of every kind that are odd, and folders of them: one line that names the file, the place and what to do."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import MaskOptions
from lit_samseg.formats.palettes import voc_palette
from lit_samseg.formats.recognise import open_masks
from lit_samseg.formats.summary import summarise
from tests.hostile.conftest import HEIGHT, WIDTH, encoded, pixels
from tests.hostile.pictures import png


def labels(*values: int) -> np.ndarray:
    """Return columns of values, uint8 [24, 40]."""
    return np.broadcast_to(np.resize(values, WIDTH), (HEIGHT, WIDTH)).astype(np.uint8)


def grey(*values: int, kind: str = "PNG", **options: object) -> bytes:
    return encoded(Image.fromarray(labels(*values)), kind, **options)


def rgb(*colours: tuple[int, ...]) -> bytes:
    table = np.array(colours, np.uint8)
    return encoded(Image.fromarray(table[np.resize(np.arange(len(colours)), WIDTH)][None].repeat(HEIGHT, 0)), "PNG")


def with_palette(*values: int, colours: list[int]) -> bytes:
    picture = Image.fromarray(labels(*values))
    picture.putpalette(colours)
    return encoded(picture, "PNG")


def wide_rgb() -> bytes:
    import cv2

    return cv2.imencode(".png", pixels().astype(np.uint16) * 200)[1].tobytes()


def renumbered() -> bytes:
    picture = Image.fromarray(labels(0, 3, 7))
    picture.putpalette(voc_palette())
    return encoded(picture.convert("RGB").quantize(8), "PNG")


class Odd(NamedTuple):
    """Files below the folder of masks, what is said of them, and what is complained of."""

    files: dict[str, bytes]
    complaints: tuple[str, ...]
    options: dict[str, object] = {}  # noqa: RUF012 (never changed)
    keys: tuple[str, ...] = ("a",)


def one(content: bytes, *complaints: str, **options: object) -> Odd:
    return Odd({"a.png": content}, ("a.png", *complaints), options)


BLACK, RED, NEARLY_RED, GREEN = (0, 0, 0), (200, 10, 0), (200, 12, 1), (0, 190, 3)
TABLE = b"sky,0,0,0\ncar,200,10,0\n"
HALF = labels(0, 255)[:, : WIDTH // 2]
PHOTOGRAPH = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)

ODD: dict[str, Odd] = {
    "jpeg": Odd({"a.jpg": grey(0, 1, kind="JPEG")}, ("a.jpg is compressed with loss", "save it as PNG")),
    "jpeg named png": one(grey(0, 1, kind="JPEG"), "compressed with loss, which changes labels; save it as PNG"),
    "gif": Odd({"a.gif": encoded(Image.fromarray(PHOTOGRAPH), "GIF")}, ("a.gif is a picture in GIF", "save it as PNG")),
    "lossy webp": one(grey(0, 1, kind="WEBP"), "compressed with loss"),
    "tiff of jpeg": one(grey(0, 1, kind="TIFF", compression="jpeg"), "compressed with loss"),
    "grey of 2 bits": one(png(WIDTH, HEIGHT, 2, 0), "grey of 2 or 4 bits"),
    "colours of 16 bits": one(wide_rgb(), "more than 8 bits a channel (16)"),
    "cmyk": one(encoded(Image.fromarray(pixels()).convert("CMYK"), "TIFF"), "has mode CMYK"),
    "grey with alpha": one(encoded(Image.fromarray(labels(0, 1)).convert("LA"), "PNG"), "has mode LA"),
    "signed numbers": one(
        encoded(Image.fromarray(labels(0, 1).astype(np.int32)), "TIFF"), "signed numbers, fractions or 32 bits"
    ),
    "fractions": one(encoded(Image.fromarray(labels(0, 1).astype(np.float32)), "TIFF"), "(mode F)"),
    "pages": one(encoded(Image.fromarray(labels(0)), "TIFF", [Image.fromarray(labels(1))]), "several pictures"),
    "a photograph": one(encoded(Image.fromarray(PHOTOGRAPH), "PNG"), "colours: it is a photograph", "saved as PNG"),
    "smoothed colours": one(rgb(BLACK, RED, NEARLY_RED), "200,12,1 at x 2, y 0", "all but 200,10,0", "to found"),
    "a strange colour": Odd(
        {"a.png": rgb(BLACK, RED, GREEN), "t.csv": TABLE},
        ("a.png has the colour 0,190,3 at x 2, y 0", "none of t.csv", "the nearest is"),
        {"colours": "t.csv"},
    ),
    "one colour opaque and not": one(rgb((*BLACK, 255), (*RED, 255), (*BLACK, 0)), "more and less transparent"),
    "colours and numbers": Odd(
        {"a.png": rgb(BLACK, RED), "b.png": grey(0, 1)}, ("a.png holds colours", "b.png numbers"), keys=("a", "b")
    ),
    "colours of two tables": Odd({"a.png": rgb(BLACK, (255, 0, 0))}, ("cityscapes and of ade20k", "or to found")),
    "two colours of one table": one(rgb(BLACK, (224, 224, 192)), "all 2 colours are those of voc")._replace(
        complaints=("all 2 colours are those of voc", "set --masks.colours to voc, or to found")
    ),
    "colours said to be an index": one(rgb(BLACK, RED), "holds colours, not numbers", format="index"),
    "a table without colours": Odd(
        {"a.png": rgb(BLACK, RED), "t.csv": b"sky\ncar\n"}, ("t.csv does not give each class",), {"colours": "t.csv"}
    ),
    "no such table": one(rgb(BLACK), "no such file: pascal", "or found", colours="pascal")._replace(
        complaints=("no such file: pascal", "or found")
    ),
    "0 and 255 of many classes": Odd(
        {"a.png": grey(0, 255)}, ("may be index", "or binary", "set --masks.format"), {"classes": 21}
    ),
    "0 and 255 said to be an index": Odd(
        {"a.png": grey(0, 255)}, ("255 is the only value beside 0", "--masks.void to 255"), {"format": "index"}
    ),
    "three greys": Odd({"a.png": grey(0, 128, 255)}, ("255 may be void or a class", "--masks.void")),
    "all greys": Odd({"a.png": encoded(Image.fromarray(np.resize(np.arange(256), (24, 40)).astype(np.uint8)), "PNG")},
                     ("255 may be void or a class, beside 0, 1, 2, ..., 254",)),
    "1 and 255 in different files": Odd(
        {"a.png": grey(0, 1), "b.png": grey(0, 255)}, ("may be index", "or binary"), keys=("a", "b")
    ),
    "1 and 255 in one binary file": one(
        grey(0, 1, 255), "is not binary: it has the value 1 at x 1, y 0 beside 255", format="binary"
    ),
    "a binary mask with smoothed edges": Odd(
        {"a.png": grey(0, 40, 90, 130, 200, 255)}, ("255 may be void or a class", "if edges were smoothed")
    ),
    "0 and 65535 of many classes": Odd(
        {"a.png": encoded(Image.fromarray(labels(0, 1).astype(np.uint16) * 65_535), "PNG")},
        ("may be index", "--masks.void 65535", "or binary"),
        {"classes": 21},
    ),
    "a table of colours for numbers": Odd(
        {"a.png": grey(0, 1, 2)}, ("--masks.format is index; leave out one",), {"format": "index", "colours": "voc"}
    ),
    "void of cityscapes": Odd({"a_labelIds.png": grey(7, 8)}, ("void of their own",), {"void": "0"}),
    "a class too many": one(grey(0, 1, 6, 255), "has the value 6 at x 2, y 0", "0..4 nor 255", classes=5),
    "a value not mapped": one(grey(0, 7, 9), "has the value 9 at x 2, y 0", "line *", mapping={"0": 0, "7": 1}),
    "a palette numbered anew": one(renumbered(), "has the usual colours at other indices", "--masks.format to colours"),
    "palettes that disagree": Odd(
        {
            "a.png": with_palette(0, 1, 2, colours=[0, 0, 0, 9, 0, 0, 0, 9, 0]),
            "b.png": with_palette(0, 1, 2, colours=[0, 0, 0, 0, 9, 0, 9, 0, 0]),
        },
        ("a.png and", "b.png have palettes of their own: index 1", "--masks.format to index"),
        keys=("a", "b"),
    ),
    "empty": one(b"", "is not a picture"),
    "text": one(b"0 0 1 1", "is not a picture"),
    "cut off": one(grey(0, 1)[:-30], "cannot be decoded"),
    "a bomb": one(png(60_000, 60_000), "claims more than"),
    "other size": one(encoded(Image.fromarray(HALF), "PNG"), "is 20x24 pixels, its picture 40x24"),
    "sides swapped": one(encoded(Image.fromarray(labels(0, 1, 2).T.copy()), "PNG"), "is 24x40 pixels", "turn one"),
    "masks of other pictures": Odd({"z.png": grey(0, 1, 2)}, ("none belongs to a picture", "z.png", "--masks.pairs")),
    "a picture and a mask left over": Odd(
        {"a.png": grey(0, 1, 2), "B.png": grey(0, 1, 2)},
        ("1 picture without a mask (b) and 1 mask without a picture (B.png)", "rename"),
        keys=("a", "b"),
    ),
    "two masks of one picture": Odd(
        {"a.png": grey(0, 1, 2), "a.tif": grey(0, 1, 2)}, ("a.png and a.tif are both masks of a", "--masks.suffix")
    ),
    "two endings": Odd(
        {"a_x.png": grey(0, 1, 2), "a_y.png": grey(0, 1, 2)}, ("may have several", "one of _x.png, _y.png")
    ),
    "no such ending": Odd({"a.png": grey(0)}, ("no name ends in --masks.suffix _gt",), {"suffix": "_gt"}),
    "classes that overlap": Odd(
        {"a/car.png": grey(0, 255), "a/dog.png": grey(255, 255, 0)}, ("claims the pixel at x 1, y 0", "one class")
    ),
    "a class's file of many values": Odd(
        {"a/car.png": grey(0, 1, 2)}, ("car.png is not binary",), {"format": "per-class"}
    ),
    "no files of classes": Odd({"a.png": grey(0, 1)}, ("KEY/CLASS.png, KEY_CLASS.png",), {"format": "per-class"}),
    "a label id that is none": Odd(
        {"a_gtFine_labelIds.png": grey(7, 40)}, ("has the value 40 at x 1, y 0", "label ids are 0..33")
    ),
    "a train id that is none": Odd({"a_labelTrainIds.png": grey(7, 40)}, ("train ids are 0..18 and 255",)),
    "no such format": one(grey(0), format="nrrd")._replace(complaints=("--masks.format is 'nrrd'", "index")),
    "nothing": Odd({"readme.txt": b""}, ("no format is recognised (readme.txt)", "set --masks.format")),
    "a table of pairs without masks": Odd(
        {"a.png": grey(0), "t.csv": b"picture,mask\na.jpg,b.png\n"},
        ("line 2: no such mask: 'b.png'",),
        {"pairs": "t.csv"},
    ),
    "a table of no pairs": Odd(
        {"a.png": grey(0), "t.csv": b"z.jpg,a.png\n"}, ("names none of the pictures (a)",), {"pairs": "t.csv"}
    ),
    "a name of two lines": Odd({"a\nb.png": b""}, ("'a\\nb.png'", "rename it"), keys=("a\nb",)),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_masks_end_in_one_line(tmp_path: Path, name: str) -> None:
    odd = ODD[name]
    for file, content in odd.files.items():
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    options = {n: str(tmp_path / v) if v == "t.csv" else v for n, v in odd.options.items()}
    with pytest.raises(InputError) as caught:
        summarise(open_masks(tmp_path, odd.keys, MaskOptions(**options)), dict.fromkeys(odd.keys, (HEIGHT, WIDTH)))
    line = str(caught.value)
    assert line.isprintable(), line
    for complaint in odd.complaints:
        assert complaint in line, line


def test_a_folder_that_is_a_mask_and_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    with pytest.raises(InputError, match=r"no format is recognised \(no files\)"):
        open_masks(tmp_path, ["a"], MaskOptions())
    (tmp_path / "b.png").symlink_to(tmp_path / "b.png")
    with pytest.raises(InputError, match=r"mask .*b\.png cannot be decoded"):
        open_masks(tmp_path, ["b"], MaskOptions())


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        open_masks(tmp_path / "z", ["a"], MaskOptions())
