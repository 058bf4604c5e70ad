"""What a training will do and cost: said before its first epoch, and again when its first steps were measured."""

import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from lit_samseg.callbacks.training_plan import TrainingPlan, count, plan_of
from lit_samseg.data import Sample
from lit_samseg.finetune.fitted import FittedModule
from lit_samseg.finetune.validated import ValidatedModule
from lit_samseg.runtime.memory import peak_memory_mb

MEASURED = 5
"""Steps that are measured. The first one is left out: what is made once is made in it."""


class TrainingCost(Callback):
    """Says on standard error what a training will do, and after its first steps how long that will take.

    Args:
        folder: Tells the run's folder, which the first process decides.
        clock: Tells seconds.
    """

    def __init__(self, folder: Callable[[], Path], clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._clock = folder, clock
        self._mark = self._seconds = 0.0
        self._steps = self._images = 0
        self._validation: float | None = None
        self._announced = False
        self._first: int | None = None

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say what is begun, and begin to measure a validation."""
        self._announce(trainer, pl_module)
        self._mark = self._clock()

    def on_sanity_check_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Know how long one takes, if it was a whole one."""
        if trainer.num_sanity_val_steps == math.inf:
            self._validation = self._clock() - self._mark

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say what is begun, where nothing was validated before."""
        if not self._announced:
            self._announce(trainer, pl_module)

    def _announce(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say how much is trained on what, and what will be written where.

        Not before the module has begun: what it refuses is refused in one line.
        """
        self._announced = True
        assert isinstance(pl_module, ValidatedModule)
        plan = plan_of(trainer)
        _say(trainer, str(plan))
        files = [pl_module.leaves, *(f"checkpoints/{name}.ckpt" for name in _checkpoints(trainer, plan))]
        # The curve has a line for the validation before, and one for each epoch.
        files += ["curve.csv"] if plan.images or plan.validated else []
        weights = sum(weight.numel() for weight in pl_module.trained_weights().values())
        text = f"trains {count(weights, 'weight')}; " if plan.images else ""
        _say(trainer, f"{text}writes {', '.join(files)} and config.yaml into {self._folder()}")

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to measure steps, and again when all views were seen once: what is kept of them costs nothing then."""
        self._mark = self._clock()
        if self._first is None:
            self._first = trainer.current_epoch
        elif trainer.current_epoch == self._seen_after(trainer):
            self._steps = self._images = 0
            self._seconds = 0.0

    def _seen_after(self, trainer: Trainer) -> int:
        """Return the first epoch whose views were all seen before."""
        assert self._first is not None, "an epoch has begun"
        views: int = trainer.datamodule.training.views  # type: ignore[attr-defined]
        return self._first + views

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: list[Sample], batch_idx: int
    ) -> None:
        """Say how long the rest will take, once enough steps were measured, or all of an epoch."""
        now = self._clock()
        self._steps += 1
        if 1 < self._steps <= MEASURED + 1:
            self._seconds += now - self._mark
            self._images += len(batch)
            if self._steps == MEASURED + 1 or trainer.is_last_batch:
                self._steps = MEASURED + 1
                self._tell(trainer, pl_module, self._seconds / max(1, self._images), batch_idx + 1)
        self._mark = now

    def _tell(self, trainer: Trainer, pl_module: LightningModule, seconds: float, done: int) -> None:
        text = f"{seconds:.2g} s an image"
        if self._validation is not None:
            text += f" and {in_time(self._validation)} a validation"
        # Otherwise nobody knows when it ends.
        if trainer.max_epochs not in (None, -1) and trainer.max_steps == -1:
            epochs = trainer.max_epochs - trainer.current_epoch
            images = (epochs * trainer.num_training_batches - done) * trainer.datamodule.training.batch_size  # type: ignore[attr-defined]
            validations = epochs // (trainer.check_val_every_n_epoch or 1)
            text += f": about {in_time(images * seconds + validations * (self._validation or 0.0))} are left"
            text += " and the fit of each epoch" if isinstance(pl_module, FittedModule) else ""
            if trainer.current_epoch < (again := self._seen_after(trainer)) < trainer.max_epochs:
                text += f", measured again in epoch {again + 1}"
        peaks = peak_memory_mb(pl_module.device)
        memory = ", ".join(f"{megabytes / 1024:.1f} GB {kind}" for kind, megabytes in peaks.items())
        _say(trainer, f"{text}; memory so far {memory}")


def in_time(seconds: float) -> str:
    """Return a duration in words."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1g} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _checkpoints(trainer: Trainer, plan: TrainingPlan) -> list[str]:
    """Return the names of the checkpoints that will be written."""
    if trainer.fast_dev_run or not plan.images:  # type: ignore[attr-defined]
        return []
    own = [c for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint) and c.filename]
    # Where nothing is validated, no epoch is the best.
    return [c.filename for c in own if c.filename and (plan.validated_later or not _is_of_validation(c.monitor))]


def _is_of_validation(monitor: str | None) -> bool:
    return monitor is not None and monitor.startswith("val/")


def _say(trainer: Trainer, line: str) -> None:
    if trainer.is_global_zero:
        print(f"lit-samseg: {line}", file=sys.stderr)
