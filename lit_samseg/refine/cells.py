"""From an image's pixels to the cells of SAM's low-resolution grid, and back the way SAM's own logits go."""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.runtime.transfer import to_device
from lit_samseg.sam.frame import Frame

TABLES = 6
"""So many tables of a kind are kept, two for each size of images; each has a few thousand numbers a pixel of a side."""


def pixel_frame(frame: Frame) -> Frame:
    """Return the frame whose cells are the image's own pixels."""
    side = max(frame.height, frame.width)
    return Frame(frame.height, frame.width, side, side)


def sample(values: Tensor, frame: Frame) -> Tensor:
    """Interpolate an image's values linearly at the middle of each cell.

    Args:
        values: float32 ``[C, H, W]``, of the image's size or any other, the image's whole area.
        frame: The image's.

    Returns:
        float32 ``[C, h, w]``.
    """
    rows, columns = (
        _at_cells(length, inside, frame, values.dtype, values.device)
        for length, inside in zip(values.shape[1:], frame.resized, strict=True)
    )
    return rows @ values @ columns.T


def sample_nearest(numbers: Tensor, frame: Frame) -> Tensor:
    """Return what stands at the pixel under the middle of each cell, ``[h, w]`` of ``[H, W]``."""
    rows, columns = (
        _nearest(length, inside, frame, numbers.device)
        for length, inside in zip((frame.height, frame.width), frame.resized, strict=True)
    )
    return numbers[rows][:, columns]


def cells_to_image(values: Tensor, frame: Frame) -> Tensor:
    """Bring cells' values to the image the way SAM's own logits go.

    Args:
        values: float32 ``[..., h, w]``; those of the frame's padding may be left out.
        frame: The image's.

    Returns:
        float32 ``[..., H, W]``.
    """
    rows, columns = (
        _to_pixels(frame, axis, values.dtype, values.device)[:, :used] for axis, used in enumerate(values.shape[-2:])
    )
    return rows @ values @ columns.T


def between(values: Tensor, given: Frame, wanted: Frame) -> Tensor:
    """Bring cells of one frame of an image to those of another, as if by way of the image's pixels.

    Args:
        values: float32 ``[C, h, w]`` of the first frame's whole square.
        given: That frame.
        wanted: The other.

    Returns:
        float32 ``[C, h', w']``. Nothing of the image's size is held beside one matrix along each side.
    """
    rows, columns = (_between(axis, given, wanted, values.dtype, values.device) for axis in (0, 1))
    return rows @ values @ columns.T


def low_image(image: Tensor, frame: Frame) -> Tensor:
    """Return the mean colour of each cell, float32 ``[3, h, w]`` in 0..255."""
    inside = frame.resize_image(image).float()[None]
    height, width = (_cells(side, frame) for side in frame.resized)
    step = frame.size / frame.mask_size
    if step % 1:
        # SAM 3's cells are 3.5 pixels.
        return F.adaptive_avg_pool2d(inside, (height, width))[0]
    missing = [int(cells * step) - side for cells, side in zip((height, width), frame.resized, strict=True)]
    return F.avg_pool2d(F.pad(inside, (0, missing[1], 0, missing[0]), mode="replicate"), int(step))[0]


def _cells(inside: int, frame: Frame) -> int:
    """Return how many cells hold so many pixels of the frame."""
    return math.ceil(inside * frame.mask_size / frame.size)


def _middles(length: int, inside: int, frame: Frame) -> Tensor:
    """Return where cells' middles are among ``length`` pixels, of which the frame makes ``inside``; float64 ``[h]``."""
    step = frame.size / frame.mask_size
    cells = torch.arange(_cells(inside, frame), dtype=torch.float64)
    return (((cells + 0.5) * step) * (length / inside) - 0.5).clamp(0, length - 1)


# What follows is the same for all images of a size, and brought to a device once.


@lru_cache(maxsize=TABLES)
@torch.inference_mode(False)
def _nearest(length: int, inside: int, frame: Frame, device: torch.device) -> Tensor:
    """Return the pixels under the cells' middles, int64 ``[h]``."""
    return to_device(_middles(length, inside, frame).round().long(), device)


@lru_cache(maxsize=TABLES)
@torch.inference_mode(False)
def _to_pixels(frame: Frame, axis: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the weights of low-resolution logits at the image's pixels, ``[height or width, mask_size]``."""
    return to_device(frame.axis_weights(axis).to(dtype), device)


@lru_cache(maxsize=TABLES)
@torch.inference_mode(False)
def _at_cells(length: int, inside: int, frame: Frame, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return linear interpolation at the cells' middles as a matrix ``[h, length]``, made in float64."""
    where = _middles(length, inside, frame)
    below = where.floor().long().clamp(max=max(0, length - 2))
    weights = torch.zeros(len(where), length, dtype=torch.float64)
    cells = torch.arange(len(where))
    weights[cells, below] = 1 - (where - below)
    if length > 1:
        weights[cells, below + 1] += where - below
    return to_device(weights.to(dtype), device)


@lru_cache(maxsize=TABLES)
@torch.inference_mode(False)
def _between(axis: int, given: Frame, wanted: Frame, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return `between` along one axis, ``[h', mask_size]``."""
    length = (given.height, given.width)[axis]
    at_cells = _at_cells(length, wanted.resized[axis], wanted, dtype, device)
    return at_cells @ _to_pixels(given, axis, dtype, device)
