"""A judge: of a class that has only a few pixels in the end nothing is left."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lit_samseg.refine import ImageContext, Judge, option, part


@part("faint")
@dataclass(frozen=True)
class Faint(Judge):
    """Classes of a few pixels become class 0."""

    main = "least"
    least: int = option(50, "pixels that a class must have", least=1)

    def judge(self, refined: Tensor, context: ImageContext) -> tuple[Tensor, Tensor]:
        labels = refined.long()
        few = labels.flatten().bincount() < self.least
        return torch.where(few[labels], 0, labels), torch.ones(labels.shape)
