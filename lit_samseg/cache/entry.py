"""An entry as bytes: a safetensors file that says what it is of and can tell whether it is still whole."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch
from torch import Tensor


class DamagedEntryError(Exception):
    """The bytes are not, or no longer, the entry that was asked for."""


def pack(key: str, tensors: Mapping[str, Tensor]) -> bytes:
    """Return the bytes of an entry.

    Args:
        key: What it is of.
        tensors: Tensors of any dtype, shape and device by name.
    """
    # In the layout in memory that copies have; kernels may round differently for another.
    strides = json.dumps({name: torch.empty_like(tensor).stride() for name, tensor in tensors.items()})
    # Copies: safetensors refuses tensors that share memory.
    on_cpu = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    return safetensors.torch.save(on_cpu, {"key": key, "strides": strides, "digest": _digest(key, strides, on_cpu)})


def unpack(key: str, data: bytes) -> dict[str, Tensor]:
    """Return the tensors of an entry, on the CPU, as they lay in memory.

    Raises:
        DamagedEntryError: It is another key's, or anything in it is not as it was packed.
    """
    try:
        metadata = _metadata(data)
        tensors = safetensors.torch.load(data)
        digest = _digest(key, metadata["strides"], tensors)
    except Exception as error:
        # Damaged bytes end in whatever the reader stumbles over: SafetensorError, KeyError, UnicodeDecodeError, ...
        raise DamagedEntryError(f"no safetensors file ({type(error).__name__})") from error
    if metadata.get("key") != key:
        raise DamagedEntryError("it belongs to another key")
    if metadata.get("digest") != digest:
        raise DamagedEntryError("its digest does not fit")
    strides = json.loads(metadata["strides"])
    # Copies: the reader's own lie at odd addresses, at which kernels round differently.
    return {
        name: torch.empty_strided(tensor.shape, strides[name], dtype=tensor.dtype).copy_(tensor)
        for name, tensor in tensors.items()
    }


def _metadata(data: bytes) -> dict[str, Any]:
    """Read the texts in the header: 8 bytes of length, then JSON."""
    length = int.from_bytes(data[:8], "little")
    return dict(json.loads(data[8 : 8 + length])["__metadata__"])


def _digest(key: str, strides: str, tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of key, names, dtypes, shapes, strides and bytes."""
    names = sorted(tensors)
    header = [key, strides, *([name, str(tensors[name].dtype), list(tensors[name].shape)] for name in names)]
    digest = hashlib.sha256(json.dumps(header).encode())
    for name in names:
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
