"""What ``fit`` says before it begins, against what it leaves behind."""

import csv
import re
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from lit_samseg.checkpoints.trained_on import TrainedOn
from tests.conftest import PROJECT, RunCli

FIT = (
    *("fit", "--config", PROJECT / "configs/demo_finetune.yaml", "--data.subset", 2, "--data.batch_size", 1),
    *("--data.training.subset", 4, "--data.training.batch_size", 2, "--trainer.max_epochs", 1),
)


class Announced(NamedTuple):
    """What was said, what was trained on, and which lines of the curve have scores."""

    text: str
    trained_on: int
    validated: list[bool]


def announced(run_cli: RunCli, folder: Path, *words: object) -> Announced:
    """Fit, and check that the files that were announced are those that are there."""
    outcome = run_cli(*FIT, *words, "--output_dir", folder)
    assert outcome.code == 0, outcome.err
    plan, files = re.findall(r"lit-samseg: (.*)\n", outcome.err)[:2]
    match = re.fullmatch(rf"(?:trains [\d,]+ weights; )?writes (.*) and config.yaml into {folder}", files)
    assert match
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {*match[1].split(", "), "config.yaml"} == there
    with (folder / "curve.csv").open() as file:
        validated = [bool(row.get("val/miou")) for row in csv.DictReader(file)]
    last = folder / "checkpoints/last.ckpt"
    trained_on = TrainedOn.read(torch.load(last, weights_only=True)["trained_on"]) if last.is_file() else TrainedOn()
    # All images are listed, and those that were read with their pixels.
    images = sum(digest is not None for digest in trained_on.digests.values())
    return Announced(plan, images, validated)


def test_nothing_is_validated(run_cli: RunCli, tmp_path: Path) -> None:
    found = announced(run_cli, tmp_path / "run", "--trainer.limit_val_batches", 0)
    assert found.text == "trains on 4 images in 1 view, 2 images a step, 2 steps in all; validates nothing"
    assert found == (found.text, 4, [False])
    assert not (tmp_path / "run/checkpoints/best.ckpt").exists()


def test_some_is_validated_and_trained_on(run_cli: RunCli, tmp_path: Path) -> None:
    words = ("--trainer.limit_val_batches", 1, "--trainer.limit_train_batches", 0.5)
    found = announced(run_cli, tmp_path / "run", *words)
    expected = "trains on 2 of 4 images in 1 view, 2 images a step, 1 step in all; validates with 1 of 2 images"
    assert found == (expected, 2, [True, True])


# Lightning says of the best checkpoint that there is none.
@pytest.mark.filterwarnings("ignore:.*could not find the monitored key")
def test_a_training_that_ends_before_its_validation(run_cli: RunCli, tmp_path: Path) -> None:
    found = announced(run_cli, tmp_path / "run", "--trainer.max_steps", 1)
    expected = (
        "trains on 2 of 4 images in 1 view, 2 images a step, 1 step in all; validates with 2 images before the first "
        "epoch, and not again"
    )
    assert found == (expected, 2, [True, False])


@pytest.mark.slow
def test_a_training_of_nothing(run_cli: RunCli, tmp_path: Path) -> None:
    found = announced(run_cli, tmp_path / "run", "--trainer.limit_train_batches", 0)
    assert found == ("trains on nothing; validates with 2 images before the first epoch, and not again", 0, [True])


@pytest.mark.slow
def test_a_dry_run_writes_no_checkpoint(run_cli: RunCli, tmp_path: Path) -> None:
    found = announced(run_cli, tmp_path / "run", "--trainer.fast_dev_run", True)
    expected = "trains on 2 of 4 images in 1 view, 2 images a step, 1 step in all; validates with 1 of 2 images"
    assert found == (expected, 0, [True])


@pytest.mark.slow
def test_a_checkpoint_of_the_users_own_needs_no_validation(run_cli: RunCli, tmp_path: Path) -> None:
    own = ("--trainer.callbacks+=ModelCheckpoint", "--trainer.callbacks.filename", "mine")
    own += ("--trainer.callbacks.dirpath", tmp_path / "run/checkpoints", "--trainer.callbacks.monitor", "train/loss")
    found = announced(run_cli, tmp_path / "run", "--trainer.limit_val_batches", 0, *own)
    assert found.text.endswith("validates nothing")
    assert (tmp_path / "run/checkpoints/mine.ckpt").is_file()
