"""Turn whatever a caller calls a picture into RGB pixels of 8 bits."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.formats.reading import read_image, rgb_pixels

_CHANNELS = (1, 3, 4)
"""Grey, RGB, and RGB with transparency."""


def as_image(picture: object) -> Tensor:
    """Turn whatever a caller calls a picture into RGB, uint8 ``[3, H, W]``.

    Args:
        picture: A path (read upright); a PIL image (as its pixels lie); or an array or tensor, uint8, or float from 0
            to 1, which is rounded to 8 bits: grey ``[H, W]``, or with 1, 3 (RGB) or 4 channels (RGB and transparency,
            which is left out) as its last or first axis. Where both could be, an array's is the last and a tensor's the
            first.

    Raises:
        InputError: It is something else, or has another type, other values or another shape.
    """
    if isinstance(picture, str | Path):
        return read_image(Path(picture).expanduser(), upright=True)
    if isinstance(picture, Image.Image):
        return rgb_pixels(picture, "an image")
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 and picture.dtype.kind != "f":
            raise InputError(_other("an image array", picture.dtype, picture.shape))
        native = picture.dtype.newbyteorder("=")
        pixels = torch.from_numpy(np.ascontiguousarray(picture, native))
        return _bytes(_rgb(pixels, "an image array", channels_last=True), "array")
    if isinstance(picture, Tensor):
        if picture.dtype != torch.uint8 and not picture.is_floating_point():
            raise InputError(_other("an image tensor", picture.dtype, picture.shape))
        return _bytes(_rgb(picture.detach(), "an image tensor", channels_last=False), "tensor")
    raise InputError(
        f"{type(picture).__name__} is no image; give a path, a PIL image, an array or a tensor, or a list or iterator "
        "of them"
    )


def _bytes(pixels: Tensor, kind: str) -> Tensor:
    """Return values of 8 bits; of floats, 1 is 255."""
    if not pixels.is_floating_point():
        return pixels
    low, high = (float(value) for value in pixels.aminmax())
    if not 0 <= low <= high <= 1:
        if low >= 0 and high <= 255:
            remedy = "divide it by 255"
        elif low < 0 and np.isfinite(low) and np.isfinite(high):
            remedy = "give it as it was before it was normalised for a network"
        else:
            remedy = "give a picture without NaN, infinity and numbers above 1"
        raise InputError(f"an image {kind} of floats has values of 0 to 1, not {low:g} to {high:g}; {remedy}")
    return (pixels.float() * 255).round().to(torch.uint8)


def _rgb(pixels: Tensor, what: str, channels_last: bool) -> Tensor:
    shape = pixels.shape
    if not pixels.numel() or pixels.ndim not in (2, 3):
        raise InputError(_other(what, pixels.dtype, shape))
    if pixels.ndim == 2:
        return pixels.expand(3, -1, -1)
    places = [axis for axis in ((2, 0) if channels_last else (0, 2)) if shape[axis] in _CHANNELS]
    if not places:
        raise InputError(_other(what, pixels.dtype, shape))
    return pixels.movedim(places[0], 0)[:3].expand(3, -1, -1)


def _other(what: str, kind: object, shape: tuple[int, ...]) -> str:
    batch = "; give a batch as list(batch)" if len(shape) == 4 else ""
    return (
        f"{what} must be uint8 or float from 0 to 1, [H, W], [H, W, C] or [C, H, W] of 1, 3 or 4 channels, "
        f"not {kind} {list(shape)}{batch}"
    )
