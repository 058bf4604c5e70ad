"""One arithmetic precision for encoder and decoder."""

from contextlib import AbstractContextManager

import torch
from torch import nn

from lit_samseg.errors import InputError
from lit_samseg.sam.interface import Precision

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def check_precision(precision: str) -> None:
    """Refuse a word that is no precision.

    Raises:
        InputError: It is none of ``fp32``, ``bf16``, ``fp16``.
    """
    if precision not in ("fp32", *_DTYPES):
        raise InputError(f"sam.precision is {precision!r}; it is one of fp32, bf16, fp16")


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Return the context in which a network computes in ``precision``, whatever its weights are in."""
    # fp32 switches autocast off: a surrounding one must not change what the results call fp32.
    dtype = _DTYPES.get(precision)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)


def cast_weights(network: nn.Module, precision: Precision) -> None:
    """Keep those weights of a frozen network in ``precision`` that `autocast` would bring to it at each call.

    Results stay what they are, to the last bit.

    Args:
        network: Uses the weights of its linear layers and convolutions in these alone. They are changed in place.
        precision: What it computes in.
    """
    dtype = _DTYPES.get(precision)
    if dtype is not None:
        for layer in network.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                layer.to(dtype)
