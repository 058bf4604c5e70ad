"""How a camera was held: EXIF's orientation, and whether an image and the labels drawn on it are turned alike."""

import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from PIL import ExifTags, Image, ImageOps

Exif = Literal["upright", "ignore"]
"""``upright`` turns pictures as their EXIF data say, ``ignore`` leaves them as their pixels lie in the file."""

Agreement = Literal["alike", "fits", "doubtful", "contradicts", "other"]

ORIENTATIONS_THAT_SWAP = (5, 6, 7, 8)
"""Orientations that turn rows into columns."""

_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What undoes an orientation."""

_READERS = 8
"""Threads: on a network's disk most of the time is waiting."""


@dataclass(frozen=True)
class Header:
    """What the first bytes of a picture say.

    Attributes:
        width: In the file.
        height: In the file.
        orientation: EXIF's: 1 is as the pixels lie, 2 to 8 are turned or mirrored.
    """

    width: int
    height: int
    orientation: int = 1

    @property
    def turned(self) -> bool:
        """Whether the picture is another one when it is upright."""
        return self.orientation != 1

    def size(self, upright: bool) -> tuple[int, int]:
        """Return width and height, upright or as they are in the file."""
        swapped = upright and self.orientation in ORIENTATIONS_THAT_SWAP
        return (self.height, self.width) if swapped else (self.width, self.height)


def read_headers(paths: Sequence[Path]) -> list[Header | None]:
    """Read headers of many pictures; None for those that are missing or broken, which reading them will tell."""
    with warnings.catch_warnings(), ThreadPoolExecutor(_READERS) as pool:
        # Of broken metadata, which say nothing of the pixels.
        warnings.simplefilter("ignore")
        return list(pool.map(read_header, paths))


def read_header(path: Path) -> Header | None:
    """Read a picture's size and orientation without decoding it; None if that cannot be done."""
    try:
        with path.open("rb") as file, Image.open(file) as picture:
            width, height = picture.size
            # For a PNG without EXIF data in front of its pixels Pillow decodes it all, to look behind them.
            if picture.format == "PNG" and not _png_has_metadata(path):
                return Header(width, height)
            orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
            if picture.format == "TIFF" and orientation in ORIENTATIONS_THAT_SWAP:
                # Pillow says how large it will be when it is upright.
                width, height = height, width
            return Header(width, height, orientation if orientation in range(2, 9) else 1)
    except (OSError, SyntaxError, ValueError, TypeError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def orient(picture: Image.Image, path: Path, upright: bool) -> Image.Image:
    """Return a decoded picture upright, or as its pixels lie in the file.

    Args:
        picture: From Pillow, which turns TIFFs by itself when it decodes them.
        path: Its file.
        upright: Turn it as its EXIF data say.
    """
    if upright:
        return ImageOps.exif_transpose(picture)
    header = read_header(path) if picture.format == "TIFF" else None
    return picture if header is None or not header.turned else picture.transpose(_BACK[header.orientation])


def _png_has_metadata(path: Path) -> bool:
    """Tell whether a PNG has EXIF or XMP data anywhere, going from chunk to chunk."""
    with path.open("rb") as file:
        file.seek(8)
        return any(
            kind == b"eXIf" or (kind in (b"tEXt", b"zTXt", b"iTXt") and text.startswith((b"Raw profile", b"XML:com")))
            for kind, text in _chunks(file)
        )


def _chunks(file: BinaryIO) -> Iterable[tuple[bytes, bytes]]:
    while len(head := file.read(8)) == 8:
        length = int.from_bytes(head[:4], "big")
        text = file.read(min(length, 12))
        yield head[4:], text
        # 4: the checksum.
        file.seek(length - len(text) + 4, 1)


def compare(image: Header, labels: Header, exif: Exif, labels_turn: bool) -> Agreement:
    """Tell whether labels were drawn on an image as it is read.

    Args:
        image: The image's.
        labels: The mask's or the label map's.
        exif: How the image is read.
        labels_turn: Whether the labels are turned by their own EXIF data where the image is.

    Returns:
        ``alike``: there is nothing to turn, or both are turned alike. ``fits``: only in this way their sizes are
        equal. ``contradicts``: their sizes would be equal in the other way. ``doubtful``: they are equal both ways, and
        one has an orientation that the other has not. ``other``: they are equal in no way.
    """
    labels_orientation = labels.orientation if labels_turn else 1
    if image.orientation == labels_orientation and image.size(False) == labels.size(False):
        return "alike"
    upright = image.size(True) == labels.size(labels_turn)
    raw = image.size(False) == labels.size(False)
    if upright and raw:
        return "doubtful"
    if upright or raw:
        return "fits" if upright == (exif == "upright") else "contradicts"
    return "other"
