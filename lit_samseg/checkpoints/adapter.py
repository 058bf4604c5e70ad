"""A fine-tuned SAM's file: the tensors that were trained, and what they belong to."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.checkpoints.weights import read_checkpoint, read_safetensors_metadata, read_state_dict, sha256_of_file
from lit_samseg.checkpoints.writing import write_safetensors
from lit_samseg.errors import InputError

FORMAT = "lit_samseg.adapter"
CLASS_PROMPTS = "class_prompts."
"""Weights that SAM has not, of an adapter that knows classes (`lit_samseg.sam.class_prompts`)."""
TRAINABLE = ("mask_decoder.", "prompt_encoder.", CLASS_PROMPTS)
"""What may be trained: the parts behind the image encoder, so that embeddings stay what they are, in every cache."""


@dataclass(frozen=True)
class Adapter:
    """What a fine-tuning left.

    Attributes:
        state: The trained tensors by their names in segment-anything's ``Sam``.
        sam_sha256: SHA-256 of the checkpoint that was fine-tuned; only on top of it do they mean anything.
        trained_on: The images; they cannot be evaluated on.
        facts: What else is worth knowing, as text.
        sha256: SHA-256 of the file; empty for one that is not written yet.
        class_names: The classes it knows; none for one that knows no classes.
    """

    state: Mapping[str, Tensor]
    sam_sha256: str
    trained_on: TrainedOn = TrainedOn()
    facts: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""
    class_names: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        """Write a safetensors file."""
        metadata = {"format": FORMAT, "sam_sha256": self.sam_sha256, "trained_on": json.dumps(self.trained_on.listed())}
        if self.class_names:
            metadata["class_names"] = json.dumps(self.class_names)
        write_safetensors(self.state, path, {**self.facts, **metadata})

    def apply(self, sam: nn.Module, sha256: str, path: Path) -> None:
        """Put the trained tensors in their places.

        Args:
            sam: segment-anything's ``Sam`` with the checkpoint's weights.
            sha256: SHA-256 of that checkpoint.
            path: The adapter's, for messages.

        Raises:
            InputError: The adapter belongs to another checkpoint, or its tensors do not fit.
        """
        if sha256 != self.sam_sha256:
            raise InputError(
                f"{path} was trained on another SAM (checkpoint with SHA-256 {self.sam_sha256[:12]}..., not "
                f"{sha256[:12]}...); give the checkpoint it was trained on"
            )
        own = sam.state_dict()
        wrong = [
            name
            for name, tensor in self.state.items()
            if not name.startswith(TRAINABLE) or name not in own or own[name].shape != tensor.shape
        ]
        if wrong or not self.state:
            raise InputError(f"{path} does not fit SAM: {wrong[0] if wrong else 'it holds no tensor'}; train it again")
        sam.load_state_dict(dict(self.state), strict=False)


def read_adapter(path: Path) -> Adapter:
    """Read ``adapter.safetensors`` or a checkpoint that ``lit-samseg fit`` left on its way; nothing in it is run.

    Raises:
        InputError: There is no such file, or it is no adapter.
    """
    try:
        return _of_checkpoint(path) if path.suffix == ".ckpt" else _of_safetensors(path)
    except (KeyError, ValueError) as error:
        raise InputError(f"{path} is no adapter; give the adapter.safetensors that lit-samseg fit wrote") from error


def _of_safetensors(path: Path) -> Adapter:
    state, facts = read_state_dict(path), read_safetensors_metadata(path)
    if facts.pop("format", None) != FORMAT:
        raise ValueError
    sha256, images = facts.pop("sam_sha256"), json.loads(facts.pop("trained_on"))
    names = _as_names(json.loads(facts.pop("class_names", "[]")))
    return Adapter(state, sha256, TrainedOn.read(images), facts, sha256_of_file(path), names)


def _of_checkpoint(path: Path) -> Adapter:
    state, rest = read_checkpoint(path)
    own = {name.removeprefix("sam.model."): tensor for name, tensor in state.items()}
    names = _as_names(rest.get("class_names", []))
    return Adapter(own, str(rest["sam_sha256"]), TrainedOn.read(rest["trained_on"]), {}, sha256_of_file(path), names)


def _as_names(given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ValueError("expected a list of names")
    return tuple(given)
