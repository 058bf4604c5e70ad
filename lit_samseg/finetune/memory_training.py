"""What the trainings of memories share: what the baseline confuses is counted, and a file is left."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.errors import InputError
from lit_samseg.finetune.one_network import OneNetwork
from lit_samseg.finetune.unseen_images import as_frequent, count_on_unseen
from lit_samseg.refine import FeatureMemory
from lit_samseg.refine.memory_file import write_memory
from lit_samseg.sam import PromptableSegmenter
from lit_samseg.sam.frame import Frame

MEMORY = "memory.safetensors"
_EXAMPLE = 64
"""Side of the black image by which it is seen how many features SAM gives."""


class MemoryTraining(OneNetwork):
    """A training that leaves a memory.

    Args:
        memory: What is trained, a new one.
        unseen: Text file of ids of the validation's split on which labels are counted; None counts on training images.
        args: As for `ValidatedModule`.
        kwargs: As for `ValidatedModule`.

    Raises:
        InputError: No row has ``memory``.
    """

    outcome = "memory"
    leaves = MEMORY

    def __init__(self, memory: FeatureMemory, unseen: str | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not any(variant.remembers for variant in self.evaluation.variants):
            raise InputError("no row of model.variants has the word memory, so there is no memory to fit")
        self.unseen = unseen
        self._trained = memory
        self._counted: Tensor | None = None

    @property
    def fitted(self) -> FeatureMemory:
        """The memory."""
        return self._trained

    def on_fit_start(self) -> None:
        """Count on images that the baseline was not trained on, where there are any."""
        super().on_fit_start()
        if self.unseen is not None:
            data, path = self.trainer.datamodule, Path(self.unseen).expanduser()  # type: ignore[attr-defined]
            count = len(self.fitted.class_names)
            counted, images = count_on_unseen(path, data, self.evaluation.predictor, count, self.ignore_index)
            self._counted, self.fitted.unseen = counted, True
            self.images.earlier |= images

    def know_labels(self, counted: Tensor) -> None:
        """Take what was counted on training images into the memory, or rather what was on unseen ones, where it was.

        Args:
            counted: By class and label, int64 ``[C, C]`` (`count_labels`).
        """
        self.fitted.mixed_up.copy_(counted if self._counted is None else as_frequent(self._counted, counted.cpu()))

    def write(self, folder: Path, trained_on: TrainedOn) -> Path:
        """Write ``memory.safetensors``."""
        self.fitted.trained_on = trained_on
        path = folder / MEMORY
        write_memory(self.fitted, path)
        return path


@torch.inference_mode()
def example_of(sam: PromptableSegmenter) -> tuple[Tensor, Frame, Tensor, Tensor | None]:
    """Return what a memory sees of a black image: image, frame, embedding and features."""
    image = torch.zeros(3, _EXAMPLE, _EXAMPLE, dtype=torch.uint8)
    (embedding,) = sam.encode([image])
    return image, embedding.frame, embedding.features, sam.pixel_features(embedding)
