"""Masks as CVAT exports them ("CVAT for images 1.1"): one XML file of all pictures.

Shapes of one label and one group are one object. Of shapes that lie over each other the one of the higher ``z_order``
has the pixels, or else the later one. Points lie in COCO's plane (`lit_samseg.formats.objects.filling`), as in CVAT.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element  # nosec B405 (defusedxml parses)

from typing_extensions import override

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import Classes, MaskWriter
from lit_samseg.formats.listing import counted, in_words
from lit_samseg.formats.objects.categories import object_classes, void_said
from lit_samseg.formats.objects.cvat_file import CvatFile, looks_like_cvat, read_cvat
from lit_samseg.formats.objects.cvat_shapes import FROM_PIXELS, WITH_AREA, pixels_of
from lit_samseg.formats.objects.cvat_writer import CvatWriter
from lit_samseg.formats.objects.object_set import ObjectSet
from lit_samseg.formats.objects.painting import Outlined
from lit_samseg.formats.objects.picture_names import key_of, matched, said_by_file
from lit_samseg.formats.objects.run_lengths import united
from lit_samseg.formats.source import MaskSource


class Cvat(ObjectSet):
    """The shapes of a CVAT file.

    Args:
        file: The file's content.
        classes: What labels mean; their values are the labels' places in the file.
        images: The file's images by their pictures' keys.
        found: See `ObjectSet`.
    """

    format = "cvat"
    rule = "the one of the higher z_order has them, or else the later one"

    def __init__(self, file: CvatFile, classes: Classes, images: Mapping[str, Element], found: Sequence[str]) -> None:
        shapes = [shape.tag for image in images.values() for shape in image]
        lines = [f"{counted(sum(tag in WITH_AREA for tag in shapes), 'shape')} in {counted(len(images), 'picture')}"]
        others = Counter(tag for tag in shapes if tag not in WITH_AREA)
        if others:
            kinds = ", ".join(f"{number} of {kind}" for kind, number in sorted(others.items()))
            lines.append(f"shapes without an area stay as they are: {kinds}")
        super().__init__(classes, [*lines, *found])
        self._file, self._images = file, images

    @property
    @override
    def keys(self) -> list[str]:
        return sorted(self._images)

    @override
    def files(self, key: str) -> list[Path]:
        return [self._file.path]

    @override
    def named(self, key: str, number: int) -> str:
        return f"object {number} of {self._images[key].get('name')}"

    @override
    def outlined(self, key: str, height: int, width: int) -> list[Outlined]:
        image = self._images[key]
        name = f"masks {self._file.path}: image {image.get('name')}"
        said = image.get("width", str(width)), image.get("height", str(height))
        if said != (str(width), str(height)):
            raise InputError(
                f"{name} is said to be {said[0][:9]}x{said[1][:9]}, but its picture is {width}x{height}; export that "
                "picture's task"
            )
        found = []
        for number, group in enumerate(self.objects(key)):
            label = group[0].get("label", "")
            where = f"{name}: {group[0].tag} of {label!r}"
            piece = united([pixels_of(shape, height, width, where) for shape in group], height, width)
            facts = {fact: value for fact, value in group[0].attrib.items() if fact not in FROM_PIXELS}
            found.append(Outlined(self.class_of[self._file.labels.index(label)], piece, float(number), facts))
        return found

    @override
    def writer(self, folder: Path) -> MaskWriter:
        return CvatWriter(folder / self._file.path.name, self._file, self.classes, self)

    def image(self, key: str) -> Element:
        """Return a picture's element as it is."""
        return self._images[key]

    def objects(self, key: str) -> list[list[Element]]:
        """Return the shapes of each object, from the lowest to the highest."""
        groups: dict[object, list[Element]] = {}
        ranks: dict[object, tuple[int, int]] = {}
        for index, shape in enumerate(self._images[key]):
            if shape.tag in WITH_AREA:
                group = shape.get("group_id", "0")
                name: object = index if group == "0" else (shape.get("label"), group)
                groups.setdefault(name, []).append(shape)
                ranks[name] = max(ranks.get(name, (_order(shape), index)), (_order(shape), index))
        return [groups[name] for name in sorted(groups, key=lambda name: ranks[name])]


def describe_cvat(source: MaskSource) -> str | None:
    """Tell whether one of the XML files is CVAT's."""
    found = [path for path in source.ending_in(".xml") if looks_like_cvat(path)]
    return f"CVAT's {in_words([path.name for path in found])}" if found else None


def open_cvat(source: MaskSource) -> Cvat:
    """Open a CVAT file, or the only one of a folder.

    Raises:
        InputError: There is none, or several; or it is broken.
    """
    files = [path for path in source.ending_in(".xml") if source.path.is_file() or looks_like_cvat(path)]
    if len(files) != 1:
        raise InputError(f"masks {source.path}: {len(files)} of the files are CVAT's for images 1.1; give one")
    file = read_cvat(files[0])
    said_by_file(source)
    labels = dict(enumerate(file.labels))
    classes = object_classes(labels, source.options, f"masks {file.path}")
    names = [key_of(image.get("name", "")) for image in file.images]
    named = matched(names, source)
    images = {named.keys[name]: image for name, image in zip(names, file.images, strict=True) if name in named.keys}
    return Cvat(file, classes, images, [*void_said(labels, classes), *named.said()])


def _order(shape: Element) -> int:
    text = shape.get("z_order", "0")
    return int(text) if re.fullmatch(r"-?\d{1,9}", text) else 0
