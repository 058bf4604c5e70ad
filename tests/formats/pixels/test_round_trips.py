"""Whatever a program wrote is read right, and written again to the pixel; also what was changed."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lit_samseg.formats.interface import LabelMap
from tests.formats.pixels.made_masks import (
    VOID,
    Labels,
    contents,
    label_maps,
    labels_of,
    numbers,
    open_one,
    ring,
    save,
    save_palette,
)

PALETTE = [part for index in range(256) for part in (index, 255 - index, index * 7 % 256)]
FEW_COLOURS = PALETTE[: 4 * 3]
RGB = np.array([[0, 0, 0], [250, 10, 0], [0, 130, 7], [9, 9, 200]], np.uint8)
VOID_RGB = (255, 255, 254)
TABLE = "sky,0,0,0\ncar,250,10,0\ntree,0,130,7\nroad,9,9,200\nvoid,255,255,254\n"


class Kind(NamedTuple):
    """A kind of mask file."""

    format: str
    classes: int
    void: bool
    write: Callable[[Path, Labels], None]
    options: Mapping[str, object] = MappingProxyType({})


def plain(suffix: str, dtype: type, **options: object) -> Callable[[Path, Labels], None]:
    def write(folder: Path, labels: Labels) -> None:
        most = 65_535 if dtype is np.uint16 else 255
        save(folder / f"a{suffix}", np.where(labels == VOID, most, labels).astype(dtype), **options)

    return write


def palette(suffix: str, colours: list[int], **options: object) -> Callable[[Path, Labels], None]:
    def write(folder: Path, labels: Labels) -> None:
        save_palette(folder / f"a{suffix}", np.where(labels == VOID, 255, labels), colours, **options)

    return write


def binary(suffix: str, yes: int, dtype: type, channels: int = 0) -> Callable[[Path, Labels], None]:
    def write(folder: Path, labels: Labels) -> None:
        array = (labels * yes).astype(dtype)
        save(folder / f"a{suffix}", np.repeat(array[..., None], channels, axis=2) if channels else array)

    return write


def opaque(folder: Path, labels: Labels) -> None:
    array = np.repeat((labels * 255).astype(np.uint8)[..., None], 4, axis=2)
    array[..., 3] = 255
    save(folder / "a.png", array)


def colours(suffix: str, alpha: bool = False, **options: object) -> Callable[[Path, Labels], None]:
    def write(folder: Path, labels: Labels) -> None:
        (folder / "table.csv").write_text(TABLE)
        # Void is -1, the last one.
        array = np.array([*RGB.tolist(), VOID_RGB], np.uint8)[labels]
        if alpha:
            array = np.concatenate([array, np.where(labels == 0, 0, 255).astype(np.uint8)[..., None]], axis=2)
        save(folder / f"a{suffix}", array, **options)

    return write


def by_opencv(folder: Path, labels: Labels) -> None:
    (folder / "table.csv").write_text(TABLE)
    array = np.array([*RGB.tolist(), VOID_RGB], np.uint8)[labels]
    assert cv2.imwrite(str(folder / "a.png"), array[..., ::-1])


def class_files(name: str) -> Callable[[Path, Labels], None]:
    def write(folder: Path, labels: Labels) -> None:
        for number, word in enumerate(("car", "dog", "road"), 1):
            save(folder / name.format(word), (labels == number).astype(np.uint8) * 255)

    return write


def class_files_with_void(folder: Path, labels: Labels) -> None:
    for number, word in enumerate(("background", "car", "dog", "road")):
        save(folder / "a" / f"{word}.png", labels == number)


def cityscapes(kind: str) -> Callable[[Path, Labels], None]:
    ids = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)

    def write(folder: Path, labels: Labels) -> None:
        values = dict(enumerate(ids)) if kind == "labelIds" else {number: number for number in range(19)}
        void = 4 if kind == "labelIds" else 255
        save(folder / f"a_gtFine_{kind}.png", numbers(labels, {**values, VOID: void}).astype(np.uint8))

    return write


INDEX = {"format": "index", "void": "255"}
WIDE = {"format": "index", "void": "65535", "classes": 300}
COLOURED = {"colours": "TABLE"}

KINDS: dict[str, Kind] = {
    "grey png": Kind("index", 255, True, plain(".png", np.uint8), {**INDEX, "classes": 255}),
    "grey tiff": Kind("index", 6, True, plain(".TIF", np.uint8, compression="tiff_lzw"), {**INDEX, "classes": 6}),
    "grey bmp": Kind("index", 6, True, plain(".bmp", np.uint8), {**INDEX, "classes": 6}),
    "16-bit png": Kind("index", 300, True, plain(".png", np.uint16), WIDE),
    "16-bit tiff": Kind("index", 300, True, plain(".tif", np.uint16), WIDE),
    "palette png": Kind("index", 255, True, palette(".png", PALETTE), {**INDEX, "classes": 255}),
    "palette png of 2 bits": Kind("index", 4, False, palette(".png", FEW_COLOURS), {"format": "index", "classes": 4}),
    "palette png of few colours": Kind(
        "index", 4, False, palette(".png", FEW_COLOURS, bits=8), {"format": "index", "classes": 4}
    ),
    "palette tiff": Kind("index", 9, True, palette(".tiff", PALETTE), {**INDEX, "classes": 9}),
    "palette bmp": Kind("index", 9, True, palette(".bmp", PALETTE), {**INDEX, "classes": 9}),
    "grey in colour webp": Kind(
        "index",
        9,
        True,
        lambda folder, labels: save(
            folder / "a.webp", np.repeat(np.where(labels == VOID, 255, labels).astype(np.uint8)[..., None], 3, 2),
            lossless=True,
        ),
        {**INDEX, "classes": 9},
    ),
    "0 and 255": Kind("binary", 2, False, binary(".png", 255, np.uint8), {"format": "binary"}),
    "0 and 1": Kind("binary", 2, False, binary(".png", 1, np.uint8), {"format": "binary"}),
    "0 and 65535": Kind("binary", 2, False, binary(".png", 65_535, np.uint16), {"format": "binary"}),
    "one bit": Kind("binary", 2, False, binary(".png", 1, bool)),
    "one bit tiff": Kind("binary", 2, False, binary(".tif", 1, bool)),
    "one bit bmp": Kind("binary", 2, False, binary(".bmp", 1, bool)),
    "0 and 255 in rgb": Kind("binary", 2, False, binary(".png", 255, np.uint8, 3), {"format": "binary"}),
    "0 and 255 in rgba": Kind("binary", 2, False, opaque, {"format": "binary"}),
    "rgb png": Kind("colours", 4, True, colours(".png"), COLOURED),
    "rgb by opencv": Kind("colours", 4, True, by_opencv, COLOURED),
    "rgba png": Kind("colours", 4, True, colours(".png", alpha=True), COLOURED),
    "rgb tiff": Kind("colours", 4, True, colours(".tif"), COLOURED),
    "rgb webp": Kind("colours", 4, True, colours(".webp", lossless=True), COLOURED),
    "rgba webp": Kind("colours", 4, True, colours(".webp", alpha=True, lossless=True, exact=True), COLOURED),
    "rgb bmp": Kind("colours", 4, True, colours(".bmp"), COLOURED),
    "key/class": Kind("per-class", 4, False, class_files("a/{}.png")),
    "key_class": Kind("per-class", 4, False, class_files("a_{}.png")),
    "class/key": Kind("per-class", 4, False, class_files("{}/a.tif")),
    "key/class with background": Kind("per-class", 4, True, class_files_with_void),
    "cityscapes label ids": Kind("cityscapes", 19, True, cityscapes("labelIds")),
    "cityscapes train ids": Kind("cityscapes", 19, True, cityscapes("labelTrainIds")),
}  # fmt: skip


@contextmanager
def folders() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory() as place:
        masks = Path(place, "masks")
        masks.mkdir()
        yield masks, Path(place, "out")


def check(kind: Kind, labels: Labels, changed: Labels) -> None:
    with folders() as (folder, out):
        kind.write(folder, labels)
        options = {n: str(folder / "table.csv") if v == "TABLE" else v for n, v in kind.options.items()}
        masks = open_one(folder, **options)
        assert masks.format == kind.format
        assert len(masks.classes) == kind.classes
        assert labels_of(masks, "a", labels.shape).tolist() == labels.tolist()

        writer = masks.writer(out / "same")
        assert not writer.is_written("a")
        writer.write("a", LabelMap(labels))
        writer.finish()
        assert writer.is_written("a")
        for path in masks.files("a"):
            assert contents(out / "same" / path.relative_to(folder)) == contents(path)

        writer = masks.writer(out / "changed")
        writer.write("a", LabelMap(changed))
        again = open_one(out / "changed", **options)
        assert labels_of(again, "a", changed.shape).tolist() == changed.tolist()


# Files are made and read; nothing else is shared between examples.
@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_pixels_are_kept(name: str, data: st.DataObject) -> None:
    kind = KINDS[name]
    labels = data.draw(label_maps(kind.classes, kind.void))
    changed = data.draw(label_maps(kind.classes, kind.void).filter(lambda other: other.size > 0))
    height, width = labels.shape
    check(kind, labels, np.resize(changed, (height, width)))


@pytest.mark.parametrize("name", KINDS)
def test_holes_single_pixels_and_touching_objects_are_kept(name: str) -> None:
    kind = KINDS[name]
    labels = ring() if kind.void else np.where(ring() == VOID, 0, ring())
    labels = labels.clip(max=kind.classes - 1)
    check(kind, labels, labels[::-1])


@pytest.mark.parametrize("name", ["grey png", "palette png", "16-bit png"])
def test_all_classes_at_once_are_kept(name: str) -> None:
    kind = KINDS[name]
    labels = np.resize(np.arange(-1, kind.classes), (16, 19)).astype(np.int32)
    assert set(labels.ravel()) == {*range(-1, kind.classes)}
    check(kind, labels, labels[:, ::-1])
