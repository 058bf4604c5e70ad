"""SAM's image encoders made ready for inference: the same function of the image, in less time and memory."""

import os
import shutil
import sys
from typing import Any, Literal, get_args

import torch
from torch import nn

from lit_samseg.checkpoints.weights import freeze
from lit_samseg.errors import InputError
from lit_samseg.sam.official.attention import RelativePositionAttention, WindowBiasAttention
from lit_samseg.sam.official.mobile_sam import TinyViTEncoder

EncoderBackend = Literal["torch", "openvino"]


def check_backend(backend: str, precision: str, compiled: bool) -> None:
    """Refuse what computes no encoder, or not like this.

    Raises:
        InputError: There is no such word, or OpenVINO is to compute in another precision or be compiled by torch.
    """
    if backend not in get_args(EncoderBackend):
        raise InputError(f"sam.encoder is {backend!r}; it is one of {', '.join(get_args(EncoderBackend))}")
    if backend == "openvino" and (precision != "fp32" or compiled):
        what = "sam.compile" if compiled else f"sam.precision {precision}"
        raise InputError(f"sam.encoder openvino computes in fp32 and is not torch's; leave {what} out")


def prepare_encoder(encoder: Any) -> nn.Module:
    """Make an image encoder faster; what it computes stays the same but for rounding (1e-5 in float32).

    Attention goes through PyTorch's fused kernels (`RelativePositionAttention`, `WindowBiasAttention`). In TinyViT each
    batch norm becomes part of its convolution, and convolutions work in the channels-last layout. The tensors of a
    ViT keep their names; TinyViT's lose those of the batch norms.

    A call of ViT-B with one image of 1024 pixels takes at its peak 330 MB beside the weights on a CPU, in bfloat16 370
    MB (attention is float32 there); the official one 2500 MB.

    Args:
        encoder: segment-anything's ``ImageEncoderViT`` with relative positions, or our `TinyViTEncoder`, with its
            final weights: they are frozen, since what follows from them is computed here once.

    Returns:
        The encoder, from float ``[B, 3, S, S]`` to ``[B, D, h, w]``. It takes the given one's place: that is changed.
    """
    freeze(encoder)
    if isinstance(encoder, TinyViTEncoder):
        prepared = _prepare_tiny_vit(encoder)
    else:
        for block in encoder.blocks:
            side = block.window_size or encoder.img_size // encoder.patch_embed.proj.stride[0]
            block.attn = RelativePositionAttention(block.attn, side, side)
        prepared = encoder
    freeze(prepared)  # the layers made just now
    return prepared


def _prepare_tiny_vit(encoder: TinyViTEncoder) -> nn.Module:
    from timm.models import reparameterize_model
    from timm.models.tiny_vit import TinyVitBlock

    fused: nn.Module = reparameterize_model(encoder, inplace=True)
    for block in fused.modules():
        if isinstance(block, TinyVitBlock):
            block.attn = WindowBiasAttention(block.attn)
    # Enough: a convolution with such weights brings its input to their layout and leaves its output there.
    fused.to(memory_format=torch.channels_last)
    return fused


def compile_encoder(encoder: nn.Module) -> None:
    """Let ``torch.compile`` translate an encoder, in place, at its first call; that call takes a minute or more.

    Each size of a batch has a translation of its own, since attention is cut into tiles by it; see `encode_together`.

    Raises:
        InputError: There is no C++ compiler.
    """
    # The one that torch.compile would call, which without it fails late and at length.
    compiler = os.environ.get("CXX") or {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    if shutil.which(compiler) is None:
        raise InputError(
            f"sam.compile needs a C++ compiler and {compiler} is not on the PATH; install it (Debian, Ubuntu: apt "
            "install g++), name another in the environment variable CXX, or leave sam.compile out"
        )
    encoder.compile(dynamic=False)
