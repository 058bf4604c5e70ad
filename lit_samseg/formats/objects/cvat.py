"""Masks as CVAT exports them ("CVAT for images 1.1"): one XML file of all pictures.

Shapes of one label and one group are one object. Of shapes that lie over each other the one of the higher ``z_order``
has the pixels, or else the later one. Points lie in COCO's plane (`lit_samseg.formats.objects.filling`), as in CVAT.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError  # nosec B405 (defusedxml parses)

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from typing_extensions import override

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import Classes, MaskWriter
from lit_samseg.formats.listing import counted, in_words
from lit_samseg.formats.objects.categories import object_classes
from lit_samseg.formats.objects.cvat_shapes import FROM_PIXELS, WITH_AREA, pixels_of
from lit_samseg.formats.objects.cvat_writer import CvatWriter
from lit_samseg.formats.objects.object_set import ObjectSet
from lit_samseg.formats.objects.painting import Outlined
from lit_samseg.formats.objects.picture_names import key_of, matched
from lit_samseg.formats.objects.run_lengths import united
from lit_samseg.formats.source import MaskSource

_HEAD = 2**16
"""Bytes in which an XML file says what it is."""


class Cvat(ObjectSet):
    """The shapes of a CVAT file.

    Args:
        path: The file.
        root: Its content.
        classes: What labels mean; their values are the labels' places in the file.
        labels: The labels, in the file's order.
        images: The file's images by their pictures' keys.
    """

    format = "cvat"
    rule = "the one of the higher z_order has them, or else the later one"

    def __init__(
        self, path: Path, root: Element, classes: Classes, labels: Sequence[str], images: Mapping[str, Element]
    ) -> None:
        super().__init__(classes)
        self._path, self._root, self._labels, self._images = path, root, labels, images

    @property
    @override
    def keys(self) -> list[str]:
        return sorted(self._images)

    @override
    def files(self, key: str) -> list[Path]:
        return [self._path]

    @override
    def named(self, key: str, number: int) -> str:
        return f"object {number} of {self._images[key].get('name')}"

    @override
    def outlined(self, key: str, height: int, width: int) -> list[Outlined]:
        image = self._images[key]
        name = f"masks {self._path}: image {image.get('name')}"
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
            found.append(Outlined(self.class_of[self._labels.index(label)], piece, float(number), facts))
        return found

    @override
    def found(self) -> list[str]:
        shapes = [shape for image in self._images.values() for shape in image]
        with_area = sum(shape.tag in WITH_AREA for shape in shapes)
        lines = [f"CVAT: {counted(with_area, 'shape')} in {counted(len(self._images), 'picture')}"]
        others = Counter(shape.tag for shape in shapes if shape.tag not in WITH_AREA)
        if others:
            kinds = ", ".join(f"{number} of {kind}" for kind, number in sorted(others.items()))
            lines.append(f"shapes without an area stay as they are: {kinds}")
        return lines

    @override
    def writer(self, folder: Path) -> MaskWriter:
        return CvatWriter(folder / self._path.name, self._root, self.classes, dict(enumerate(self._labels)), self)

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
    found = [path for path in source.ending_in(".xml") if _is_cvat(path)]
    return f"CVAT's {in_words([path.name for path in found])}" if found else None


def open_cvat(source: MaskSource) -> Cvat:
    """Open a CVAT file, or the only one of a folder.

    Raises:
        InputError: There is none, or several; or it is broken.
    """
    files = [path for path in source.ending_in(".xml") if source.path.is_file() or _is_cvat(path)]
    if len(files) != 1:
        raise InputError(
            f"masks {source.path}: {len(files)} files are CVAT's for images 1.1; give the one that is meant"
        )
    path, where = files[0], f"masks {files[0]}"
    root = _parsed(path, where)
    images = list(root.iter("image"))
    labels = [label.findtext("name") or "" for label in root.iter("label") if label.find("name") is not None]
    used = {shape.get("label", "") for image in images for shape in image if shape.tag in WITH_AREA}
    labels = labels or sorted(used)
    strange = sorted(used - set(labels))
    if strange:
        raise InputError(f"{where} has shapes of {strange[0]!r}, which is not among its labels; add it to them")
    classes = object_classes(dict(enumerate(labels)), source.options, where)
    names = [key_of(image.get("name", "")) for image in images]
    keys = matched(names, source.keys, where)
    return Cvat(path, root, classes, labels, {keys[name]: image for name, image in zip(names, images, strict=True)})


def _is_cvat(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return re.search(rb"<annotations[\s>]", head) is not None and re.search(rb"<(image|meta)[\s>]", head) is not None


def _parsed(path: Path, where: str) -> Element:
    try:
        root: Element = fromstring(path.read_bytes(), forbid_dtd=True)
    except DefusedXmlException as error:
        raise InputError(f"{where} declares entities, which could be endless; export it again") from error
    except (OSError, ParseError, ValueError, LookupError, RecursionError) as error:
        raise InputError(f"{where} is no valid XML ({str(error)[:80]}); export it again") from error
    if root.tag != "annotations" or root.find("track") is not None:
        raise InputError(f'{where} is not "CVAT for images 1.1" (a video?); export it in that format')
    return root


def _order(shape: Element) -> int:
    text = shape.get("z_order", "0")
    return int(text) if re.fullmatch(r"-?\d{1,9}", text) else 0
