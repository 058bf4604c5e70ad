"""Masks in one COCO file: polygons, run lengths and crowds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from typing_extensions import override

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import Classes, MaskWriter
from lit_samseg.formats.listing import counted, in_words
from lit_samseg.formats.objects.categories import object_classes, void_said
from lit_samseg.formats.objects.coco_file import CocoFile, Record, check_size, looks_like_coco, read_coco, segmented
from lit_samseg.formats.objects.coco_writer import CocoWriter
from lit_samseg.formats.objects.object_set import ObjectSet
from lit_samseg.formats.objects.painting import Outlined
from lit_samseg.formats.objects.picture_names import key_of, matched, said_by_file
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
        images: The images' records by their pictures' keys.
        place: Where the file lies in the folder of masks; to be written there again.
        found: See `ObjectSet`.
    """

    format = "coco"

    def __init__(
        self, file: CocoFile, classes: Classes, images: Mapping[str, Record], place: Path, found: Sequence[str]
    ) -> None:
        counts = [len(file.annotations[image["id"]]) for image in images.values()]
        objects, pictures = counted(sum(counts), "object"), counted(len(counts), "picture")
        empty = [f"{counted(counts.count(0), 'picture')} without objects"] * (0 in counts)
        super().__init__(classes, [f"{objects} of {len(file.categories)} categories in {pictures}", *empty, *found])
        self._file, self._images, self._place = file, images, place

    @property
    @override
    def keys(self) -> list[str]:
        return sorted(self._images)

    @override
    def files(self, key: str) -> list[Path]:
        return [self._file.path]

    @override
    def named(self, key: str, number: int) -> str:
        return f"annotation {self.annotations(key)[number]['id']!r}"

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
    said_by_file(source)
    names = [key_of(image["file_name"]) for image in file.images]
    named = matched(names, source)
    images = {named.keys[name]: image for name, image in zip(names, file.images, strict=True) if name in named.keys}
    return Coco(file, classes, images, source.relative(files[0]), [*void_said(file.names, classes), *named.said()])
