"""A fine-tuned SAM's file: the tensors that were trained, and what they belong to.

LoRA (Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021) leaves two small matrices for each weight
``W``, named ``X.lora_A.weight`` and ``X.lora_B.weight`` after the layer ``X``; they stand for
``W + alpha / rank * B @ A``, which is what `Adapter.apply` puts in place.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.checkpoints.weights import read_checkpoint, read_safetensors_metadata, read_state_dict, sha256_of_file
from lit_samseg.checkpoints.writing import write_safetensors
from lit_samseg.errors import InputError

FORMAT = "lit_samseg.adapter"
ALPHA = "lora_alpha"
"""The fact of a file with LoRA's matrices that says how much they count; their rank is seen from their shapes."""
CLASS_PROMPTS = "class_prompts."
"""Weights that SAM has not, of an adapter that knows classes (`lit_samseg.sam.class_prompts`)."""
TRAINABLE = ("mask_decoder.", "prompt_encoder.", CLASS_PROMPTS)
"""Beginnings of what may be trained as a whole; of other parts only the weights of linear layers, by LoRA."""
LOOK = "second_look"
"""The fact that says by how much the baseline enlarges images for a second look."""
DOWN, UP = ".lora_A.weight", ".lora_B.weight"


@dataclass(frozen=True)
class Adapter:
    """What a fine-tuning left.

    Attributes:
        state: The trained tensors by their names in SAM's state dict, LoRA's by those of the layers they belong to.
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

    @property
    def second_look(self) -> float | None:
        """By how much the baseline enlarges images for a second look; None for no such look.

        Raises:
            ValueError: It is no number above 0.
        """
        if LOOK not in self.facts:
            return None
        scale = float(self.facts[LOOK])
        if not 0 < scale < math.inf:
            raise ValueError("a second look is at an image enlarged by a number above 0")
        return scale

    def write(self, path: Path) -> None:
        """Write a safetensors file."""
        metadata = {"format": FORMAT, "sam_sha256": self.sam_sha256, "trained_on": json.dumps(self.trained_on.listed())}
        if self.class_names:
            metadata["class_names"] = json.dumps(self.class_names)
        write_safetensors(self.state, path, {**self.facts, **metadata})

    def apply(self, sam: nn.Module, sha256: str, path: Path) -> set[str]:
        """Put the trained tensors in their places.

        Args:
            sam: The network with the checkpoint's weights, in the precision of the checkpoint.
            sha256: SHA-256 of that checkpoint.
            path: The adapter's, for messages.

        Returns:
            Names of the tensors that were changed.

        Raises:
            InputError: The adapter belongs to another checkpoint, or its tensors do not fit.
        """
        if sha256 != self.sam_sha256:
            raise InputError(
                f"{path} was trained on another SAM (checkpoint with SHA-256 {self.sam_sha256[:12]}..., not "
                f"{sha256[:12]}...); give the checkpoint it was trained on"
            )
        linear = {f"{name}.weight" for name, module in sam.named_modules() if isinstance(module, nn.Linear)}
        own = {n: weight for n, weight in sam.named_parameters() if n.startswith(TRAINABLE) or n in linear}
        try:
            whole = self.merged(own)
        except ValueError as error:
            raise InputError(f"{path} does not fit SAM: {error}; train it again") from error
        sam.load_state_dict(whole, strict=False)
        return set(whole)

    def merged(self, own: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return whole weights: what was trained as a whole, and what LoRA adds to the network's own.

        Args:
            own: The network's weights by name, as they were before the training.

        Raises:
            ValueError: A tensor does not fit them; the message begins with its name.
        """
        whole: dict[str, Tensor] = {}
        for name, tensor in self.state.items():
            layer = name.removesuffix(DOWN).removesuffix(UP)
            if layer == name:
                place, value = name, tensor
            else:
                place = f"{layer}.weight"
                down, up = (self.state.get(layer + end) for end in (DOWN, UP))
                if down is None or up is None or down.ndim != 2 or up.ndim != 2 or len(down) != up.shape[1]:
                    raise ValueError(f"{name} is one of two matrices, and the other is missing or of another rank")
                if place not in own or own[place].shape != (len(up), down.shape[1]):
                    raise ValueError(name)
                value = own[place].detach() + up @ down * (self._alpha / len(down))
            if place not in own or own[place].shape != value.shape:
                raise ValueError(name)
            whole[place] = value
        if not whole:
            raise ValueError("it holds no tensor")
        return whole

    @property
    def _alpha(self) -> float:
        alpha = float(self.facts.get(ALPHA, "nan"))
        if not math.isfinite(alpha):
            raise ValueError(f"it has LoRA's matrices and no number as {ALPHA}")
        return alpha


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
    return _checked(Adapter(state, sha256, TrainedOn.read(images), facts, sha256_of_file(path), names))


def _of_checkpoint(path: Path) -> Adapter:
    state, rest = read_checkpoint(path)
    own = {name_in_file(name): tensor for name, tensor in state.items()}
    facts, names = (
        {fact: str(rest[fact]) for fact in (ALPHA, LOOK) if fact in rest},
        _as_names(rest.get("class_names", [])),
    )
    images = TrainedOn.read(rest["trained_on"])
    return _checked(Adapter(own, str(rest["sam_sha256"]), images, facts, sha256_of_file(path), names))


def _checked(adapter: Adapter) -> Adapter:
    _ = adapter.second_look  # it is read once more where it is used
    return adapter


def name_in_file(name: str) -> str:
    """Return an adapter's name for what a training calls ``sam.model.X``; peft puts an adapter's name into LoRA's."""
    return re.sub(r"\.(lora_[AB])\.\w+\.weight$", r".\1.weight", name.removeprefix("sam.model."))


def _as_names(given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ValueError("expected a list of names")
    return tuple(given)
