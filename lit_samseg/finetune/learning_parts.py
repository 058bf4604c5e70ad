"""Which of SAM's weights learn, and what is written of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from lit_samseg.checkpoints.adapter import ALPHA, CLASS_PROMPTS, LOOK, Adapter, name_in_file
from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.errors import InputError
from lit_samseg.finetune.lora import Lora, add_lora
from lit_samseg.sam import TrainableSegmenter

WholePart = Literal["mask_decoder", "prompt_encoder"]


class LearningParts:
    """The parts of a SAM that learn, as a whole or by LoRA.

    Args:
        sam: Its weights are switched on, and get LoRA's beside them.
        trained: Parts that learn as a whole, but for those that learn by LoRA.
        lora: Parts that learn by LoRA.
        merged: What LoRA learnt is written as whole weights.
        seed: Of LoRA's first weights.

    Attributes:
        encoder_learns: Whether embeddings change from step to step.

    Raises:
        InputError: There is no such part, nothing learns, or this SAM cannot learn like this.
    """

    def __init__(
        self, sam: TrainableSegmenter, trained: Sequence[WholePart], lora: Lora, merged: bool = False, seed: int = 0
    ) -> None:
        if not (trained or lora.parts) or set(trained) - set(get_args(WholePart)):
            raise InputError(f"model.trained is {list(trained)}; it is a list of {' and '.join(get_args(WholePart))}")
        if merged and not lora.parts:
            raise InputError("model.merged is true and nothing learns by LoRA; give model.lora.rank and parts")
        self._sam, self._lora, self._merged = sam, lora, merged
        self._whole = [part for part in trained if part not in lora.parts]
        self.encoder_learns = "image_encoder" in lora.parts
        weights = {name: weight for part in self._whole for name, weight in sam.learning(part).items()}
        if sam.classes is not None:
            weights |= {CLASS_PROMPTS + name: weight for name, weight in sam.classes.named_parameters()}
        self._check_start(set(weights))
        for part in lora.parts:
            own = sam.part(part)
            if merged and any(weight.dtype != torch.float32 for weight in own.parameters()):
                raise InputError(
                    f"model.merged would write weights of the {part} in {sam.precision}; set model.sam.precision fp32, "
                    "or leave model.merged out: small matrices are added in fp32 later"
                )
            add_lora(own, part, lora, seed)
        for weight in weights.values():
            weight.requires_grad_(True)

    def _check_start(self, learning: set[str]) -> None:
        """Refuse to begin with an adapter of which the next one, for the same checkpoint, would lack something."""
        start = self._sam.adapter
        lost = set() if not isinstance(start, Adapter) else set(start.state) - (set() if self._lora.parts else learning)
        if lost:
            raise InputError(
                f"{self._sam.adapter_file} changes {min(lost)}, which what is trained on top of it would not hold; "
                "train the parts that it has, without model.lora, or leave model.sam.adapter out"
            )

    def adapter(self, weights: Mapping[str, Tensor], trained_on: TrainedOn = TrainedOn()) -> Adapter:
        """Return what ``--model.sam.adapter`` takes.

        Args:
            weights: What was trained, by name in the training's module.
            trained_on: The training images.
        """
        state = {name_in_file(name): weight.detach() for name, weight in weights.items()}
        facts = {"trained": ",".join(self._whole)}
        if self._lora.parts:
            facts |= {"lora_parts": ",".join(self._lora.parts), ALPHA: str(self._lora.weight)}
        facts |= self._look
        names = () if self._sam.classes is None else self._sam.classes.names
        adapter = Adapter(state, self._sam.sha256, trained_on, facts, class_names=names)
        if not self._merged:
            return adapter
        # peft's layers keep the weights they stand beside.
        own = {name.replace(".base_layer.", "."): weight for name, weight in self._sam.model.named_parameters()}
        return replace(adapter, state=adapter.merged(own))

    @property
    def facts(self) -> dict[str, Any]:
        """What a checkpoint must say to be an adapter, beside its tensors and images."""
        names = [] if self._sam.classes is None else list(self._sam.classes.names)
        lora = {ALPHA: str(self._lora.weight)} if self._lora.parts else {}
        return {"sam_sha256": self._sam.sha256, "class_names": names, **lora, **self._look}

    @property
    def _look(self) -> dict[str, str]:
        return {} if self._sam.second_look is None else {LOOK: str(self._sam.second_look)}
