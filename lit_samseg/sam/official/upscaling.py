"""The mask decoder's up-scaling by 4, with channels last and pixels put in their places at the very end."""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def upscale(upscaling: torch.nn.Sequential, keys: Tensor) -> Tensor:
    """Up-scale the image twice by 2.

    Args:
        upscaling: The decoder's ``output_upscaling``.
        keys: Tokens, float ``[B, h * w, C]``.

    Returns:
        float ``[B, 16 * h * w, D]``; `in_rows` puts them in order.
    """
    layers: list[Any] = list(upscaling)
    first, norm, _, second, _ = layers
    fine = _transposed_convolution(first, keys)
    fine = _gelu(F.layer_norm(fine, (fine.shape[-1],), norm.weight, norm.bias, norm.eps))
    return _gelu(_transposed_convolution(second, fine))


def in_rows(values: Tensor, height: int, width: int) -> Tensor:
    """Put what `upscale` gave for each pixel, ``[B, M, 16 * h * w]``, in its place: ``[B, M, 4h, 4w]``."""
    # Many times faster on a CPU than index_select or a permutation.
    order = _row_major_order(height, width, values.device).expand_as(values)
    return values.gather(-1, order).view(*values.shape[:2], 4 * height, 4 * width)


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # kept for calls with gradients too
def _row_major_order(height: int, width: int, device: torch.device) -> Tensor:
    """Return where each pixel ``[16 h w]`` in row-major order stands after two steps of up-scaling by 2."""
    # There a pixel's place is (y, x), then (row, column) in the first step's 2 x 2 cell, then in the second's.
    places = torch.arange(16 * height * width, device=device).view(height, width, 2, 2, 2, 2)
    return places.permute(0, 2, 4, 1, 3, 5).flatten()


def _gelu(fresh: Tensor) -> Tensor:
    """Apply the activation to what nobody else has: in place, a third faster, where no gradients are wanted."""
    return torch.ops.aten.gelu_(fresh) if fresh.is_inference() else F.gelu(fresh)


def _transposed_convolution(layer: torch.nn.ConvTranspose2d, pixels: Tensor) -> Tensor:
    """Apply a 2 x 2 transposed convolution of stride 2 to ``[B, N, C]``: ``[B, 4 N, D]``, a pixel's cell in one."""
    channels, out, *_ = layer.weight.shape
    assert layer.bias is not None, "SAM's up-scaling has biases"
    matrix = layer.weight.permute(2, 3, 1, 0).reshape(4 * out, channels)
    return F.linear(pixels, matrix, layer.bias.repeat(4)).view(pixels.shape[0], -1, out)
