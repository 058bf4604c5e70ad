"""Masks in one COCO file: polygons, run lengths and crowds."""

from pathlib import Path

from typing_extensions import override

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import Classes, MaskWriter
from lit_samseg.formats.listing import counted, in_words
from lit_samseg.formats.objects.categories import object_classes
from lit_samseg.formats.objects.coco_file import CocoFile, Record, check_size, looks_like_coco, read_coco, segmented
from lit_samseg.formats.objects.coco_writer import CocoWriter
from lit_samseg.formats.objects.object_set import ObjectSet
from lit_samseg.formats.objects.painting import Outlined
from lit_samseg.formats.objects.picture_names import key_of, matched
from lit_samseg.formats.source import MaskSource

_LOOKED_AT = 8
"""Files of a folder; one with more has a file for each picture."""

_FROM_PIXELS = ("image_id", "category_id", "segmentation", "area", "bbox")
"""What an annotation says of its pixels; the rest is kept as it is."""


class Coco(ObjectSet):
    """The instances of a COCO file.

    Args:
        file: The file's content.
        classes: What its categories mean.
        keys: The picture's key of each image, by the image's id.
        place: Where the file lies in the folder of masks; to be written there again.
    """

    format = "coco"

    def __init__(self, file: CocoFile, classes: Classes, keys: dict[int | str, str], place: Path) -> None:
        super().__init__(classes)
        self._file, self._place = file, place
        self._images: dict[str, Record] = {keys[image["id"]]: image for image in file.images}

    @property
    @override
    def keys(self) -> list[str]:
        return sorted(self._images)

    @override
    def files(self, key: str) -> list[Path]:
        return [self._file.path]

    @override
    def named(self, key: str, number: int) -> str:
        return f"annotation {self.annotations(key)[number]['id']}"

    @override
    def outlined(self, key: str, height: int, width: int) -> list[Outlined]:
        where = f"masks {self._file.path}"
        check_size(self._images[key], height, width, where)
        found = []
        for annotation in self.annotations(key):
            piece = segmented(annotation, height, width, where)
            # A crowd is a region of many objects, of which some may have outlines of their own.
            rank = float("-inf") if annotation.get("iscrowd") else -float(piece.area)
            facts = {name: value for name, value in annotation.items() if name not in _FROM_PIXELS}
            found.append(Outlined(self.class_of[annotation["category_id"]], piece, rank, facts))
        return found

    @override
    def found(self) -> list[str]:
        counts = [len(self.annotations(key)) for key in self._images]
        lines = [
            f"COCO: {counted(sum(counts), 'object')} of {len(self._file.categories)} categories in "
            f"{counted(len(counts), 'picture')}"
        ]
        return lines + [f"{counted(counts.count(0), 'picture')} without objects"] * (0 in counts)

    @override
    def writer(self, folder: Path) -> MaskWriter:
        return CocoWriter(folder / self._place, self.classes, self._file, self)

    def image(self, key: str) -> Record:
        """Return the record of a picture."""
        return self._images[key]

    def annotations(self, key: str) -> list[Record]:
        """Return a picture's annotations as they are in the file."""
        return list(self._file.annotations[self._images[key]["id"]])


def describe_coco(source: MaskSource) -> str | None:
    """Tell whether one of the files is COCO's."""
    files = source.ending_in(".json")
    if len(files) > _LOOKED_AT:
        return None
    found = [path.name for path in files if looks_like_coco(path)]
    return f"images and annotations in {in_words(found)}" if found else None


def open_coco(source: MaskSource) -> Coco:
    """Open a COCO file, or the only one of a folder.

    Raises:
        InputError: There is none, or several; or it is broken.
    """
    files = source.ending_in(".json")
    if len(files) > 1:
        files = [path for path in files if looks_like_coco(path)]
    if len(files) != 1:
        shown = in_words([str(source.relative(path)) for path in files])
        what = f"holds {len(files)} COCO files ({shown}); give the one that is meant" if files else "holds no COCO file"
        raise InputError(f"masks {source.path} {what}")
    file = read_coco(files[0])
    where = f"masks {file.path}"
    classes = object_classes(file.names, source.options, where)
    names = {image["id"]: key_of(image["file_name"]) for image in file.images}
    key_by_name = matched(list(names.values()), source.keys, where)
    return Coco(
        file, classes, {image_id: key_by_name[name] for image_id, name in names.items()}, source.relative(files[0])
    )
