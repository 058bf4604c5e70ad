"""Tensors and texts in a safetensors file, of which the same make the same bytes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from lit_samseg.runtime.atomic import atomic_file

_LENGTH = 8
"""Bytes of the header's length, and what the header is filled up to a multiple of."""


def write_safetensors(state: Mapping[str, Tensor], path: Path, facts: Mapping[str, str]) -> None:
    """Write tensors with what they belong to.

    The library writes ``facts`` in another order each time, and so the file would have another SHA-256.

    Args:
        state: Tensors by name, on any device.
        path: The file, which appears whole or not at all.
        facts: Texts by name.
    """
    content = safetensors.torch.save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, metadata=dict(facts)
    )
    _write(content, path, facts)


def set_facts(path: Path, facts: Mapping[str, str]) -> None:
    """Write facts into a safetensors file that is there, beside those that it has."""
    content = path.read_bytes()
    known = _header(content).get("__metadata__", {})
    _write(content, path, {**known, **facts})


def _header(content: bytes) -> dict[str, Any]:
    return dict(json.loads(content[_LENGTH : _LENGTH + int.from_bytes(content[:_LENGTH], "little")]))


def _write(content: bytes, path: Path, facts: Mapping[str, str]) -> None:
    header = _header(content) | {"__metadata__": dict(sorted(facts.items()))}
    begin = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH)
    with atomic_file(path) as draft, draft.open("wb") as file:
        file.write(len(text).to_bytes(_LENGTH, "little") + text)
        file.write(memoryview(content)[begin:])
