"""Read pictures and label maps; say which file is broken and how."""

import re
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.formats.opening import opened
from lit_samseg.formats.orientation import orient
from lit_samseg.formats.palettes import ANY_LABELS, FileLabels, Reading, labels_of_colours, labels_of_palette

_LOSSY_IN_TIFF = ("jpeg", "tiff_jpeg", "webp")


def read_image(path: Path, upright: bool = False) -> Tensor:
    """Read a picture as RGB, uint8 ``[3, H, W]``.

    Args:
        path: PNG, JPEG, TIFF, WebP or whatever else Pillow decodes itself. Transparency is left out.
        upright: Turn the picture as its EXIF orientation says. Published data sets are labelled as the pixels lie in
            the file; a camera's own pictures are meant upright.

    Raises:
        InputError: The file is missing, is no picture, is cut off, holds several or has more than 8 bits a channel.
    """
    with opened(path, "image") as picture:
        _check_depth(picture, path)
        return rgb_pixels(orient(picture, path, upright), f"image {path}")


def _check_depth(picture: Image.Image, path: Path, what: str = "image") -> None:
    """Refuse colours of 16 bits, of which Pillow takes the upper 8: those of a 12-bit camera would be all but black."""
    depth = 8
    if picture.format == "PNG":
        # The header ends in bit depth and colour type.
        with path.open("rb") as file:
            depth = file.read(25)[24]
    elif picture.format == "TIFF":
        depths = getattr(picture, "tag_v2", {}).get(258, (8,))
        depth = depths if isinstance(depths, int) else max(depths)
    if depth > 8:
        raise InputError(f"{what} {path} has more than 8 bits a channel ({depth}); save it with 8 bits")


def rgb_pixels(picture: Image.Image, name: str) -> Tensor:
    """Return a decoded picture as RGB, uint8 ``[3, H, W]``.

    Raises:
        InputError: It has more than 8 bits a channel.
    """
    if picture.mode.startswith(("I", "F")):
        # Pillow would cut such values off at 255.
        raise InputError(f"{name} has more than 8 bits a channel (mode {picture.mode}); save it with 8 bits")
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)


def read_indices(
    path: Path, what: str = "label map", upright: bool = False, labels: FileLabels | None = ANY_LABELS
) -> Tensor:
    """Read a picture whose pixels are numbers: a palette's or 8-bit grey, uint8 ``[H, W]``; or 16-bit grey, int32.

    Args:
        path: PNG, TIFF, BMP, GIF or lossless WebP. JPEG, JPEG 2000, AVIF and other WebP are refused: their compression
            changes labels, or may.
        what: What the file is, for messages.
        upright: Turn it as its EXIF orientation says, as its image.
        labels: What its labels may be, by which a palette that was renumbered is told; None takes indices as they are.

    Raises:
        InputError: The file is missing, is no picture, is cut off, has colour or other than 8 or 16 bits instead of
            indices, is compressed with loss, or has a palette by which its indices may be no labels.
    """
    return torch.from_numpy(_decode(path, what, upright, labels)[0])


def read_colours(path: Path, what: str = "mask", upright: bool = False) -> NDArray[np.uint8]:
    """Read a picture whose pixels are colours that stand for something, uint8 ``[H, W, 3]``, with transparency 4.

    Args:
        path: PNG, TIFF, BMP or lossless WebP: colours, a palette, or grey.
        what: What the file is, for messages.
        upright: Turn it as its EXIF orientation says, as its image.

    Raises:
        InputError: The file is missing, is no picture, is cut off, is compressed with loss, or has more than 8 bits a
            channel, or another model of colours.
    """
    with opened(path, what) as picture:
        _check_numbers_survive(picture, path, what)
        _check_depth(picture, path, what)
        turned = orient(picture, path, upright)
        if turned.mode not in ("RGB", "RGBA", "P", "L", "LA", "1"):
            raise InputError(f"{what} {path} has mode {turned.mode}, whose colours are not RGB; save it as an RGB PNG")
        colours = turned.convert("RGBA" if turned.mode in ("RGBA", "LA") else "RGB")
        return np.array(colours)


def how_read(path: Path, labels: FileLabels | None = ANY_LABELS) -> Reading:
    """Tell how `read_indices` finds a file's labels.

    Raises:
        InputError: It cannot read it.
    """
    return _decode(path, "label map", False, labels)[1]


def _decode(path: Path, what: str, upright: bool, labels: FileLabels | None) -> tuple[NDArray[np.integer], Reading]:
    with opened(path, what) as picture:
        _check_numbers_survive(picture, path, what)
        turned = orient(picture, path, upright)
        if picture.format == "WEBP":
            # WebP knows colours only; a grey picture has its value in each of them.
            channels = np.array(turned.convert("RGB"))
            if (channels == channels[..., :1]).all():
                turned = Image.fromarray(channels[..., 0])
        if turned.mode == "RGB" and labels is not None and labels.own:
            return labels_of_colours(np.array(turned), labels, f"{what} {path}"), "colours"
        # Pillow has no other mode for a PGM of 16 bits.
        if turned.mode.startswith("I;16") or (turned.mode == "I" and picture.format == "PPM"):
            return np.array(turned).astype(np.int32), "indices"
        if turned.mode in ("I", "F"):
            raise InputError(
                f"{what} {path} has signed numbers, fractions or 32 bits (mode {turned.mode}); save it as grey of 8 or "
                "16 bits"
            )
        if turned.mode not in ("P", "L", "1"):
            option = labels.option if turned.mode == "RGB" and labels is not None else None
            remedy = "" if option is None else f"; VOC's colours are read where {option} is colours"
            raise InputError(
                f"{what} {path} has mode {turned.mode}; class indices need a palette, or grey of 8 or 16 bits{remedy}"
            )
        if turned.mode == "1":
            turned = turned.convert("L").point(lambda value: value // 255)
        indices = np.array(turned)
        if turned.mode == "P" and labels is not None:
            return labels_of_palette(indices, turned.getpalette(), labels, f"{what} {path}")
        return indices, "indices"


def _check_numbers_survive(picture: Image.Image, path: Path, what: str) -> None:
    """Refuse files from which Pillow gives other numbers than were meant."""
    data = path.read_bytes()
    if picture.format in ("JPEG2000", "AVIF"):
        raise InputError(f"{what} {path} may be compressed with loss ({picture.format}); save it as PNG")
    lossy = picture.format in ("JPEG", "MPO") or picture.info.get("compression") in _LOSSY_IN_TIFF
    if lossy or (picture.format == "WEBP" and not _webp_is_lossless(data)):
        raise InputError(f"{what} {path} is compressed with loss, which changes labels; save it as PNG")
    # Pillow stretches 2- and 4-bit grey to 0..255 (index 1 would be read as 85 or 17) and turns white-is-zero round,
    # which tifffile calls a mask of True and False, though it means 1 by True. A PNG's header ends in bit depth and
    # colour type (0 is grey); tags 258 and 262 of a TIFF are the same.
    odd_png = picture.format == "PNG" and data[24:26] in (b"\x02\x00", b"\x04\x00")
    tags = getattr(picture, "tag_v2", {}) if picture.format == "TIFF" and picture.mode != "P" else {}
    depth, photometric = tags.get(258, (8,)), tags.get(262, 1)
    stretched = picture.mode == "L" and (depth if isinstance(depth, int) else depth[0]) != 8
    odd_tiff = stretched or photometric == 0
    # The largest value of a PGM stands in its header: others than 255 are stretched too; a PBM has black as 1.
    whole = rb"P[25]\s(?:\s*#[^\n]*\n)*\s*\d+\s+\d+\s+(?:255|65535)\s"
    if picture.format == "PPM" and picture.mode != "RGB" and re.match(whole, data) is None:
        raise InputError(f"{what} {path} has another largest value than 255, or black as 1; save it as 8-bit grey PNG")
    if odd_png or odd_tiff:
        raise InputError(
            f"{what} {path} has grey of 2 or 4 bits, or white as 0; save it with a palette or as grey of 8 or 16 bits"
        )


def _webp_is_lossless(data: bytes) -> bool:
    """Look for the chunk of a lossless picture; metadata may stand before it."""
    place = 12
    while place + 8 <= len(data):
        if data[place : place + 4] in (b"VP8L", b"VP8 "):
            return data[place : place + 4] == b"VP8L"
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        place += 8 + size + size % 2
    return False
