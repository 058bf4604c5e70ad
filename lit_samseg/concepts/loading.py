"""Text-prompted checkpoints in the hub's layout: network, tokenizer and image processor of a folder."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from lit_samseg.checkpoints.hub import find_checkpoint_folder
from lit_samseg.checkpoints.identity import sha256_of_settings
from lit_samseg.checkpoints.pretrained import (
    PREPROCESSOR,
    load_pretrained,
    read_config,
    read_processor_settings,
    refused_with,
    using_config,
)
from lit_samseg.concepts.phrases import PhraseReader
from lit_samseg.errors import InputError

_VOCABULARIES = {"CLIPTokenizer": ("vocab.json", "merges.txt"), "BertTokenizer": ("vocab.txt",)}


@dataclass(frozen=True)
class Architecture(ABC):
    """What is the same of all text-prompted networks of transformers.

    Attributes:
        model: Name of its class in transformers.
        processor: Name of its image processor's class there.
        tokenizer: Name of its tokenizer's class there.
        padded: Whether all texts are filled up to the same length, as the library's own processor does.
    """

    model: str
    processor: str
    tokenizer: str = "CLIPTokenizer"
    padded: bool = False

    @abstractmethod
    def text_length(self, config: Any) -> int:
        """Return how many tokens a text may have, with those of its start and end."""

    def wording(self, phrase: str) -> str:
        """Return the text by which the network is asked for a phrase."""
        return phrase

    @abstractmethod
    def read(self, model: Any, ids: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """Return what the network makes of one text, int64 ``[1, T]`` each, without the first dimension."""


Known = TypeVar("Known", bound=Architecture)


@dataclass(frozen=True)
class Loaded:
    """A checkpoint, ready for use.

    Attributes:
        model: The frozen network, in fp32.
        reader: Makes tokens of phrases.
        processor: The library's own image processor.
        sha256: SHA-256 of the weights.
        settings_sha256: That of the folder's texts.
    """

    model: Any
    reader: PhraseReader
    processor: Any
    sha256: str
    settings_sha256: str


def load(checkpoint: str, known: Mapping[str, Known], who: str) -> tuple[Known, Loaded]:
    """Load a text-prompted network from a folder or the hub, its weights as data.

    Args:
        checkpoint: A folder with ``config.json``, ``model.safetensors``, the image processor's settings and the
            tokenizer; or a hub id.
        known: Architectures by the ``model_type`` of ``config.json``.
        who: The class that reads them, for messages.

    Raises:
        InputError: The checkpoint is missing, gated, broken or of another architecture.
    """
    import transformers

    folder = find_checkpoint_folder(checkpoint, "text-prompted")
    settings = read_config(folder, "text-prompted")
    model_type = settings["model_type"]
    if model_type not in known:
        raise InputError(f"{folder / 'config.json'} describes {model_type!r}; {who} reads {', '.join(known)}")
    kind = known[model_type]
    with using_config(folder):
        config = transformers.CONFIG_MAPPING[model_type].from_dict(settings)
    tokenizer = _read_tokenizer(folder, kind.tokenizer)
    processor = _read_processor(folder, kind.processor)
    model, sha256 = load_pretrained(getattr(transformers, kind.model), folder, config, f"{kind.model} ({model_type})")
    # Not the one above, where the network is part of a larger one.
    own: Any = model.config
    reader = PhraseReader(tokenizer, kind.text_length(own), kind.padded, checkpoint)
    words = own.text_config.vocab_size
    if max(tokenizer.get_vocab().values()) >= words:
        raise InputError(
            f"{folder} has a tokenizer that numbers more words than the {words} of its network; download it again"
        )
    return kind, Loaded(model, reader, processor, sha256, sha256_of_settings(folder))


def prepare(processor: Any, image: Tensor, **more: Any) -> Tensor:
    """Return the pixels that an image is to the network, float32 ``[1, 3, h, w]`` on the image's device.

    Args:
        processor: The library's image processor.
        image: uint8 ``[3, H, W]``.
        more: Settings in place of the processor's own.
    """
    # Said, not guessed: an image of three columns looks like one with its channels last.
    found = processor(images=image, input_data_format="channels_first", return_tensors="pt", **more)
    pixels: Tensor = found["pixel_values"]
    return pixels


def square_side(processor: Any, checkpoint: str, expected: Any = None) -> int:
    """Return the side of the square that the processor makes of all images, in pixels.

    Args:
        processor: The library's image processor.
        checkpoint: Whose it is, for messages.
        expected: ``image_size`` of a network that takes no other; None for one that takes any.

    Raises:
        InputError: The processor's settings make no square, or another one than the network takes.
    """
    with refused_with(f"{checkpoint} has image processor settings that cannot be used"):
        height, width = prepare(processor, torch.zeros(3, 2, 3, dtype=torch.uint8)).shape[2:]
    if height != width or expected not in (None, height, [height, height], (height, height)):
        raise InputError(
            f"{checkpoint} prepares images as {height} x {width} pixels, and its network takes "
            f"{'squares' if expected is None else expected}; download the whole checkpoint"
        )
    return int(height)


def _read_processor(folder: Path, name: str) -> Any:
    import transformers

    found = read_processor_settings(folder)
    if found is None:
        raise InputError(f"{folder} has no {PREPROCESSOR}; download the whole checkpoint")
    path, settings = found
    with refused_with(f"{path} cannot be used"):
        return getattr(transformers, name).from_dict(settings)


def _read_tokenizer(folder: Path, name: str) -> Any:
    import transformers

    files = _VOCABULARIES[name]
    if not (folder / "tokenizer.json").is_file() and not all((folder / file).is_file() for file in files):
        raise InputError(
            f"{folder} has no tokenizer (tokenizer.json, or {' and '.join(files)}); download the whole checkpoint"
        )
    with refused_with(f"{folder} has no usable tokenizer"):
        # A class by name: nothing that the folder says decides which code runs.
        return getattr(transformers, name).from_pretrained(folder, local_files_only=True)
