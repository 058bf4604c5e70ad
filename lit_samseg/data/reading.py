"""Read pictures and label maps; say which file is broken and how."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from lit_samseg.errors import InputError


def _open(path: Path, what: str) -> Image.Image:
    try:
        with Image.open(path) as picture:
            picture.load()
    except FileNotFoundError as error:
        raise InputError(f"no such {what}: {path}") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{what} {path} is not a picture; replace the file") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Pillow reports a cut-off JPEG as OSError and a broken PNG chunk as SyntaxError.
        raise InputError(f"{what} {path} cannot be decoded ({error}); replace the file") from error
    return picture


def read_image(path: Path) -> Tensor:
    """Read a picture as RGB, uint8 ``[3, H, W]``.

    Raises:
        InputError: The file is missing, is no picture or is cut off.
    """
    picture = _open(path, "image").convert("RGB")
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def read_indices(path: Path, what: str = "label map") -> Tensor:
    """Read a PNG whose pixels are numbers: palette indices or 8-bit grey, uint8 ``[H, W]``.

    Raises:
        InputError: The file is missing, is no picture, is cut off or has colour instead of indices.
    """
    picture = _open(path, what)
    if picture.mode not in ("P", "L", "1"):
        raise InputError(f"{what} {path} has mode {picture.mode}; class indices need a palette or 8-bit grey PNG")
    with path.open("rb") as file:
        head = file.read(26)
    # A PNG's header ends in bit depth and colour type (0 is grey).
    if head.startswith(b"\x89PNG") and head[24:26] in (b"\x02\x00", b"\x04\x00"):
        # Pillow stretches 2- and 4-bit grey to 0..255: index 1 would be read as 85 or 17.
        raise InputError(f"{what} {path} has 2- or 4-bit grey pixels; save it with a palette or as 8-bit grey")
    if picture.mode == "1":
        picture = picture.convert("L").point(lambda value: value // 255)
    return torch.from_numpy(np.array(picture))


def check_labels(label_map: Tensor, num_classes: int, ignore_index: int | None, path: Path, what: str) -> None:
    """Check that every label is a class or the ignore index.

    Raises:
        InputError: Another value occurs; the message names the file, the value and the range.
    """
    seen = torch.unique(label_map).tolist()
    strangers = [v for v in seen if not 0 <= v < num_classes and v != ignore_index]
    if strangers:
        also = "" if ignore_index is None else f" and {ignore_index}"
        raise InputError(f"{what} {path} has label {strangers[0]}; labels are 0..{num_classes - 1}{also}")
