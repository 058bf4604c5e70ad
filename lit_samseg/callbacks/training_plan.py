"""What a training will do by the trainer's limits, before it does it."""

import math
from dataclasses import dataclass
from typing import Any

from lightning import Trainer


@dataclass(frozen=True)
class TrainingPlan:
    """How much is trained on and validated with.

    Attributes:
        images: Images of an epoch, or of the training where that is shorter; 0 where there is no step.
        all_images: Images there are to train on.
        drawn_anew: Each epoch draws its images from all of them.
        views: Views that they come in.
        together: Images of a step.
        steps: Steps in all; infinity for a training that is stopped by somebody.
        epochs: Epochs that are begun, likewise.
        validated: Images of a validation; 0 where there is none.
        all_validated: Images there are to validate with.
        validated_before: There is a whole validation before the first epoch.
        validated_later: There is one in the training, or at its end.
    """

    images: int
    all_images: int
    drawn_anew: bool
    views: int
    together: int
    steps: float
    epochs: float
    validated: int
    all_validated: int
    validated_before: bool
    validated_later: bool

    def __str__(self) -> str:
        return f"{self._training}; {self._validation}"

    @property
    def _training(self) -> str:
        if not self.images:
            return "trains on nothing"
        number = count(self.all_images, "image")
        if self.images < self.all_images:
            number = f"{self.images:,} of {number}" + (" an epoch" if self.drawn_anew and self.epochs > 1 else "")
        steps = f"{count(int(self.steps), 'step')} in all" if math.isfinite(self.steps) else "until it is stopped"
        return f"trains on {number} in {count(self.views, 'view')}, {count(self.together, 'image')} a step, {steps}"

    @property
    def _validation(self) -> str:
        if not self.validated:
            return "validates nothing"
        number = count(self.all_validated, "image")
        if self.validated < self.all_validated:
            number = f"{self.validated:,} of {number}"
        return f"validates with {number}" + ("" if self.validated_later else " before the first epoch, and not again")


def plan_of(trainer: Trainer) -> TrainingPlan:
    """Read the plan of a training that is about to begin.

    Raises:
        MisconfigurationException: A share of the training's batches is less than one.
    """
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    training, world = data.training, trainer.world_size
    # An endless training has not counted its batches by now.
    trainer.fit_loop.setup_data()
    batches = int(trainer.num_training_batches) if trainer.limit_train_batches else 0
    own_steps = math.ceil(batches / trainer.accumulate_grad_batches)
    steps = _smaller((trainer.max_epochs, own_steps), (trainer.max_steps, 1)) if batches else 0
    epochs = math.ceil(steps / own_steps) if steps and math.isfinite(steps) else steps
    all_images, in_turn = len(data.training_data.ids), training.batch_size * world
    together = min(trainer.accumulate_grad_batches, batches) * in_turn
    # To overfit, Lightning takes the same images each time, as they are.
    drawn_anew = not trainer.overfit_batches  # type: ignore[attr-defined]
    views = int(min(training.views, epochs)) if drawn_anew else 1
    if drawn_anew and training.balance:
        # An image that comes again in an epoch is in its next view.
        views = training.views
    validated = _validated(trainer) if trainer.enable_validation else 0
    before = trainer.num_sanity_val_steps == math.inf and not trainer.ckpt_path
    later = _first_validation(trainer, batches) <= _batches_until(steps, batches, own_steps, trainer)
    return TrainingPlan(
        images=int(min(all_images, batches * in_turn, steps * together)),
        all_images=all_images,
        drawn_anew=drawn_anew,
        views=views,
        together=together,
        steps=steps,
        epochs=epochs,
        validated=validated if before or later else 0,
        all_validated=len(data.ids),
        validated_before=before,
        validated_later=later,
    )


def _smaller(*limits: tuple[int | None, int]) -> float:
    """Return the smaller of two limits, each a number of things and what one counts; -1 and None are no limit."""
    return min(math.inf if number in (None, -1) else number * each for number, each in limits)


def _validated(trainer: Trainer) -> int:
    """Return how many images all processes together validate with."""
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    number, limit = 0, trainer.limit_val_batches
    for rank in range(trainer.world_size):
        own = len(data.share(rank, trainer.world_size))
        batches = math.ceil(own / data.batch_size)
        # As Lightning counts: a whole number is one of batches, a fraction a share of them.
        batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
        number += min(own, batches * data.batch_size)
    return number


def _first_validation(trainer: Trainer, batches: int) -> float:
    """Return the number of the batch after which the first validation of the training comes."""
    if not trainer.enable_validation:
        return math.inf
    every = trainer.val_check_batch
    if every is None:
        # By the clock: nobody knows.
        return 0
    epochs = trainer.check_val_every_n_epoch
    return every if epochs is None else (epochs - 1) * batches + min(every, batches)


def _batches_until(steps: float, batches: int, own_steps: int, trainer: Trainer) -> float:
    """Return how many batches a training of so many steps takes; -1 for none, which is before any validation."""
    if not steps or math.isinf(steps):
        return steps or -1
    whole, rest = divmod(int(steps), own_steps)
    return whole * batches + min(batches, rest * trainer.accumulate_grad_batches)


def count(number: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
