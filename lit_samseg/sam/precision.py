"""One arithmetic precision for encoder and decoder."""

from contextlib import AbstractContextManager

import torch

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
    """Return the context in which a network computes in ``precision`` (its weights stay fp32)."""
    # fp32 switches autocast off: a surrounding one must not change what the results call fp32.
    dtype = _DTYPES.get(precision)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)
