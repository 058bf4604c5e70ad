"""New files of each format of objects, by the word of the format."""

from collections.abc import Mapping
from pathlib import Path

from lit_samseg.formats.interface import Classes, LabelMap, MaskOptions, MaskSet, MaskWriter
from lit_samseg.formats.objects.coco_writer import new_coco
from lit_samseg.formats.objects.cvat_writer import new_cvat
from lit_samseg.formats.objects.labelme_writer import new_labelme
from lit_samseg.formats.objects.yolo_writer import new_yolo
from lit_samseg.formats.recognise import open_masks

WORDS = ("coco", "yolo", "labelme", "cvat")
NAMES = ("background", "ant", "bee", "cow")
CLASSES = Classes(NAMES, (0, 1, 2, 3), background=0, named=True)


def new_writer(word: str, folder: Path, classes: Classes = CLASSES) -> MaskWriter:
    """Return a writer of new files."""
    names: Mapping[str, str] = {"a": "a.jpg", "b/c": "b/c.png"}
    if word == "coco":
        return new_coco(folder / "all.json", classes, names)
    if word == "cvat":
        return new_cvat(folder / "annotations.xml", classes, names)
    return new_yolo(folder, classes) if word == "yolo" else new_labelme(folder, classes, names)


def opened(folder: Path, *keys: str, options: MaskOptions | None = None) -> MaskSet:
    """Open what was written, with classes in the order of NAMES."""
    return open_masks(folder, keys or ("a", "b/c"), options or MaskOptions(classes=list(NAMES[1:])))


def written(word: str, folder: Path, masks: LabelMap, classes: Classes = CLASSES) -> MaskSet:
    """Write the masks of picture a, and an empty picture b/c; open them again."""
    writer = new_writer(word, folder, classes)
    writer.write("a", masks)
    empty = LabelMap(masks.labels * 0, masks.labels * 0 - 1)
    writer.write("b/c", empty)
    writer.finish()
    return opened(folder)
