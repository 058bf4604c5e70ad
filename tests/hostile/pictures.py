"""Pictures that are unusual, and bytes that only claim to be one."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, PngImagePlugin
from PIL.TiffImagePlugin import AppendingTiffWriter

from tests.hostile.conftest import encoded, pixels

ORIENTATION, TURNED_RIGHT = 274, 6
PLAIN = Image.fromarray(pixels())
GREY = Image.fromarray(pixels()[..., 1])
FRAMES = [Image.fromarray(np.roll(pixels(), n, axis=1)) for n in (5, 9)]


def png(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG that claims a size; there are a few bytes of pixels only."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


def with_alpha(mode: str) -> Image.Image:
    picture = PLAIN.convert(mode)
    picture.putalpha(Image.fromarray(pixels()[..., 2]))
    return picture


def turned() -> Image.Image:
    """A picture with the note that a camera held sideways makes."""
    picture = PLAIN.copy()
    picture.getexif()[ORIENTATION] = TURNED_RIGHT
    return picture


def indexed() -> Image.Image:
    """Eight columns of colours, each an entry of a palette."""
    picture = Image.fromarray((np.indices((24, 40))[1] // 5).astype(np.uint8))
    picture.putpalette([value for n in range(8) for value in (n * 30, 255 - n * 30, n * n)])
    return picture


def text(**chunks: int) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for key, size in chunks.items():
        info.add_text(key, "x" * size, zip=key.startswith("zipped"))
    return info


def broken_exif() -> bytes:
    content = bytearray(encoded(turned(), "JPEG", quality=100, subsampling=0, exif=turned().getexif()))
    place = content.index(b"Exif\0\0") + 6
    content[place + 8 : place + 10] = b"\xff\xff"  # so many entries
    return bytes(content)


def thumbnail_behind() -> bytes:
    """A TIFF with a smaller copy of its picture on a second page, as maps have them."""
    small = PLAIN.resize((20, 12))
    file = io.BytesIO()
    with AppendingTiffWriter(file) as pages:
        PLAIN.copy().save(pages, "TIFF")
        pages.newFrame()
        small.save(pages, "TIFF", tiffinfo={254: 1})
    return file.getvalue()
