"""What cannot be trained, or not with these options, is refused in a line."""

from pathlib import Path
from typing import Any

import pytest
from lightning import Trainer

from lit_samseg.callbacks.training_writer import check_trainable
from lit_samseg.data import Scenes
from tests.conftest import PROJECT, RunCli, refuses
from tests.finetune.demo_fit import CONFIG, Make

IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"variants": ["none@crf"]}, "nothing to train it for"),
    ({"trained": []}, "model.trained is []"),
    ({"truth": 2.0}, "model.truth is in 0..1"),
    ({"lr": 0.0}, "model.lr is 0"),
    ({"average": 1.0}, "model.average is 1"),
]


@pytest.mark.parametrize(("options", "complaint"), IMPOSSIBLE)
def test_options_that_cannot_be(make_module: Make, options: dict[str, Any], complaint: str) -> None:
    refuses(lambda: make_module(**options), complaint)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        # By default `test_an_evaluation_is_not_trained` refuses it.
        pytest.param(
            ("--config", PROJECT / "configs/demo.yaml"),
            "SamSegEvaluation has nothing to train",
            marks=pytest.mark.slow,
        ),
        # By default `test_options_that_cannot_be` refuses it.
        pytest.param(
            ("--config", CONFIG, "--model.variants", "[none@crf]"), "nothing to train it for", marks=pytest.mark.slow
        ),
        # By default tests/cache refuses it.
        pytest.param(
            ("--config", CONFIG, "--model.cache_max_gb", 0), "model.cache_max_gb is 0", marks=pytest.mark.slow
        ),
        # By default `test_a_precision_around_all_is_refused` refuses it.
        pytest.param(
            ("--config", CONFIG, "--trainer.precision", "bf16-mixed"),
            "set --model.sam.precision bf16",
            marks=pytest.mark.slow,
        ),
        # By default tests/data/test_training_images.py refuses them.
        pytest.param(
            ("--config", CONFIG, "--data.split", "train"), "images are both in training", marks=pytest.mark.slow
        ),
        (("--config", CONFIG, "--ckpt_path", "no.ckpt"), "no.ckpt"),
        (("--config", CONFIG, "--resume", True), "goes on with --ckpt_path"),
    ],
)
def test_what_cannot_be_trained(run_cli: RunCli, tmp_path: Path, words: tuple[object, ...], complaint: str) -> None:
    outcome = run_cli("fit", *words, "--output_dir", tmp_path / "run")
    assert outcome.code == 2, outcome.err
    assert complaint in outcome.err
    assert outcome.err.count("\n") == 1


def test_an_evaluation_is_not_trained(make_module: Make) -> None:
    module = make_module()
    check_trainable(module)
    refuses(lambda: check_trainable(module.evaluation), "SamSegEvaluation has nothing to train")


def test_a_precision_around_all_is_refused(make_module: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    module = make_module()
    trainer = Trainer(logger=False, accelerator="cpu", enable_checkpointing=False)
    trainer.datamodule = data = Scenes(size=1, split="val")  # type: ignore[attr-defined]
    data.setup("fit")
    monkeypatch.setattr(module, "_trainer", trainer)
    monkeypatch.setattr("lit_samseg.finetune.validated.look_for_training_files", lambda baseline, data: None)
    module.on_fit_start()
    monkeypatch.setattr(Trainer, "precision", "bf16-mixed")
    refuses(module.on_fit_start, "trainer.precision is bf16-mixed", "set --model.sam.precision bf16")
