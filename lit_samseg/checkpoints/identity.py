"""What decides a frozen network's output beside its input, as a text."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn


def identity_of(network: nn.Module, owner: type, **settings: Any) -> str | None:
    """Return the text that tells networks with different outputs apart.

    Args:
        network: The network.
        owner: The class that asks. A subclass may compute something else and must say itself what decides its output.
        settings: Digests of its files, and every option that changes the output.

    Returns:
        JSON of the class and the settings; None for an instance of a subclass.
    """
    if type(network) is not owner:
        return None
    return json.dumps({"class": f"{owner.__module__}.{owner.__qualname__}"} | settings, sort_keys=True)


def sha256_of_state(network: nn.Module) -> str:
    """Return the SHA-256 of all weights and buffers of a network on the CPU, with their names, types and shapes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def sha256_of_settings(folder: Path) -> str:
    """Return the SHA-256 of a checkpoint folder's texts: configuration, image processor, tokenizer, index of shards.

    Which of them a network reads is transformers' affair; one too many only makes a difference where there is none.
    """
    digest = hashlib.sha256()
    for path in sorted(path for suffix in ("*.json", "*.txt") for path in folder.glob(suffix) if path.is_file()):
        digest.update(json.dumps([path.name, hashlib.sha256(path.read_bytes()).hexdigest()]).encode())
    return digest.hexdigest()
