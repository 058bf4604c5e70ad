"""What is said that a training will do, against what Lightning then does."""

import math
from datetime import timedelta
from typing import Any

import pytest
from lightning import Callback, LightningModule, Trainer

from lit_samseg.callbacks.training_plan import TrainingPlan, plan_of
from lit_samseg.data import Sample, Scenes
from lit_samseg.data.training import Training
from tests.data.test_training import Recorder, few_workers

WHOLE = {"max_epochs": 3, "num_sanity_val_steps": -1}


class Watched(Recorder):
    """Keeps what it was validated with before the first epoch apart."""

    def __init__(self) -> None:
        super().__init__()
        self.before: list[str] = []

    def validation_step(self, batch: list[Sample], index: int) -> None:
        if self.trainer.sanity_checking:
            self.before += [sample.id for sample in batch]
        else:
            super().validation_step(batch, index)


class Announcing(Callback):
    """Asks for the plan when `TrainingCost` does."""

    plan: TrainingPlan | None = None

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.plan = plan_of(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.plan = self.plan or plan_of(trainer)


def carry_out(training: Training, **options: Any) -> tuple[TrainingPlan, Watched, Trainer]:
    """Train with five images, and validate with three that come in two batches."""
    data = Scenes(size=5, split="val", subset=3, batch_size=2, num_workers=0, training=training)
    module, announcing = Watched(), Announcing()
    trainer = Trainer(
        accelerator="cpu", devices=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[announcing], **WHOLE | options,
    )  # fmt: skip
    trainer.fit(module, data)
    assert announcing.plan is not None
    return announcing.plan, module, trainer


@few_workers
@pytest.mark.filterwarnings("ignore:You requested to overfit")
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "trains on 5 images in 2 views, 2 images a step, 9 steps in all; validates with 3 images"),
        ({"limit_val_batches": 0}, "9 steps in all; validates nothing"),
        ({"limit_val_batches": 1}, "9 steps in all; validates with 2 of 3 images"),
        ({"limit_val_batches": 0.5}, "9 steps in all; validates with 2 of 3 images"),
        ({"limit_val_batches": 7}, "9 steps in all; validates with 3 images"),
        ({"num_sanity_val_steps": 0}, "9 steps in all; validates with 3 images"),
        ({"limit_train_batches": 1}, "trains on 2 of 5 images an epoch in 2 views, 2 images a step, 3 steps in all; v"),
        ({"limit_train_batches": 0.7, "max_epochs": 1}, "trains on 4 of 5 images in 1 view, 2 images a step, 2 steps"),
        ({"max_steps": 2}, "2 steps in all; validates with 3 images before the first epoch, and not again"),
        ({"max_epochs": 0}, "trains on nothing; validates with 3 images before the first epoch, and not again"),
        ({"max_steps": 2, "num_sanity_val_steps": 1}, "trains on 4 of 5 images in 1 view, 2 images a step, 2 steps in"),
        ({"max_steps": 2, "num_sanity_val_steps": 0}, "trains on 4 of 5 images in 1 view, 2 images a step, 2 steps in"),
        ({"max_steps": 3}, "3 steps in all; validates with 3 images"),
        ({"max_steps": 4}, "trains on 5 images in 2 views, 2 images a step, 4 steps in all; validates with 3 images"),
        ({"max_steps": 4, "max_epochs": -1}, "4 steps in all; validates with 3 images"),
        ({"max_steps": 0}, "trains on nothing; validates with 3 images before the first epoch, and not again"),
        ({"accumulate_grad_batches": 2}, "trains on 5 images in 2 views, 4 images a step, 6 steps in all"),
        ({"accumulate_grad_batches": 2, "max_steps": 3}, "4 images a step, 3 steps in all; validates with 3 images"),
        ({"accumulate_grad_batches": 2, "limit_train_batches": 1}, "2 of 5 images an epoch in 2 views, 2 images a st"),
        ({"check_val_every_n_epoch": 4}, "9 steps in all; validates with 3 images before the first epoch, and not ag"),
        ({"check_val_every_n_epoch": 3}, "9 steps in all; validates with 3 images"),
        ({"check_val_every_n_epoch": 2, "max_steps": 5}, "5 steps in all; validates with 3 images before the first"),
        ({"check_val_every_n_epoch": 2, "max_steps": 6}, "6 steps in all; validates with 3 images"),
        ({"check_val_every_n_epoch": None, "val_check_interval": 5, "max_steps": 4}, "before the first epoch, and not"),
        ({"check_val_every_n_epoch": None, "val_check_interval": 5, "max_steps": 5}, "; validates with 3 images"),
        ({"val_check_interval": 2, "max_steps": 2}, "4 of 5 images in 1 view, 2 images a step, 2 steps in all; valid"),
        (
            {"overfit_batches": 1},
            "trains on 2 of 5 images in 1 view, 2 images a step, 3 steps in all; validates with 2",
        ),
        ({"fast_dev_run": True}, "trains on 2 of 5 images in 1 view, 2 images a step, 1 step in all; validates with 2"),
    ],
)
def test_what_is_said_is_what_is_done(options: dict[str, Any], text: str) -> None:
    plan, done, trainer = carry_out(Training(batch_size=2, views=2), **options)
    assert text in str(plan)
    assert plan.steps == trainer.global_step
    assert plan.epochs == len(done.trained)
    positions = [{sample.position for sample in epoch} for epoch in done.trained]
    assert plan.images == max(map(len, positions), default=0)
    assert plan.all_images == 5
    if done.trained:
        assert plan.views == len({sample.view for epoch in done.trained for sample in epoch})
        # The last step of an epoch may have fewer.
        assert plan.together == min(2 * options.get("accumulate_grad_batches", 1), len(done.trained[0]))
    assert plan.validated_later == bool(done.validated)
    assert plan.validated_before == (trainer.num_sanity_val_steps == math.inf)
    assert plan.all_validated == 3
    validations = {len(set(ids)) for ids in ([done.before] if plan.validated_before else []) + done.validated}
    assert (validations or {0}) == {plan.validated}


@few_workers
def test_trainings_whose_end_is_open() -> None:
    """By the clock nobody knows whether a validation comes, and by hand nobody knows when the end does."""
    plan, done, _ = carry_out(Training(batch_size=2, views=2), val_check_interval=timedelta(seconds=1e-3), max_steps=1)
    assert plan.validated_later
    assert done.validated

    class Stopped(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            trainer.should_stop = True

    data = Scenes(size=5, split="val", subset=3, batch_size=2, num_workers=0, training=Training(batch_size=2))
    announcing = Announcing()
    trainer = Trainer(
        accelerator="cpu", devices=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[announcing, Stopped()], max_epochs=-1,
    )  # fmt: skip
    trainer.fit(Watched(), data)
    expected = "trains on 5 images in 4 views, 2 images a step, until it is stopped; validates with 3 images"
    assert str(announcing.plan) == expected


@few_workers
def test_a_balance_may_draw_the_second_view_in_the_first_epoch() -> None:
    plan, _, _ = carry_out(Training(batch_size=2, views=3, balance=0.5), max_epochs=1)
    assert "trains on 5 images in 3 views" in str(plan)
