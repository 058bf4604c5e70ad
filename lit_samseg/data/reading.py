"""Read pictures and label maps; say which file is broken and how."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from lit_samseg.errors import InputError


def _open(path: Path, what: str, upright: bool) -> Image.Image:
    try:
        with Image.open(path) as opened:
            opened.load()
            picture: Image.Image = ImageOps.exif_transpose(opened) if upright else opened
    except FileNotFoundError as error:
        raise InputError(f"no such {what}: {path}") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{what} {path} is not a picture; replace the file") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Pillow reports a cut-off JPEG as OSError and a broken PNG chunk as SyntaxError.
        raise InputError(f"{what} {path} cannot be decoded ({error}); replace the file") from error
    return picture


def read_image(path: Path, upright: bool = False) -> Tensor:
    """Read a picture as RGB, uint8 ``[3, H, W]``.

    Args:
        path: PNG, JPEG, TIFF, WebP or whatever else Pillow reads.
        upright: Turn the picture as its EXIF orientation says. Published data sets are labelled as the pixels lie in
            the file; a camera's own pictures are meant upright.

    Raises:
        InputError: The file is missing, is no picture, is cut off or has more than 8 bits a channel.
    """
    picture = _open(path, "image", upright)
    if picture.mode.startswith(("I", "F")):
        # Pillow would cut such values off at 255.
        raise InputError(f"image {path} has more than 8 bits a channel (mode {picture.mode}); save it with 8 bits")
    picture = picture.convert("RGB")
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def as_image(picture: object) -> Tensor:
    """Turn whatever a caller calls a picture into RGB, uint8 ``[3, H, W]``.

    Args:
        picture: A path (read upright); a PIL image (as its pixels lie); a NumPy array uint8 ``[H, W, 3]`` or
            ``[H, W]``; or a tensor uint8 ``[3, H, W]``.

    Raises:
        InputError: It is something else, or has another type or shape.
    """
    if isinstance(picture, str | Path):
        return read_image(Path(picture).expanduser(), upright=True)
    if isinstance(picture, Image.Image):
        return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)
    if isinstance(picture, np.ndarray):
        if picture.dtype == np.uint8 and picture.ndim == 2:
            picture = np.repeat(picture[..., None], 3, axis=2)
        if picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3:
            return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)
        raise InputError(f"an image array must be uint8 [H, W, 3] (RGB), not {picture.dtype} {list(picture.shape)}")
    if isinstance(picture, Tensor):
        if picture.dtype == torch.uint8 and picture.ndim == 3 and picture.shape[0] == 3:
            return picture
        raise InputError(f"an image tensor must be uint8 [3, H, W] (RGB), not {picture.dtype} {list(picture.shape)}")
    raise InputError(f"{type(picture).__name__} is no image; give a path, a PIL image, an array or a tensor")


def read_indices(path: Path, what: str = "label map", upright: bool = False) -> Tensor:
    """Read a picture whose pixels are numbers: palette indices or 8-bit grey, uint8 ``[H, W]``.

    Args:
        path: PNG, TIFF, BMP, GIF or lossless WebP. JPEG and other WebP are refused: their compression changes labels.
        what: What the file is, for messages.
        upright: Turn it as its EXIF orientation says, as its image.

    Raises:
        InputError: The file is missing, is no picture, is cut off, has colour or more than 8 bits instead of indices,
            or is compressed with loss.
    """
    picture = _open(path, what, upright)
    with path.open("rb") as file:
        head = file.read(26)
    if head.startswith(b"\xff\xd8") or (head[8:12] == b"WEBP" and head[12:16] != b"VP8L"):
        raise InputError(f"{what} {path} is compressed with loss, which changes labels; save it as PNG")
    if head[8:16] == b"WEBPVP8L":
        # WebP knows colours only; a grey picture has its value in each of them.
        channels = np.array(picture.convert("RGB"))
        if (channels == channels[..., :1]).all():
            picture = Image.fromarray(channels[..., 0])
    if picture.mode not in ("P", "L", "1"):
        raise InputError(f"{what} {path} has mode {picture.mode}; class indices need a palette or 8-bit grey PNG")
    # A PNG's header ends in bit depth and colour type (0 is grey).
    if head.startswith(b"\x89PNG") and head[24:26] in (b"\x02\x00", b"\x04\x00"):
        # Pillow stretches 2- and 4-bit grey to 0..255: index 1 would be read as 85 or 17.
        raise InputError(f"{what} {path} has 2- or 4-bit grey pixels; save it with a palette or as 8-bit grey")
    if picture.mode == "1":
        picture = picture.convert("L").point(lambda value: value // 255)
    return torch.from_numpy(np.array(picture))


def check_labels(
    label_map: Tensor, num_classes: int, ignore_index: int | None, path: Path, what: str, offset: int = 0
) -> None:
    """Check that every label is a class or the ignore index.

    Args:
        label_map: integer ``[H, W]``.
        num_classes: Labels are below it.
        ignore_index: The void label, or None.
        path: Where the map came from, for the message.
        what: What it is, for the message.
        offset: What was taken off the file's values; the message speaks of those.

    Raises:
        InputError: Another value occurs; the message names the file, the value and the range.
    """
    seen = torch.unique(label_map).tolist()
    strangers = [v for v in seen if not 0 <= v < num_classes and v != ignore_index]
    if strangers:
        also = "" if ignore_index is None else f" and {ignore_index}"
        raise InputError(
            f"{what} {path} has label {strangers[0] + offset}; labels are {offset}..{num_classes - 1 + offset}{also}"
        )


def remove_offset(labels: Tensor, offset: int, void: int, ignore_index: int) -> Tensor:
    """Turn the values of a ground-truth file into class ids.

    Done on a type wide enough that nothing wraps round, in one step: the void value and everything below ``offset``
    become ``ignore_index``, every other value loses ``offset``. (For ADE20K, ``offset`` 1: 0 -> 255, others - 1.)

    Args:
        labels: uint8 ``[H, W]`` as in the file.
        offset: What the file's labels exceed class ids by.
        void: The file's value for pixels that count nowhere.
        ignore_index: What these pixels get.

    Returns:
        int16 ``[H, W]``.
    """
    wide = labels.to(torch.int16)
    return torch.where((wide == void) | (wide < offset), ignore_index, wide - offset)


def check_size(target: Tensor, image: Tensor, path: Path, what: str) -> None:
    """Check that a label map ``[H, W]`` has the size of its image ``[3, H, W]``.

    Raises:
        InputError: It has not; the message names the file and both sizes.
    """
    if target.shape != image.shape[1:]:
        raise InputError(
            f"{what} {path} is {target.shape[1]}x{target.shape[0]} pixels, its image "
            f"{image.shape[2]}x{image.shape[1]}; they must be equal"
        )
