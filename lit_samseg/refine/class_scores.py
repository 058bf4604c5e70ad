"""How likely each class is at each pixel of a refined image."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ClassScores:
    """An image's classes at its own pixels.

    Attributes:
        classes: Their ids, ascending, int64 ``[A]``; `lit_samseg.void.VOID` is among them where there is void.
        probabilities: float32 ``[A, H, W]``, which sum to 1 at each pixel.
    """

    classes: Tensor
    probabilities: Tensor

    @property
    def label_map(self) -> Tensor:
        """The likeliest class of each pixel, int64 ``[H, W]``; of equal ones the lowest."""
        # max, and not argmax, promises the first of equal ones.
        return self.classes[self.probabilities.max(0).indices]


def certain(label_map: Tensor) -> ClassScores:
    """Return the scores of a map of which nothing is doubted.

    Args:
        label_map: integer ``[H, W]``.
    """
    classes = torch.unique(label_map).long()
    return ClassScores(classes, (label_map[None] == classes[:, None, None]).float())
