"""Masks written in a format of the caller's choice, whatever format they were read from."""

from collections.abc import Callable, Mapping
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import Classes, MaskWriter
from lit_samseg.formats.objects.coco_writer import new_coco
from lit_samseg.formats.objects.cvat_writer import new_cvat
from lit_samseg.formats.objects.labelme_writer import new_labelme
from lit_samseg.formats.objects.yolo_writer import new_yolo
from lit_samseg.formats.pixels.fresh import (
    FreshClassFiles,
    fresh_binary,
    fresh_cityscapes,
    fresh_colours,
    fresh_index,
)

Create = Callable[[Classes, Path, Mapping[str, str]], MaskWriter]
"""Takes what labels mean, a folder, and the pictures' files by their names."""

CREATE: dict[str, Create] = {
    "index": lambda classes, folder, _: fresh_index(classes, folder),
    "colours": lambda classes, folder, _: fresh_colours(classes, folder),
    "binary": lambda classes, folder, _: fresh_binary(classes, folder),
    "per-class": lambda classes, folder, _: FreshClassFiles(classes, folder),
    "cityscapes": lambda classes, folder, _: fresh_cityscapes(classes, folder),
    "coco": lambda classes, folder, files: new_coco(folder / "annotations.json", classes, files),
    "yolo": lambda classes, folder, _: new_yolo(folder, classes),
    "labelme": lambda classes, folder, files: new_labelme(folder, classes, files),
    "cvat": lambda classes, folder, files: new_cvat(folder / "annotations.xml", classes, files),
}
"""How each format is begun anew; the same formats as in `recognise.FORMATS`."""


def create_writer(word: str, classes: Classes, folder: Path, files: Mapping[str, str]) -> MaskWriter:
    """Return what writes masks in a format.

    Args:
        word: The format's.
        classes: What labels mean.
        folder: Where to.
        files: The pictures' files by their names, relative to the folder of pictures: ``{"x/a": "x/a.jpg"}``.

    Raises:
        InputError: There is no such format, or it cannot hold these classes.
    """
    if word not in CREATE:
        raise InputError(f"--format is {word!r}; masks can be written as {', '.join(CREATE)}")
    return CREATE[word](classes, folder, files)
