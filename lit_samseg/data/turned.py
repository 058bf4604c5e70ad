"""Which pictures EXIF data turn, and whether the labels drawn on them are turned with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.formats.orientation import Agreement, Exif, Header, compare, read_header, read_headers

_REMEDY = {
    "upright": "give --data.exif ignore, which reads images as their pixels lie",
    "ignore": "give --data.exif upright",
}


@dataclass(frozen=True)
class Turned:
    """Images with an EXIF orientation, and what that means for their labels.

    Attributes:
        exif: How images are read.
        what: What the labels are, for messages.
        labels_turn: Whether they are turned by their own EXIF data where the image is.
        images: Files with an orientation.
        fitting: Labels whose size shows that they were drawn on the image as it is read.
        doubtful: Labels whose size fits either way, though they do not have the image's orientation.
        contradicting: Images with labels whose size shows that they were drawn on the image as it is not read.
    """

    exif: Exif
    what: str
    labels_turn: bool
    images: Sequence[Path]
    fitting: Sequence[Path]
    doubtful: Sequence[Path]
    contradicting: Sequence[tuple[Path, Path]]

    @property
    def number(self) -> int:
        """How many images are turned."""
        return len(self.images) if self.exif == "upright" else 0

    def check(self) -> None:
        """Refuse labels that were drawn on the image as it is not read.

        Raises:
            InputError: There are some.
        """
        if not self.contradicting:
            return
        first, image = (read_header(path) for path in reversed(self.contradicting[0]))
        if first is None or image is None:
            return
        upright, more = self.exif == "upright", len(self.contradicting) - 1
        own, size = first.size(upright and self.labels_turn), image.size(upright)
        remedy = _REMEDY[self.exif]
        if self.fitting:
            remedy = f"but not {self.fitting[0]}, which was drawn the other way: make them all alike"
        also = f" (and {more} more like that)" if more else ""
        raise InputError(
            f"{self.what} {self.contradicting[0][1]} is {own[0]}x{own[1]} pixels, its image {size[0]}x{size[1]}{also}: "
            f"it was drawn on the image {_other(self.exif)}; {remedy}"
        )

    def warning(self) -> str | None:
        """Say that labels may lie otherwise than their images, where nothing shows how they do."""
        if self.exif == "ignore" or not self.doubtful or self.fitting:
            return None
        return (
            f"EXIF data turn {len(self.images)} images, but {len(self.doubtful)} {self.what}s have another EXIF "
            f"orientation or none, and their size fits either way (first: {self.doubtful[0]}). If they were drawn on "
            f"the pixels as they lie in the file, all scores are wrong: {_REMEDY[self.exif]}"
        )


def find_turned(
    images: Sequence[Path], labels: Sequence[Path] | None, exif: Exif, what: str, labels_turn: bool
) -> Turned:
    """Read the headers of images and of their labels.

    Args:
        images: The images.
        labels: Their masks or label maps, in the same order; None where there are none.
        exif: How images are read.
        what: What the labels are, for messages.
        labels_turn: Whether they are turned by their own EXIF data where the image is.
    """
    headers = read_headers(images)
    turned = [path for path, header in zip(images, headers, strict=True) if header is not None and header.turned]
    found: dict[Agreement, list[tuple[Path, Path]]] = {}
    if labels is not None and (turned or labels_turn):
        for paths, image, own in zip(zip(images, labels, strict=True), headers, read_headers(labels), strict=True):
            if image is not None and own is not None:
                found.setdefault(compare(image, own, exif, labels_turn), []).append(paths)
    fitting, doubtful = ([own for _, own in found.get(how, [])] for how in ("fits", "doubtful"))
    return Turned(exif, what, labels_turn, turned, fitting, doubtful, found.get("contradicts", []))


def why_other_size(image: Path, labels: Path, exif: Exif, labels_turn: bool) -> str:
    """Tell whether EXIF data are why labels have another size than their image, as the end of a message."""
    headers: list[Header | None] = [read_header(image), read_header(labels)]
    if headers[0] is None or headers[1] is None:
        return ""
    contradicts = compare(headers[0], headers[1], exif, labels_turn) == "contradicts"
    return f"; it was drawn on the image {_other(exif)}: {_REMEDY[exif]}" if contradicts else ""


def _other(exif: Exif) -> str:
    return "as its pixels lie, not turned as its EXIF data say" if exif == "upright" else "turned as its EXIF data say"
