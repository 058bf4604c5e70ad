"""LoRA: small matrices beside frozen ones learn, so that little is trained and kept of large networks.

Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021. The layers are those of the library
peft; what they add to the weights is merged by `lit_samseg.checkpoints.adapter`, without it.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from torch import nn

from lit_samseg.errors import InputError

LoraPart = Literal["mask_decoder", "image_encoder"]


@dataclass(frozen=True)
class Lora:
    """Which parts of SAM learn by LoRA, and how much.

    Attributes:
        rank: Rank of the matrices ``B @ A`` that are added to the weight of each linear layer; 0 for none at all.
        alpha: What they are multiplied with, over the rank; None for the rank, so that they count once.
        parts: ``mask_decoder``, ``image_encoder``. What of a part is trained so is not trained otherwise.

    Raises:
        InputError: There is a rank without parts, parts without a rank, or a number is out of range.
    """

    rank: int = 0
    alpha: float | None = None
    parts: list[LoraPart] = field(default_factory=list)

    def __post_init__(self) -> None:
        known = get_args(LoraPart)
        if set(self.parts) - set(known):
            raise InputError(f"model.lora.parts is {self.parts}; it is a list of {' and '.join(known)}")
        if self.rank < 0 or (self.alpha is not None and not 0 < self.alpha < math.inf):
            raise InputError(f"model.lora.rank is {self.rank} (0 or more), model.lora.alpha {self.alpha} (above 0)")
        if bool(self.rank) != bool(self.parts):
            raise InputError(
                f"model.lora.rank is {self.rank} and model.lora.parts {self.parts}; give a rank, such as 8, and at "
                "least one part, or neither"
            )

    @property
    def weight(self) -> float:
        """``alpha``, whether given or not."""
        return float(self.rank) if self.alpha is None else self.alpha


def add_lora(part: nn.Module, name: LoraPart, lora: Lora, seed: int) -> None:
    """Put LoRA beside every linear layer of a part; all else in it is frozen, and nothing changes before a step.

    Args:
        part: Is changed: its linear layers become peft's.
        name: What it is, for messages.
        lora: Rank and alpha.
        seed: Of the matrices ``A``; those called ``B`` begin with zeros.

    Raises:
        InputError: peft is not installed, or the part has no linear layer.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ModuleNotFoundError as error:
        raise InputError("model.lora needs peft: pip install 'lit_samseg[finetune]'") from error
    layers = [found for found, module in part.named_modules() if type(module) is nn.Linear]
    if not layers:
        raise InputError(f"the {name} of this SAM has no linear layer for model.lora; choose other model.lora.parts")
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.weight,  # type: ignore[arg-type] # any number will do, in fact
        target_modules="|".join(map(re.escape, layers)),
    )
    part.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, part)
    # The weights of layers with reduced precision have matrices of the same, which would not learn.
    for learning, weight in part.named_parameters():
        if ".lora_" in learning:
            weight.data = weight.data.float()
