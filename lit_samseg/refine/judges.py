"""What is said of a refined label map by somebody who has seen other images with their ground truth."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.refine.cells import cells_to_image
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.grid import LABEL_PROBABILITY
from lit_samseg.refine.map_kinds import Judge
from lit_samseg.refine.part import option, part
from lit_samseg.void import VOID


@part("memory")
@dataclass(frozen=True)
class Remembered(Judge):
    """A memory of the features of training images has the last word (`lit-samseg fit`, `--model.memory`)."""

    main, remembers = "weight", True
    weight: float = option(1.0, "of the memory's log-probabilities beside what labels say", least=0)
    accuracy: float = option(
        LABEL_PROBABILITY,
        "how often a label is thought to be right; which others it is mixed up with was seen in training",
        0.01,
        0.9999,
    )

    def judge(self, refined: Tensor, context: ImageContext) -> tuple[Tensor, Tensor]:
        """Multiply how likely a label is in places of each class by how likely the memory finds the class there.

        Raises:
            InputError: The label map has a class that the memory does not know.
        """
        assert context.memory is not None, "a row with a memory is refused without"
        remembered, labels = context.remembered, refined.long()
        # Elsewhere labels were looked at, and the memory's classes are the data set's (`check_memory`).
        if context.num_classes is None and (largest_label := int(labels.max())) >= len(remembered):
            raise InputError(
                f"the label map has class {largest_label}, and the memory knows 0..{len(remembered) - 1}; give a "
                "label map of the memory's classes"
            )
        # Of void nothing is known: all classes are equally likely to be called so.
        said = context.memory.label_chances(self.accuracy).log()
        said = torch.cat([said, torch.zeros_like(said[:, :1])], dim=1)
        labels = torch.where(labels == VOID, said.shape[1] - 1, labels)
        largest = total = torch.full(labels.shape, -torch.inf, device=labels.device)
        classes = torch.zeros_like(labels)
        # Class by class, since all of them at the image's size may be large.
        for class_id, cells in enumerate(remembered):
            score = said[class_id][labels] + self.weight * cells_to_image(cells, context.frame)
            total = torch.logaddexp(total, score)
            classes = torch.where(score > largest, class_id, classes)
            largest = torch.maximum(largest, score)
        return classes, (largest - total).exp()
