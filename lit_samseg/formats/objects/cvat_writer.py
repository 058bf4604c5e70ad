"""Write objects as a CVAT file: what did not change stays as it was."""

from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Protocol
from xml.etree.ElementTree import Element, SubElement, tostring  # nosec B405 (defusedxml parses)

from defusedxml.ElementTree import fromstring
from typing_extensions import override

from lit_samseg.formats.interface import Classes, LabelMap, MaskWriter
from lit_samseg.formats.objects.categories import for_new_file
from lit_samseg.formats.objects.cvat_file import CvatFile, read_cvat
from lit_samseg.formats.objects.cvat_shapes import WITH_AREA, shapes_of
from lit_samseg.formats.objects.painting import Outlined, cut
from lit_samseg.formats.objects.parts import Parts
from lit_samseg.runtime.atomic import atomic_file

_NEW = Element("polygon", {"label": "", "source": "auto", "occluded": "0", "points": "", "z_order": "0"})


class Originals(Protocol):
    """What a file has of pictures."""

    def image(self, key: str) -> Element:
        """Return a picture's element."""

    def objects(self, key: str) -> Sequence[list[Element]]:
        """Return the shapes of each object."""

    def outlined(self, key: str, height: int, width: int) -> Sequence[Outlined]:
        """Return the same as objects, in the same order."""


class CvatWriter(MaskWriter):
    """Writes a CVAT file; pictures that are not written are not in it.

    Args:
        path: The file. Where it is there already, its other pictures stay in it.
        file: What the file has in common with the one that was read: all but images.
        classes: What classes mean; their values are the labels' places.
        originals: What there was of each picture.
    """

    def __init__(self, path: Path, file: CvatFile, classes: Classes, originals: Originals) -> None:
        self._path, self._file, self._classes, self._originals = path, file, classes, originals
        self._parts = Parts(path)
        finished = read_cvat(path).images if path.is_file() else []
        self._finished = {image.get("name", ""): image for image in finished}

    @override
    def write(self, key: str, masks: LabelMap) -> None:
        height, width = masks.labels.shape
        image, old = copy(self._originals.image(key)), self._originals.objects(key)
        cuts = cut(masks, self._classes, self._originals.outlined(key, height, width), f"masks of {key}")
        if len(cuts) != len(old) or not all(one.is_same for one in cuts):
            groups = [shape.get("group_id", "0") for shape in image]
            group = max([int(number) for number in groups if number.isdecimal()], default=0) + 1
            others = [shape for shape in image if shape.tag not in WITH_AREA]
            image[:] = []
            for one in cuts:
                before = old[one.number] if one.number < len(old) else [_NEW]
                if one.is_same:
                    image.extend(before)
                    continue
                number = self._classes.values[one.class_id] if one.class_id >= 0 else self._classes.void
                assert number is not None
                for shape in shapes_of(one.piece, before, group):
                    shape.set("label", self._file.labels[number])
                    image.append(shape)
                group += 1
            image.extend(others)
        image.attrib = image.attrib | {"width": str(width), "height": str(height)}
        self._parts.put(key, tostring(image, encoding="unicode"))

    @override
    def is_written(self, key: str) -> bool:
        return self._parts.has(key) or self._originals.image(key).get("name", "") in self._finished

    @override
    def finish(self) -> None:
        found = dict(self._finished)
        for _, part in self._parts.all():
            image = fromstring(part)
            found[image.get("name", "")] = image
        order = {image.get("name", ""): place for place, image in enumerate(self._file.images)}
        root = Element("annotations", self._file.root.attrib)
        root.text = self._file.root.text
        root.extend(child for child in self._file.root if child.tag != "image")
        for place, name in enumerate(sorted(found, key=lambda name: (order.get(name, len(order)), name))):
            image = found[name]
            image.attrib = {"id": str(place)} | image.attrib
            root.append(image)
        with atomic_file(self._path) as draft:
            draft.write_bytes(tostring(root, encoding="utf-8", xml_declaration=True))
        self._parts.remove()


class NewImages:
    """Pictures of which no file has anything yet.

    Args:
        names: The names of their files by their keys; where there is none, the key is the name.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def image(self, key: str) -> Element:
        """Return an element without shapes."""
        return Element("image", {"name": self._names.get(key, key)})

    def objects(self, key: str) -> Sequence[list[Element]]:
        """Return nothing."""
        return ()

    def outlined(self, key: str, height: int, width: int) -> Sequence[Outlined]:
        """Return nothing."""
        return ()


def new_cvat(path: Path, classes: Classes, names: Mapping[str, str]) -> CvatWriter:
    """Return what writes masks of another format as a CVAT file.

    Args:
        path: The file.
        classes: What the masks' classes mean.
        names: The names of pictures' files by their keys.
    """
    own, labels = for_new_file(classes, 0)
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    listed = SubElement(SubElement(SubElement(root, "meta"), "task"), "labels")
    for label in labels.values():
        SubElement(SubElement(listed, "label"), "name").text = label
    return CvatWriter(path, CvatFile(path, root, tuple(labels.values())), own, NewImages(names))
