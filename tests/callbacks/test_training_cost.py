"""What is said of a training before and after its first steps, by a clock that is wound by hand."""

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.callbacks import training_cost
from lit_samseg.callbacks.training_cost import TrainingCost, in_time
from lit_samseg.data import Scenes
from lit_samseg.data.training import Training
from lit_samseg.finetune import GateFinetune, SegmenterFinetune
from lit_samseg.finetune.validated import ValidatedModule
from lit_samseg.sam import SegmentAnything

Begun = Callable[[TrainingCost, Any, ValidatedModule], None]


class Clock:
    """Tells the seconds it is set to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def modules() -> dict[str, ValidatedModule]:
    baseline, sam = MobileNetV2DeepLab("demo"), SegmentAnything("demo")
    options: dict[str, Any] = {"class_names": Scenes.class_names, "background": 0}
    return {"gate": GateFinetune(baseline, sam, **options), "segmenter": SegmenterFinetune(baseline, **options)}


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_cost, "peak_memory_mb", lambda device: {"cpu": 2560.0, "cuda": 512.0})


def trainer(**changed: Any) -> Any:
    data = Scenes(size=9, split="val", subset=2, training=Training(batch_size=3, views=2))
    data.setup("fit")
    facts = {
        "datamodule": data, "world_size": 2, "accumulate_grad_batches": 4,
        "fit_loop": SimpleNamespace(setup_data=lambda: None), "limit_train_batches": 1.0, "limit_val_batches": 1.0,
        "overfit_batches": 0, "enable_validation": True, "val_check_batch": 10, "ckpt_path": None,
        "fast_dev_run": False, "checkpoint_callbacks": [], "is_global_zero": True, "num_sanity_val_steps": math.inf,
        "max_epochs": 5, "max_steps": -1, "current_epoch": 1, "num_training_batches": 10, "check_val_every_n_epoch": 2,
        "is_last_batch": False,
    }  # fmt: skip
    return SimpleNamespace(**facts | changed)


@pytest.fixture
def begun(capsys: pytest.CaptureFixture[str]) -> Begun:
    """Begin a training; what is said of it then is left out."""

    def begin(cost: TrainingCost, run: Any, module: ValidatedModule) -> None:
        cost.on_sanity_check_start(run, module)
        assert capsys.readouterr().err.count("\n") == 2

    return begin


def steps(cost: TrainingCost, run: Any, module: ValidatedModule, clock: Clock, seconds: list[float]) -> None:
    """Take steps of three images; the first is slow, and so is what lies between two epochs."""
    clock.now += 60
    cost.on_sanity_check_end(run, module)
    clock.now += 1000
    cost.on_train_epoch_start(run, module)
    for n, took in enumerate(seconds):
        clock.now += took
        run.is_last_batch = n + 1 == run.num_training_batches
        cost.on_train_batch_end(run, module, None, [None] * 3, n)  # type: ignore[list-item]


def test_a_training_says_what_it_will_do(
    modules: dict[str, ValidatedModule], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = modules["segmenter"]
    weights = sum(weight.numel() for weight in module.baseline.parameters())
    TrainingCost(lambda: tmp_path).on_sanity_check_start(trainer(), module)
    assert capsys.readouterr().err == (
        "lit-samseg: trains on 9 images in 2 views, 24 images a step, 15 steps in all; validates with 2 images\n"
        f"lit-samseg: trains {weights:,} weights; writes baseline, curve.csv and config.yaml into {tmp_path}\n"
    )
    TrainingCost(lambda: tmp_path).on_sanity_check_start(trainer(max_epochs=-1), module)
    assert "24 images a step, until it is stopped; validates" in capsys.readouterr().err
    TrainingCost(lambda: tmp_path).on_sanity_check_start(trainer(is_global_zero=False), module)
    assert capsys.readouterr().err == ""
    # Once; and where nothing is validated before, at the first epoch.
    cost = TrainingCost(lambda: tmp_path)
    cost.on_train_start(trainer(), module)
    assert "24 images a step, 15 steps in all" in capsys.readouterr().err
    cost.on_train_start(trainer(), module)
    assert capsys.readouterr().err == ""


def test_the_first_steps_tell_how_long_it_takes(
    modules: dict[str, ValidatedModule], begun: Begun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cost, clock, run = TrainingCost(lambda: tmp_path, clock := Clock()), clock, trainer()
    begun(cost, run, modules["segmenter"])
    steps(cost, run, modules["segmenter"], clock, [50.0, 2.0, 4.0, 3.0, 3.0])
    assert capsys.readouterr().err == ""
    run.is_last_batch = False
    for n in (5, 6, 7):
        clock.now += 3.0
        cost.on_train_batch_end(run, modules["segmenter"], None, [None] * 3, n)  # type: ignore[list-item]
    # Five steps in 15 s are 1 s an image. Of 4 epochs with 10 steps each 6 were taken, and 2 validations come.
    left = (4 * 10 - 6) * 3 * 1.0 + 2 * 60
    assert left == 222
    assert capsys.readouterr().err == (
        "lit-samseg: 1 s an image and 60 s a validation: about 4 min are left, measured again in epoch "
        "4; memory so far 2.5 GB cpu, 0.5 GB cuda\n"
    )
    # In the next epoch nothing is said. In the one after it both views were seen: (2 * 10 - 6) * 3 * 0.2 + 60 s.
    for epoch, said in ((2, ""), (3, "lit-samseg: 0.2 s an image and 60 s a validation: about 68 s are left; memory")):
        run.current_epoch, clock.now = epoch, clock.now + 500
        cost.on_train_epoch_start(run, modules["segmenter"])
        for n in range(8):
            clock.now += 0.6
            cost.on_train_batch_end(run, modules["segmenter"], None, [None] * 3, n)  # type: ignore[list-item]
        err = capsys.readouterr().err
        assert err.startswith(said)
        assert err.count("\n") == bool(said)


def test_short_epochs_and_trainings_without_an_end(
    modules: dict[str, ValidatedModule], begun: Begun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trainer(num_training_batches=3, num_sanity_val_steps=2, max_epochs=2, check_val_every_n_epoch=1)
    cost, clock = TrainingCost(lambda: tmp_path, clock := Clock()), clock
    begun(cost, run, modules["gate"])
    steps(cost, run, modules["gate"], clock, [50.0, 6.0, 12.0])
    # One epoch is left when it begins, all of its steps are done, and nobody knows how long a validation takes.
    expected = (
        "lit-samseg: 3 s an image: about 0 s are left and the fit of each epoch; memory so far 2.5 GB cpu, 0.5 GB"
    )
    assert capsys.readouterr().err == f"{expected} cuda\n"
    # With a step an epoch the first one of the second is measured.
    run = trainer(num_training_batches=1, num_sanity_val_steps=2, max_steps=7)
    cost, clock = TrainingCost(lambda: tmp_path, clock := Clock()), clock
    begun(cost, run, modules["segmenter"])
    steps(cost, run, modules["segmenter"], clock, [50.0])
    clock.now += 500
    cost.on_train_epoch_start(run, modules["segmenter"])
    assert capsys.readouterr().err == ""
    clock.now += 1.5
    cost.on_train_batch_end(run, modules["segmenter"], None, [None] * 3, 0)  # type: ignore[list-item]
    assert capsys.readouterr().err == "lit-samseg: 0.5 s an image; memory so far 2.5 GB cpu, 0.5 GB cuda\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (0.04, "0.04 s"), (0.7, "0.7 s"), (59.6, "60 s"), (90, "2 min"), (5399, "90 min"), (9000, "2.5 h")],
)
def test_durations_in_words(seconds: float, text: str) -> None:
    assert in_time(seconds) == text


def test_memory_is_asked_of_where_the_module_is(
    modules: dict[str, ValidatedModule], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[torch.device] = []
    monkeypatch.setattr(training_cost, "peak_memory_mb", lambda device: asked.append(device) or {})
    cost, clock = TrainingCost(lambda: tmp_path, clock := Clock()), clock
    steps(cost, trainer(), modules["segmenter"], clock, [1.0] * 6)
    assert asked == [torch.device("cpu")]
