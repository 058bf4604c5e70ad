"""An exponential moving average of the weights: one training's steps make up for the lack of several trainings."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class MovingAverage:
    """The moving average of what is trained.

    Args:
        decay: Part of the average that a step keeps, above 0 and below 1; the average is of about
            ``1 / (1 - decay)`` steps.

    Attributes:
        weights: The average by name; empty before the first step.
    """

    def __init__(self, decay: float) -> None:
        self._mix = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        self.weights: dict[str, Tensor] = {}

    def update(self, current: Mapping[str, nn.Parameter]) -> None:
        """Take a step's weights in; the first ones are the average."""
        own = {name: weight.detach() for name, weight in current.items()}
        if not self.weights:
            self.weights = {name: weight.clone() for name, weight in own.items()}
            return
        # Those of a checkpoint that is gone on with were read to the CPU.
        self.weights = {name: self.weights[name].to(weight.device) for name, weight in own.items()}
        self._mix(list(self.weights.values()), list(own.values()), 0)

    @torch.no_grad()
    def swap(self, current: Mapping[str, nn.Parameter]) -> None:
        """Exchange the average and the current weights; nothing before the first step."""
        for name, average in self.weights.items():
            kept = current[name].detach().clone()
            current[name].copy_(average)
            average.copy_(kept)
