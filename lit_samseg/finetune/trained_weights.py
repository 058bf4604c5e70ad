"""What a checkpoint has of a training: the weights that are trained and their average, and which images they saw."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.finetune.moving_average import MovingAverage
from lit_samseg.finetune.training_images import TrainingImages
from lit_samseg.runtime.fp32_module import Fp32Module

CURRENT = "current_weights"
"""Of a checkpoint: the weights that are trained on, where its ``state_dict`` is their average."""


class TrainedWeights(Fp32Module):
    """A module of which checkpoints hold what is trained, and nothing of its frozen networks.

    Args:
        average: Part that a moving average of the weights keeps at each step; 0 for none.

    Attributes:
        average: The moving average, or None.
        images: What it is trained on.

    Raises:
        InputError: ``average`` is out of its range.
    """

    def __init__(self, average: float) -> None:
        super().__init__()
        if not 0 <= average < 1:
            raise InputError(f"model.average is {average}; it is 0 or more, and below 1")
        self.average = MovingAverage(average) if average else None
        self.images = TrainingImages()
        # Part of what is trained may be missing from a checkpoint of another choice; `load_state_dict` looks itself.
        self.strict_loading = False

    @abstractmethod
    def write(self, folder: Path, trained_on: TrainedOn) -> Path:
        """Write what ``lit-samseg test`` takes, and return where.

        Args:
            folder: The run's.
            trained_on: The training images.
        """

    def trained_weights(self) -> dict[str, nn.Parameter]:
        """Return what is trained, by name."""
        return {name: weight for name, weight in self.named_parameters() if weight.requires_grad}

    def on_train_batch_start(self, batch: list[Sample], batch_idx: int) -> None:
        """Take down which images are trained on."""
        self.images.see(batch)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Let the average follow each step."""
        super().optimizer_step(*args, **kwargs)
        if self.average is not None:
            self.average.update(self.trained_weights())

    def swap_average(self) -> None:
        """Put the average in the weights' place, or them in its place again."""
        if self.average is not None:
            self.average.swap(self.trained_weights())

    def on_train_end(self) -> None:
        """What is left in the end is the average."""
        self.settle()

    def settle(self) -> None:
        """Put the average in the weights' place, for good; a second time it does nothing."""
        if self.average is not None:
            self.swap_average()
            self.average.weights = {}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say in the checkpoint which images it was trained on; ``state_dict`` is the average, if there is one."""
        if self.trainer.is_global_zero:
            checkpoint["trained_on"] = self.images.whole().listed()
        if self.average is not None and self.average.weights:
            checkpoint[CURRENT], checkpoint["state_dict"] = checkpoint["state_dict"], dict(self.average.weights)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the weights that were trained, and with their average.

        Raises:
            InputError: The checkpoint has an average and this run keeps none, or the other way round.
        """
        self.images.earlier |= TrainedOn.read(checkpoint["trained_on"])
        if (CURRENT in checkpoint) != (self.average is not None):
            raise InputError(
                "the checkpoint has "
                + ("a moving average" if CURRENT in checkpoint else "no moving average")
                + " of the weights; give model.average as it was"
            )
        if self.average is not None:
            self.average.weights = checkpoint["state_dict"]
            checkpoint["state_dict"] = checkpoint.pop(CURRENT)

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """What was trained, and nothing of the frozen networks."""
        return {name: weight.detach() for name, weight in self.trained_weights().items()}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Take what was trained.

        Raises:
            InputError: The checkpoint is of other weights.
        """
        own = self.trained_weights()
        if own.keys() != state_dict.keys() or any(own[name].shape != state_dict[name].shape for name in own):
            raise InputError("the checkpoint is of another model, or of other parts of it; give the options it had")
        with torch.no_grad():
            for name, weight in own.items():
                weight.copy_(state_dict[name])
        return super().load_state_dict({}, strict=False)
