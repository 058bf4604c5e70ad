"""Where a checkpoint in the hub's layout is: a folder on disk, or a hub id's in the hub's cache."""

from pathlib import Path

from lit_samseg.checkpoints.pretrained import SAFETENSORS, weight_files
from lit_samseg.errors import InputError

_SETTINGS = ["*.json", "merges.txt", "vocab.txt"]
_GATED = ("facebook/sam3",)
"""Beginnings of hub ids that are known to be gated, for a hub that cannot be asked."""


def find_checkpoint_folder(checkpoint: str, what: str) -> Path:
    """Return the folder that a checkpoint option means: one on disk, or a hub id's in the hub's cache.

    A folder on disk is used as it is and nothing is fetched. A hub id (OWNER/NAME) is downloaded once.

    Args:
        checkpoint: Path or hub id.
        what: What the checkpoint is of (``baseline``, ``SAM``), for messages.

    Raises:
        InputError: It is neither a folder nor a hub id that can be read.
    """
    path = Path(checkpoint).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise InputError(f"{what} checkpoint {path} is a file; give a folder with config.json and {SAFETENSORS}")
    if not is_hub_id(checkpoint):
        raise InputError(
            f"no such {what} checkpoint: {path}; give a folder with config.json and {SAFETENSORS}, or a hub id"
        )
    return _fetch(checkpoint, what)


def check_unambiguous(name: str) -> None:
    """See that a built-in network's name is no checkpoint of the user's as well.

    Raises:
        InputError: In the working folder is a file or a checkpoint's folder of that name.
    """
    path = Path(name)
    if path.is_file() or (path / "config.json").is_file():
        raise InputError(
            f"{name!r} is the name of a built-in network, and of {path.absolute()} too; give ./{name} for what is on "
            "disk, or rename that to use the built-in one"
        )


def is_hub_id(checkpoint: str) -> bool:
    """Tell whether a text looks like OWNER/NAME; everything else was meant as a path."""
    owner, slash, name = checkpoint.partition("/")
    return bool(owner and slash and name) and "/" not in name and not checkpoint.startswith((".", "~"))


def _fetch(hub_id: str, what: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        CachedRepoTreeNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
    )

    try:
        # Settings and tokenizers first; weights as safetensors, and as a pickle only where there is nothing else.
        # The newest of each, since ids are the user's; a run's results have the SHA-256 of its weights.
        found = snapshot_download(hub_id, allow_patterns=_SETTINGS)  # nosec B615 # see above
        folder = Path(found)
        for pattern in ("model*.safetensors", "pytorch_model*.bin"):
            if not weight_files(folder):
                snapshot_download(hub_id, allow_patterns=[pattern])  # nosec B615 # see above
        return folder
    except GatedRepoError as error:
        raise InputError(f"{what} checkpoint {hub_id!r} is gated; {_licence(hub_id)}, or give a folder") from error
    except (LocalEntryNotFoundError, CachedRepoTreeNotFoundError, ConnectionError) as error:
        gated = f" (it is gated: {_licence(hub_id)})" if hub_id.startswith(_GATED) else ""
        raise InputError(
            f"{what} checkpoint {hub_id!r} is neither a folder nor whole in the hub's cache, and the hub cannot be "
            f"reached; give a folder or try again with a network{gated}"
        ) from error
    except (HfHubHTTPError, ValueError, OSError) as error:
        raise InputError(
            f"{what} checkpoint {hub_id!r} is neither a folder nor a readable hub id "
            f"({str(error).strip().splitlines()[0]})"
        ) from error


def _licence(hub_id: str) -> str:
    return f"accept its licence on https://huggingface.co/{hub_id} and run 'hf auth login' once"
