"""Read pictures and label maps; say which file is broken and how."""

import re
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lit_samseg.data.opening import opened
from lit_samseg.data.orientation import Exif, orient
from lit_samseg.data.palettes import ANY_LABELS, FileLabels, Reading, labels_of_colours, labels_of_palette
from lit_samseg.data.turned import why_other_size
from lit_samseg.errors import InputError


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


def _check_depth(picture: Image.Image, path: Path) -> None:
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
        raise InputError(f"image {path} has more than 8 bits a channel ({depth}); save it with 8 bits")


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
    if picture.format in ("JPEG", "MPO") or (picture.format == "WEBP" and not _webp_is_lossless(data)):
        raise InputError(f"{what} {path} is compressed with loss, which changes labels; save it as PNG")
    # Pillow stretches 2- and 4-bit grey to 0..255 (index 1 would be read as 85 or 17) and turns white-is-zero round. A
    # PNG's header ends in bit depth and colour type (0 is grey); tags 258 and 262 of a TIFF are the same.
    odd_png = picture.format == "PNG" and data[24:26] in (b"\x02\x00", b"\x04\x00")
    tags = getattr(picture, "tag_v2", {}) if picture.format == "TIFF" and picture.mode != "P" else {}
    depth, photometric = tags.get(258, (8,)), tags.get(262, 1)
    stretched = picture.mode == "L" and (depth if isinstance(depth, int) else depth[0]) != 8
    odd_tiff = stretched or (photometric == 0 and picture.mode != "1")
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


def check_labels(
    label_map: Tensor,
    num_classes: int,
    ignore_index: int | None,
    path: Path,
    what: str,
    offset: int = 0,
    void: int | None = None,
) -> None:
    """Check that every label is a class or the ignore index.

    Args:
        label_map: integer, of any shape.
        num_classes: Labels are below it.
        ignore_index: The void label, or None.
        path: Where the map came from, for the message.
        what: What it is, for the message.
        offset: What was taken off the file's values; the message speaks of those.
        void: The file's void value, for the message; ``ignore_index`` if None.

    Raises:
        InputError: Another value occurs; the message names the file, the value and the range.
    """
    seen = torch.unique(label_map).tolist()
    strangers = [v for v in seen if not 0 <= v < num_classes and v != ignore_index]
    if strangers:
        void = ignore_index if void is None else void
        also = "" if void is None else f" and {void}"
        raise InputError(
            f"{what} {path} has label {strangers[0] + offset}; labels are {offset}..{num_classes - 1 + offset}{also}"
        )


def to_target(labels: Tensor, num_classes: int, offset: int, void: int, ignore_index: int, path: Path) -> Tensor:
    """Turn the values of a ground-truth file into class ids.

    Done on a type wide enough that nothing wraps round, in one step: the void value and everything below ``offset``
    become ``ignore_index``, every other value loses ``offset``. (For ADE20K, ``offset`` 1: 0 -> 255, others - 1.)

    Args:
        labels: integer ``[H, W]`` as in the file.
        num_classes: Number of classes.
        offset: What the file's labels exceed class ids by.
        void: The file's value for pixels that count nowhere.
        ignore_index: What these pixels get; no class id.
        path: The file, for the message.

    Returns:
        uint8 ``[H, W]``; int32, if the ignore index is above 255.

    Raises:
        InputError: A value is neither a class nor void, or may be either.
    """
    check_byte(labels, num_classes, offset, path, "ground truth")
    wide = labels.to(torch.int32)
    nowhere = (wide == void) | (wide < offset)
    check_labels((wide - offset)[~nowhere], num_classes, None, path, "ground truth", offset, void)
    return as_narrow(torch.where(nowhere, ignore_index, wide - offset), ignore_index)


def check_byte(labels: Tensor, num_classes: int, offset: int, path: Path, what: str) -> None:
    """Check that a file of 8 bits does not have 255 where that is a class: whoever wrote it may have meant void.

    Args:
        labels: As `read_indices` gives them.
        num_classes: Number of classes.
        offset: What the file's labels exceed class ids by.
        path: The file, for the message.
        what: What it is, for the message.

    Raises:
        InputError: It does.
    """
    most = torch.iinfo(torch.uint8).max
    if labels.dtype == torch.uint8 and num_classes + offset > most and bool((labels == most).any()):
        raise InputError(
            f"{what} {path} has 255 in a file of 8 bits, which may be void or a label of {num_classes} classes; save "
            "it with 16 bits, void as 65535"
        )


def as_narrow(target: Tensor, ignore_index: int) -> Tensor:
    """Return class ids and the ignore index, which is the largest number, as uint8, or int32 if that is too narrow."""
    return target.to(torch.uint8 if ignore_index <= torch.iinfo(torch.uint8).max else torch.int32)


def check_size(
    target: Tensor, image: Tensor, path: Path, what: str, image_path: Path | None = None, exif: Exif = "ignore"
) -> None:
    """Check that a label map ``[H, W]`` has the size of its image ``[3, H, W]``.

    Args:
        target: The label map.
        image: Its image.
        path: The label map's file.
        what: What it is, for the message.
        image_path: The image's file where EXIF data may be why the sizes differ.
        exif: How both were read.

    Raises:
        InputError: It has not; the message names the file and both sizes.
    """
    if target.shape != image.shape[1:]:
        why = "" if image_path is None else why_other_size(image_path, path, exif, labels_turn=exif == "upright")
        raise InputError(
            f"{what} {path} is {target.shape[1]}x{target.shape[0]} pixels, its image "
            f"{image.shape[2]}x{image.shape[1]}; they must be equal{why}"
        )
