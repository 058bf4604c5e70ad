"""Fine-tuning of the baseline itself: what the same training would buy without SAM."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.baselines import TrainableBaseline
from lit_samseg.checkpoints.pretrained import weight_files
from lit_samseg.checkpoints.trained_on import TrainedOn, note_trained_on
from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.finetune.schedule import poly
from lit_samseg.finetune.validated import ValidatedModule
from lit_samseg.refine import RowText
from lit_samseg.sam import PromptableSegmenter, SegmentAnything

BASELINE = "baseline"
"""Folder of the trained baseline in the run's."""


class SegmenterFinetune(ValidatedModule):
    """Train the baseline on, with cross-entropy and DeepLab's poly schedule (Chen et al., 2018).

    Statistics of its batch normalisations stay as they are: a few images are too few for better ones.

    Args:
        baseline: The semantic segmenter: `MobileNetV2DeepLab`, `TorchvisionDeepLab`, or a `HubSegmenter` with logits of
            pixels, such as SegFormer. The largest tensor is its logits at the image's size, twice with gradients.
        sam: For rows in ``variants``; None, where there are none, takes the built-in one, which is asked nothing.
        variants: Rows to validate with beside the baseline.
        lr: Learning rate of the default optimiser, SGD with momentum 0.9. Other ones by ``--optimizer``.
        weight_decay: Of the default optimiser.
        average: Part that a moving average of the weights keeps at each step, 0 for none. It is what is validated and
            written.
        class_names: The data set's; linked on the command line, as are the next two.
        background: Class that is never prompted, or None.
        ignore_index: Void label of the ground truth.

    Raises:
        InputError: An option is out of range, or the baseline answers with queries.
    """

    leaves = BASELINE
    baseline: TrainableBaseline

    def __init__(
        self,
        baseline: TrainableBaseline,
        sam: PromptableSegmenter | None = None,
        variants: list[RowText] = [],  # noqa: B006 (jsonargparse shows it in --help; never changed)
        lr: float = 1e-5,
        weight_decay: float = 4e-5,
        average: float = 0.0,
        class_names: tuple[str, ...] = (),
        background: int | None = None,
        ignore_index: int = 255,
    ) -> None:
        if sam is None and variants:
            raise InputError("model.variants need SAM; give model.sam, or leave them out")
        baseline.check_trainable()
        super().__init__(
            *(baseline, sam or SegmentAnything("demo"), variants, lr, weight_decay),
            *(class_names, background, ignore_index),
            average=average,
        )
        self.baseline.model.requires_grad_(True)
        self.images.earlier = baseline.trained_on

    def configure_optimizers(self) -> Any:
        """SGD with momentum and the poly schedule. ``--optimizer`` takes its place."""
        weights = list(self.trained_weights().values())
        optimizer = torch.optim.SGD(weights, lr=self.lr, momentum=0.9, weight_decay=self.weight_decay)
        steps = self.trainer.estimated_stepping_batches
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: poly(step, steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def training_step(self, batch: list[Sample], batch_idx: int) -> Tensor:
        """Return the mean cross-entropy of the batch's images, void left out."""
        return self.joined(self._loss(sample) for sample in batch)

    def _loss(self, sample: Sample) -> Tensor | None:
        target = self.target(sample)
        if not (target != self.ignore_index).any():
            return None
        logits = self.baseline.scores(sample.image, sample.id)
        return F.cross_entropy(logits[None], target[None], ignore_index=self.ignore_index)

    def write(self, folder: Path, trained_on: TrainedOn) -> Path:
        """Write what ``--model.baseline.checkpoint`` takes into a folder of the run's."""
        path = self.baseline.save(folder / BASELINE)
        files = weight_files(path) if path.is_dir() else [path]
        note_trained_on([file for file in files if file.suffix == ".safetensors"], trained_on)
        return path
