"""A decoder's training that goes on is an unbroken one, and goes on with the options that it had."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import RunCli, refuses
from tests.finetune.demo_fit import SGD, Make, curve
from tests.finetune.snapshots import SNAPSHOT, put_back


def test_going_on_gives_the_weights_of_an_unbroken_run(run_cli: RunCli, tmp_path: Path) -> None:
    words = ("fit", *SGD, "--data.training.views", 2, "--model.noise", 1, "--model.truth", 0.5, "--model.average", 0.7)
    words += ("--data.subset", 1, "--data.training.subset", 2, "--data.training.batch_size", 1)
    assert run_cli(*words, *SNAPSHOT, "--trainer.max_epochs", 2, "--output_dir", tmp_path / "parts").code == 0
    put_back(tmp_path / "parts")
    last = tmp_path / "parts/checkpoints/last.ckpt"
    assert not (tmp_path / "parts/adapter.safetensors").exists()
    first = torch.load(last, weights_only=True)
    assert first["epoch"] == 0
    half = {name.removeprefix("sam.model."): weight for name, weight in first["state_dict"].items()}
    outcome = run_cli(*words, "--trainer.max_epochs", 2, "--output_dir", tmp_path / "parts", "--ckpt_path", last)
    assert outcome.code == 0, outcome.err
    whole, parts = (load_file(tmp_path / name / "adapter.safetensors") for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert whole.keys() == half.keys()
    assert any(not torch.equal(whole[name], half[name]) for name in whole)
    # What is at its end is not gone on with, and its weights are the average all the same.
    (tmp_path / "parts/adapter.safetensors").unlink()
    outcome = run_cli(*words, "--trainer.max_epochs", 2, "--output_dir", tmp_path / "parts", "--ckpt_path", last)
    assert outcome.code == 0, outcome.err
    again = load_file(tmp_path / "parts/adapter.safetensors")
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    columns = ("epoch", "step", "val/miou", "train/loss")
    for ours, theirs in zip(curve(tmp_path / "parts"), curve(tmp_path / "whole"), strict=True):
        assert [ours[column] for column in columns] == [theirs[column] for column in columns]
        assert ours["val/miou"]


# The quicker one is above: a training that was stopped after an epoch.
@pytest.mark.slow
def test_a_training_that_has_ended_goes_on_with_more_epochs(run_cli: RunCli, tmp_path: Path) -> None:
    """With a constant rate more epochs are those of a longer training."""
    words = ("fit", *SGD, "--data.subset", 1, "--data.training.subset", 2, "--data.training.batch_size", 1)
    words += ("--data.training.views", 2, "--model.noise", 1, "--model.average", 0.7)
    last = tmp_path / "parts/checkpoints/last.ckpt"
    for folder, epochs, *more in (("whole", 2), ("parts", 1), ("parts", 2, "--ckpt_path", last)):
        outcome = run_cli(*words, "--trainer.max_epochs", epochs, "--output_dir", tmp_path / str(folder), *more)
        assert outcome.code == 0, outcome.err
        if epochs == 1:
            half = load_file(tmp_path / "parts/adapter.safetensors")
    whole, parts = (load_file(tmp_path / name / "adapter.safetensors") for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert any(not torch.equal(whole[name], half[name]) for name in whole)
    columns = ("epoch", "step", "val/miou", "train/loss")
    ours, theirs = (curve(tmp_path / name) for name in ("parts", "whole"))
    assert [[row[column] for column in columns] for row in ours] == [
        [row[column] for column in columns] for row in theirs
    ]


def test_other_options_cannot_be_gone_on_with(trained: Path, make_module: Make) -> None:
    def go_on(**options: Any) -> None:
        checkpoint = torch.load(trained / "checkpoints/last.ckpt", weights_only=True)
        module = make_module(**options)
        module.on_load_checkpoint(checkpoint)
        module.load_state_dict(checkpoint["state_dict"])

    go_on(average=0.5)
    other = "of another model, or of other parts of it"
    refuses(lambda: go_on(trained=["prompt_encoder"], average=0.5), other)
    refuses(go_on, "give model.average as it was")
