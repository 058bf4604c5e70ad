"""What a checkpoint's folder in the hub's layout holds: settings as JSON, and the weights of a transformers model."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from lit_samseg.checkpoints.weights import freeze, read_state_dict, sha256_of_file
from lit_samseg.errors import InputError

SAFETENSORS = "model.safetensors"
PREPROCESSOR = "preprocessor_config.json"
# What a folder may hold its weights as; the first found is read. An index lists the shards of large ones.
_WEIGHTS = (SAFETENSORS, f"{SAFETENSORS}.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")


def read_config(folder: Path, what: str) -> dict[str, Any]:
    """Read a checkpoint's ``config.json``.

    Raises:
        InputError: It is missing or no JSON object with a ``model_type``.
    """
    path = folder / "config.json"
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{what} checkpoint has no {path}; give a folder with config.json") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}); download the checkpoint again") from error
    if not isinstance(settings, dict) or not isinstance(settings.get("model_type"), str):
        raise InputError(f"{path} names no model_type; give the folder of a transformers model")
    return settings


@contextmanager
def refused_with(complaint: str) -> Iterator[None]:
    """Turn whatever transformers raises for files it cannot use into an `InputError`.

    Args:
        complaint: What is wrong with which file, for the message.
    """
    try:
        yield
    except Exception as error:
        # Its types differ from value to value.
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{complaint} ({reason[0]}); download it again") from error


@contextmanager
def using_config(folder: Path) -> Iterator[None]:
    """Name the ``config.json`` of a folder when transformers cannot use what it says."""
    with refused_with(f"{folder / 'config.json'} cannot be used"):
        yield


def read_processor_settings(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """Read how a checkpoint's images are prepared, from the file that transformers takes.

    That is ``processor_config.json`` where it has an ``image_processor`` part (newer releases), else
    ``preprocessor_config.json``.

    Returns:
        The file and the image processor's settings; None where there are none.

    Raises:
        InputError: The file is no JSON object.
    """
    for name, part in (("processor_config.json", "image_processor"), (PREPROCESSOR, None)):
        path = folder / name
        if not path.is_file():
            continue
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
            if part is not None:
                settings = settings.get(part)
            if settings is not None:
                return path, dict(settings)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(
                f"{path} is no JSON object of settings ({error}); download the checkpoint again"
            ) from error
    return None


def weight_files(folder: Path) -> list[Path]:
    """Return a checkpoint's weight files, safetensors before pickles; empty where one is missing."""
    for name in _WEIGHTS:
        path = folder / name
        if not path.is_file():
            continue
        if not name.endswith(".json"):
            return [path]
        try:
            names = sorted(set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"{path} is no index of weight files; download the checkpoint again") from error
        if any(not isinstance(shard, str) or "/" in shard or "\\" in shard for shard in names):
            raise InputError(f"{path} names files outside its folder; it was refused")
        shards = [folder / shard for shard in names]
        if all(shard.is_file() for shard in shards):
            return shards
    return []


def sha256_of_weights(files: list[Path]) -> str:
    """Return the SHA-256 of a weight file; of shards, that of the text of their SHA-256s, in order, one a line."""
    sums = [sha256_of_file(path) for path in files]
    return sums[0] if len(sums) == 1 else hashlib.sha256("".join(f"{s}\n" for s in sums).encode()).hexdigest()


def load_pretrained(
    model_class: type, folder: Path, config: Any, what: str, unused: tuple[str, ...] = ()
) -> tuple[nn.Module, str]:
    """Build a transformers model and load a checkpoint's weights into it, strictly and as data.

    transformers fills what a checkpoint lacks with random numbers and a warning; here that is an error. Tensors that
    the model does not have (another head of the same checkpoint) are left out, as transformers does.

    Args:
        model_class: A ``PreTrainedModel`` class.
        folder: The checkpoint's folder.
        config: Its ``PretrainedConfig``.
        what: What is loaded, for messages.
        unused: Prefixes of tensors that the model has but never uses; a checkpoint may lack them.

    Returns:
        The frozen model in fp32 and the SHA-256 of its weights.

    Raises:
        InputError: Weights are missing, unreadable, or do not fit the configuration.
    """
    files = weight_files(folder)
    if not files:
        raise InputError(f"no such weight file: {folder / SAFETENSORS}; give the folder of a whole checkpoint")
    # Copies: tensors of a safetensors file stay mapped to it otherwise, at odd addresses at which kernels round
    # differently.
    state = {name: tensor.clone() for name, tensor in read_state_dict(*files).items()}
    try:
        with _quiet_transformers():
            model, loaded = model_class.from_pretrained(  # type: ignore[attr-defined]
                None,
                config=config,
                state_dict=state,
                dtype="float32",
                ignore_mismatched_sizes=True,  # refused below, with a message that names the file
                output_loading_info=True,
            )
    except Exception as error:
        # What transformers raises for a configuration or a shape it cannot use differs from case to case.
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{folder} cannot be loaded as {what} ({reason[0]}); download the checkpoint again") from error
    missing = sorted(key for key in loaded["missing_keys"] if not key.startswith(unused))
    # A mismatched key comes with both shapes.
    misshapen = sorted(key[0] for key in loaded["mismatched_keys"])
    for keys, words in ((missing, "missing"), (misshapen, "misshapen")):
        if keys:
            raise InputError(f"{files[0]} does not fit {what}: tensors {len(keys)} {words} (e.g. {keys[0]})")
    freeze(model)
    return model, sha256_of_weights(files)


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Hold back transformers' own progress bars and reports while what they say is checked here."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
