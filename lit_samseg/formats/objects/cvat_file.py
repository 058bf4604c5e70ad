"""A CVAT file ("CVAT for images 1.1"): its labels and images, each kept as it is."""

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError  # nosec B405 (defusedxml parses)

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from lit_samseg.errors import InputError
from lit_samseg.formats.objects.cvat_shapes import WITH_AREA

_HEAD = 2**16
"""Bytes in which an XML file says what it is."""


@dataclass(frozen=True)
class CvatFile:
    """A file's content.

    Attributes:
        path: The file.
        root: Its content.
        labels: In the file's order; all that shapes have.
    """

    path: Path
    root: Element
    labels: tuple[str, ...]

    @property
    def images(self) -> list[Element]:
        """The pictures' elements."""
        return self.root.findall("image")


def looks_like_cvat(path: Path) -> bool:
    """Tell whether a file begins as CVAT's do; it may be broken."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return re.search(rb"<annotations[\s>]", head) is not None and re.search(rb"<(image|meta)[\s>]", head) is not None


def read_cvat(path: Path) -> CvatFile:
    """Read a file.

    Raises:
        InputError: It is broken, declares entities, is of a video, or has shapes of a label that is not listed.
    """
    where = f"masks {path}"
    try:
        root: Element = fromstring(path.read_bytes(), forbid_dtd=True)
    except DefusedXmlException as error:
        raise InputError(f"{where} declares entities, which could be endless; export it again") from error
    except (OSError, ParseError, ValueError, LookupError, RecursionError) as error:
        raise InputError(f"{where} is no valid XML ({str(error)[:80]}); export it again") from error
    if root.tag != "annotations" or root.find("track") is not None:
        raise InputError(f'{where} is not "CVAT for images 1.1" (a video?); export it in that format')
    images = root.findall("image")
    if not all(image.get("name") for image in images):
        raise InputError(f"{where} has an image without a name; export it again")
    names = [name for label in root.iter("label") if (name := label.findtext("name")) is not None]
    used = {shape.get("label", "") for image in images for shape in image if shape.tag in WITH_AREA}
    labels = tuple(names or sorted(used))
    strange = sorted(used - set(labels))
    if strange:
        raise InputError(f"{where} has shapes of {strange[0]!r}, which is not among its labels; add it to them")
    return CvatFile(path, root, labels)
