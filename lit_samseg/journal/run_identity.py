"""What two runs must have in common for one to go on with the other's images."""

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lit_samseg.runtime.code_digest import code_digest
from lit_samseg.runtime.versions import installed_versions

if TYPE_CHECKING:
    import torch

_FREE = {
    "": ("config", "output_dir", "resume", "overwrite", "gallery", "report", "trainer", "shard"),
    "model": ("save_predictions", "save_scores", "cache_dir", "cache_max_gb"),
    # Which images there are and what is in them is compared itself.
    "data": ("root", "ids", "images", "batch_size", "num_workers", "on_error", "training"),
}
"""Options that may differ, since no number depends on them; a GPU's on ``batch_size``, which is compared beside it."""

_SHOWN = 3
_LONGEST = 60


def identity_of_run(
    command: str,
    config: Mapping[str, Any],
    weights: Mapping[str, str | None],
    ids: Sequence[str],
    device: "torch.device",
    classes: Iterable[type] = (),
    together: int = 1,
) -> dict[str, Any]:
    """Return what decides a run's numbers, as values that JSON can hold.

    Args:
        command: ``test`` or ``predict``.
        config: The configuration, as parsed from YAML.
        weights: SHA-256 or a longer identity by network.
        ids: The run's images.
        device: Where it computes.
        classes: Those of the networks and of the data set.
        together: Images in a batch, on which a GPU's last bits depend.
    """
    # Here, since who only looks at folders does without it.
    import torch

    from lit_samseg.runtime.device import device_name

    batch = {"batch_size": together} if device.type == "cuda" else {}
    return {
        "command": command,
        "config": _without_free(config),
        "weights": dict(weights),
        "images": {"count": len(ids), "sha256": hashlib.sha256(json.dumps(list(ids)).encode()).hexdigest()},
        "versions": installed_versions() | {"torch build": torch.__version__, "code": code_of(classes)},
        "device": {"kind": device.type, "name": device_name(device)} | batch,
    }


def code_of(classes: Iterable[type]) -> str:
    """Return a digest of the code, or a text that nothing is equal to where some of it cannot be seen."""
    return code_digest(classes) or f"unknown (a class without a source file), run {secrets.token_hex(4)}"


def describe_differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Name what differs between two identities, at most a few things; empty where nothing does."""
    before, after = dict(_flat(was)), dict(_flat(now))
    # Not a set: the order of the identity is the order of importance.
    differing = [key for key in before | after if before.get(key) != after.get(key)]
    shown = [f"{key} was {_short(before.get(key))}, is {_short(after.get(key))}" for key in differing[:_SHOWN]]
    return "; ".join(shown + ([f"and {len(differing) - _SHOWN} more"] if len(differing) > _SHOWN else []))


def _without_free(config: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in config.items() if key not in _FREE[""]}
    for part in ("model", "data"):
        if isinstance(options := kept.get(part, {}).get("init_args"), Mapping):
            bound = {key: value for key, value in options.items() if key not in _FREE[part]}
            kept[part] = kept[part] | {"init_args": bound}
    return kept


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, "" if name == "config" else f"{name}.")
        else:
            yield name, value


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
