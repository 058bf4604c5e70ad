"""Weight files are data: read them without running anything, and say plainly what is wrong."""

import functools
import hashlib
import logging
import pickle  # nosec B403 # for the name of an error only
import warnings
import zipfile
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from lit_samseg.errors import InputError

logger = logging.getLogger(__name__)

WRAPPERS = ("module.", "_orig_mod.", "model.")
"""What (Distributed)DataParallel, ``torch.compile`` and a LightningModule put before the name of every tensor."""

DEMO_WEIGHTS = Path(__file__).parent.parent / "demo_weights"
"""Weights of the built-in world's networks, made by ``scripts/train_demo.py``."""


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits; an unchanged file is read once."""
    status = path.stat()
    return _sha256(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache
def _sha256(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_state_dict(path: Path, *shards: Path) -> dict[str, Tensor]:
    """Read tensors by name from a ``.safetensors`` or PyTorch file, on the CPU.

    PyTorch files are read with ``weights_only=True``: a pickle that would run code is refused. Where every name has a
    prefix of `WRAPPERS`, it is left out, and a line on stderr says so.

    Args:
        path: The file. A dictionary under a single key ``model`` or ``state_dict`` is unwrapped.
        shards: Further files of the same network.

    Raises:
        InputError: A file is missing, is no weight file, is cut off, or holds other objects than tensors of finite
            numbers.
    """
    # Together, since all names of one shard may well begin alike.
    return _unwrapped({name: tensor for file in (path, *shards) for name, tensor in _read_file(file).items()}, path)


def _unwrapped(state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Leave out the prefixes that a training program put before all names."""
    removed = ""
    while state and (
        prefix := next((w for w in WRAPPERS if all(name.startswith(w) and name != w for name in state)), "")
    ):
        state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
        removed += prefix
    if removed:
        logger.warning(
            "every tensor of %s has %r before its name, as training programs write it; it is read without",
            path,
            removed,
        )
    return state


def _read_file(path: Path) -> dict[str, Tensor]:
    if not path.exists():
        raise InputError(f"no such weight file: {path}; give the path of a checkpoint on disk")
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the path of a checkpoint file")
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise InputError(f"{path} is empty; download the checkpoint again")
    start = head.lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise InputError(f"{path} is a web page (HTML), not weights; download the file itself")
    if start.startswith(b"version https://git-lfs"):
        raise InputError(f"{path} is a Git LFS pointer, not weights; run 'git lfs pull' or download it")
    if path.suffix == ".safetensors" or head[8:10] == b'{"':
        state = _read_safetensors(path)
    else:
        state = _tensors_only(_read_pytorch(path, head), path)
    _check_finite(state, path)
    return state


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Read a checkpoint of Lightning: its tensors by name, and what else is in it; nothing in it is run.

    Raises:
        InputError: The file cannot be read, or is no such checkpoint.
    """
    state = _read_file(path)
    with path.open("rb") as file:
        loaded = _read_pytorch(path, file.read(512))
    if not isinstance(loaded, dict) or not isinstance(loaded.get("state_dict"), dict):
        raise InputError(f"{path} is no checkpoint of lit-samseg fit")
    return state, {str(key): value for key, value in loaded.items() if key != "state_dict"}


def read_safetensors_metadata(path: Path) -> dict[str, str]:
    """Return the text metadata of a safetensors file; empty for every other kind of file."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (safetensors.SafetensorError, OSError):
        return {}


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise InputError(f"{path} is not a whole safetensors file ({_one_line(error)}); download it again") from error


def _read_pytorch(path: Path, head: bytes) -> object:
    if not head.startswith((b"PK", b"\x80")):
        raise InputError(f"{path} is not a PyTorch or safetensors weight file")
    try:
        if head.startswith(b"PK") and not zipfile.is_zipfile(path):
            raise InputError(f"{path} is cut off (a truncated zip archive); download it again")
        with warnings.catch_warnings():
            # torch warns of unusual pickle protocols; what it cannot read safely it refuses below.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} holds other objects than tensors and could run code when opened; it was refused. "
            "Give a state dict (tensors by name) or a safetensors file"
        ) from error
    except InputError:
        raise
    except Exception as error:
        # Damaged bytes end in whatever the reader stumbles over: struct.error, IndexError, RuntimeError, ...
        raise InputError(f"{path} cannot be read as PyTorch weights ({_one_line(error)}); download it again") from error


def _tensors_only(loaded: object, path: Path) -> dict[str, Tensor]:
    for wrapper in ("state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(wrapper), dict):
            loaded = loaded[wrapper]
    if not isinstance(loaded, dict) or not loaded:
        raise InputError(f"{path} holds {type(loaded).__name__}, not tensors by name (a state dict)")
    strangers = [str(key) for key, value in loaded.items() if not isinstance(value, Tensor)]
    if strangers:
        raise InputError(f"{path} is not a state dict: {strangers[0]!r} is not a tensor")
    return {str(key): value for key, value in loaded.items()}


def _check_finite(state: dict[str, Tensor], path: Path) -> None:
    """Refuse weights of a training that went astray: their predictions would be a class like any other."""
    for name, tensor in state.items():
        # Quantised and 8-bit numbers have no infinity to look for.
        if tensor.is_floating_point() and tensor.element_size() > 1 and not tensor.isfinite().all():
            raise InputError(
                f"{path} has values that are not finite (NaN or infinity) in {name}; use another checkpoint"
            )


def load_strictly(module: torch.nn.Module, state: dict[str, Tensor], path: Path, what: str) -> None:
    """Load ``state`` into ``module``; every key, shape and kind of number must fit.

    Args:
        module: The network.
        state: Tensors by name.
        path: Where they came from, for the message.
        what: What the network is, for the message.

    Raises:
        InputError: A tensor is missing, unknown, of another shape, or holds whole numbers instead of fractions.
    """
    own = module.state_dict()
    missing = sorted(own.keys() - state.keys())
    unknown = sorted(state.keys() - own.keys())
    misshapen = [k for k in own.keys() & state.keys() if own[k].shape != state[k].shape]
    # Other precisions are converted; whole numbers are quantised weights, whose scales would be lost.
    quantised = [
        k for k in own.keys() & state.keys() if own[k].is_floating_point() and not state[k].is_floating_point()
    ]
    if missing or unknown or misshapen or quantised:
        faults = [
            f"{len(names)} {word} (e.g. {sorted(names)[0]})"
            for word, names in (
                ("missing", missing),
                ("unknown", unknown),
                ("misshapen", misshapen),
                ("of whole numbers", quantised),
            )
            if names
        ]
        raise InputError(f"{path} does not fit {what}: tensors {', '.join(faults)}")
    module.load_state_dict(state)


def freeze(module: torch.nn.Module) -> None:
    """Put ``module`` in evaluation mode and switch off gradients for good."""
    module.eval().requires_grad_(False)


def _one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__
