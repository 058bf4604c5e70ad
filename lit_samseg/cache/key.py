"""The key of an entry: a hash of all that decides what a network gives for an image."""

import functools
import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor

from lit_samseg.runtime.device import device_name
from lit_samseg.runtime.tf32 import arithmetic_of_fp32
from lit_samseg.version import __version__

FORMAT = 1
"""Raised where entries are laid out anew."""

# What networks are made of, and what resizes their images.
_LIBRARIES = ("torch", "torchvision", "transformers", "timm", "segment_anything", "pillow", "numpy")


def key_of(kind: str, image: Tensor, code: str, **facts: Any) -> str:
    """Return the key of what a network gives for an image, 64 hexadecimal digits.

    Beside the facts it covers the image's pixels and layout in memory, the device and its arithmetic, the versions of
    the libraries, and the code. The number of threads is left out: it moves a float's
    last bits, but a run on two processes should find what one left.

    Args:
        kind: What is kept (``embedding``, ``label_map``).
        image: uint8 ``[3, H, W]``.
        code: Digest of the code (`code_digest`).
        facts: What else decides it; values that JSON can hold.
    """
    described = {
        "format": FORMAT,
        "kind": kind,
        # Kernels may round differently for another layout of the same pixels.
        "image": [str(image.dtype), list(image.shape), list(image.stride())],
        "device": _device(image.device),
        "libraries": _libraries(),
        "code": code,
        "facts": facts,
    }
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    digest.update(b"\n")  # no JSON text holds one here, so what follows is the pixels
    digest.update(image.cpu().contiguous().numpy().data)
    return digest.hexdigest()


def _device(device: torch.device) -> list[object]:
    if device.type == "cuda":
        return [device_name(device), *arithmetic_of_fp32()]
    return [device.type, device_name(device)]


@functools.cache
def _libraries() -> dict[str, str]:
    found = {"lit_samseg": __version__}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    # This one says of which CUDA and CPU build it is, which the distribution's version may not.
    return found | {"torch": torch.__version__}
