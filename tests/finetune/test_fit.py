"""``lit-samseg fit`` on the built-in networks, through the real command line."""

import csv
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from lightning import Trainer
from PIL import Image
from safetensors.torch import load_file

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.callbacks.training_writer import check_trainable
from lit_samseg.data import Scenes
from lit_samseg.finetune import SamRefinerFinetune
from lit_samseg.sam import SegmentAnything
from tests.conftest import PROJECT, RunCli, made_once, refuses, run_quietly, save_indices
from tests.finetune.snapshots import SNAPSHOT, put_back

CONFIG = PROJECT / "configs" / "demo_finetune.yaml"
# No noise and no corruption: the same questions in each epoch, so that the loss says what was learnt.
PLAIN = ("--model.noise", 0, "--model.truth", 0, "--model.jitter", 0, "--data.training.views", 1)
STEADY = ("--optimizer", "SGD", "--optimizer.lr", 0.002, "--lr_scheduler", "ConstantLR", "--lr_scheduler.factor", 1)
SMALL = ("--data.subset", 2, "--data.training.subset", 4, "--data.training.batch_size", 2)
SGD = ("--config", CONFIG, *SMALL, *PLAIN, *STEADY)


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "curve.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three epochs over four scenes, with a moving average of the weights; only the last one is validated."""

    def make(folder: Path) -> None:
        words = ("--model.average", 0.5, "--model.lr", 0.004, "--trainer.max_epochs", 3, "--output_dir", folder)
        words += ("--trainer.check_val_every_n_epoch", 3)
        run_quietly("fit", "--config", CONFIG, *SMALL, *PLAIN, *words)

    return made_once(tmp_path_factory, "trained", make)


def test_the_loss_falls(trained: Path) -> None:
    rows = curve(trained)
    assert [row["epoch"] for row in rows] == list("0123")
    assert [row["step"] for row in rows] == ["0", "2", "4", "6"]
    losses = [float(row["train/loss"]) for row in rows[1:]]  # all have one
    assert losses[-1] < 0.9 * losses[0]
    assert rows[0]["train/loss"] == ""
    assert float(rows[-1]["val/miou"]) != float(rows[0]["val/miou"])
    # Epochs without a validation have no scores.
    assert [bool(row["val/miou"]) for row in rows] == [True, False, False, True]
    for row in (rows[0], rows[-1]):
        auto, baseline = row["val/point_box_margin.component.single.fuse-1.0/miou"], row["val/baseline/miou"]
        assert float(row["val/miou"]) == float(auto)
        assert float(row["val/gain"]) == pytest.approx(float(auto) - float(baseline))
    assert yaml.safe_load((trained / "config.yaml").read_text())["model"]["init_args"]["truth"] == 0
    assert not (trained / "frozen").exists()


def evaluated(run_cli: RunCli, folder: Path, *words: object) -> dict[str, Any]:
    outcome = run_cli(
        *("test", "--config", PROJECT / "configs/demo.yaml", "--data.split", "val", "--data.size", 30),
        *("--data.subset", 2, "--model.variants", "[point+box+margin@component/single/fuse=1.0]"),
        *("--model.save_predictions", True, "--model.analysis", False),
        *("--report", False, "--gallery", False, "--output_dir", folder, *words),
    )
    assert outcome.code == 0, outcome.err
    results: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return results


def maps(folder: Path) -> dict[str, np.ndarray]:
    return {
        str(path.relative_to(folder)): np.array(Image.open(path))
        for path in sorted((folder / "predictions").rglob("*.png"))
    }


def test_a_round_trip_gives_identical_maps(trained: Path, run_cli: RunCli, tmp_path: Path) -> None:
    """The validation's scores, the adapter's and the last checkpoint's are one; the frozen SAM's is another."""
    frozen = evaluated(run_cli, tmp_path / "frozen")
    adapter = evaluated(run_cli, tmp_path / "adapter", "--model.sam.adapter", trained / "adapter.safetensors")
    by_adapter = maps(tmp_path / "adapter")
    assert len(by_adapter) == 4
    # Equal weights draw equal maps.
    one, other = (
        SegmentAnything("demo", adapter=str(trained / name))
        for name in ("adapter.safetensors", "checkpoints/last.ckpt")
    )
    weights = other.state_dict()
    assert all(torch.equal(weight, weights[name]) for name, weight in one.state_dict().items())
    assert one.adapter is not None
    assert other.adapter is not None
    assert any(not np.array_equal(one, by_adapter[name]) for name, one in maps(tmp_path / "frozen").items())
    first, *_, final = curve(trained)
    # Embeddings are kept in half precision while something learns.
    assert frozen["rows"][1]["miou"] == pytest.approx(float(first["val/miou"]), abs=2e-4)
    assert adapter["rows"][1]["miou"] == pytest.approx(float(final["val/miou"]), abs=2e-4)
    assert adapter["rows"][0] == frozen["rows"][0]
    assert "adapter" not in frozen["sam"]
    assert adapter["sam"]["adapter"]["images"] == len(one.adapter.trained_on) == len(other.adapter.trained_on) == 4
    assert adapter["sam"]["adapter"]["file"] == str(trained / "adapter.safetensors")
    sizes = [path.stat().st_size for path in (trained / "checkpoints").iterdir()]
    # With the optimiser's two moments and what is averaged.
    assert max(sizes) < 5 * (trained / "adapter.safetensors").stat().st_size


def test_images_of_the_training_are_not_evaluated_on(trained: Path, run_cli: RunCli, tmp_path: Path) -> None:
    options = ("--data.size", 30, "--report", False, "--output_dir", tmp_path / "run")
    outcome = run_cli(
        *("test", "--config", PROJECT / "configs/demo.yaml", "--data.split", "train", *options),
        *("--model.sam.adapter", trained / "adapter.safetensors"),
    )
    assert outcome.code == 2
    assert "4 of the images were used to train" in outcome.err
    assert outcome.err.count("\n") == 1


def test_nor_are_they_under_other_names(trained: Path, run_cli: RunCli, tmp_path: Path) -> None:
    """In another folder, of another data set, called otherwise and written anew."""
    scenes = Scenes(size=30, split="train", subset=4)
    scenes.setup("test")
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for n, image_id in enumerate(scenes.ids[:2]):
        sample = scenes.read(image_id, with_target=True)
        assert sample.target is not None
        Image.fromarray(sample.image.permute(1, 2, 0).numpy()).save(tmp_path / f"images/x{n}.tif")
        save_indices(tmp_path / f"masks/x{n}.png", sample.target.numpy())
    words = (
        "--data",
        "lit_samseg.data.Folder",
        "--data.images",
        tmp_path / "images",
        "--data.masks",
        tmp_path / "masks",
    )
    words += ("--data.num_classes", len(Scenes.class_names), "--model", "lit_samseg.module.SamSegEvaluation")
    words += ("--model.baseline", "lit_samseg.baselines.MobileNetV2DeepLab", "--model.baseline.checkpoint", "demo")
    words += ("--model.sam", "lit_samseg.sam.SegmentAnything", "--model.sam.checkpoint", "demo")
    words += ("--model.sam.adapter", trained / "adapter.safetensors", "--output_dir", tmp_path / "run")
    outcome = run_cli("test", *words)
    assert outcome.code == 2
    assert f"2 of the images were used to train {trained / 'adapter.safetensors'}" in outcome.err
    assert f"(first: folder/x0, which has the pixels of scenes/train/{scenes.ids[0]})" in outcome.err
    assert outcome.err.count("\n") == 1
    # Without ground truth nothing is measured, and nothing refused.
    outcome = run_cli("predict", *words, "--trainer.enable_progress_bar", False)
    assert outcome.code == 0, outcome.err
    assert "used to train" not in outcome.err


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


def largest_difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


# By default an average is kept and read back in going on, above.
@pytest.mark.slow
def test_accumulated_steps_are_larger_batches_and_an_average_takes_each_in_once(
    run_cli: RunCli, tmp_path: Path
) -> None:
    batches = ("--data.training.batch_size", 1, "--trainer.accumulate_grad_batches", 2, "--model.average", 0.75)
    for name, *words in (
        ("first", "--trainer.max_epochs", 1, "--trainer.limit_train_batches", 1),
        ("both", "--trainer.max_epochs", 1),
        ("average", "--trainer.max_epochs", 1, *batches),
    ):
        assert run_cli("fit", *SGD, *words, "--output_dir", tmp_path / name).code == 0
    first, both, average = (load_file(tmp_path / name / "adapter.safetensors") for name in ("first", "both", "average"))
    checkpoint = torch.load(tmp_path / "average/checkpoints/last.ckpt", weights_only=True)
    current, averaged = (
        {name.removeprefix("sam.model."): weight for name, weight in checkpoint[key].items()}
        for key in ("current_weights", "state_dict")
    )
    assert largest_difference(both, first) > 1e-5
    # What is trained is the same, and its average is a quarter of the way from the first step to the second.
    assert largest_difference(both, current) < 1e-6
    assert largest_difference(average, averaged) == 0
    assert largest_difference(average, {name: 0.75 * first[name] + 0.25 * both[name] for name in first}) < 1e-6


# Lightning's own, by the number that `test_the_loss_falls` reads.
@pytest.mark.slow
def test_it_stops_early_where_nothing_is_gained(run_cli: RunCli, tmp_path: Path) -> None:
    early = (
        "--trainer.callbacks+=EarlyStopping",
        "--trainer.callbacks.monitor=val/miou",
        "--trainer.callbacks.mode=max",
    )
    words = ("--optimizer.lr", 1e-12, "--trainer.max_epochs", 4, "--output_dir", tmp_path)
    outcome = run_cli("fit", *SGD, *early, "--trainer.callbacks.patience=1", *words)
    assert outcome.code == 0, outcome.err
    assert [row["epoch"] for row in curve(tmp_path)] == list("012")
    assert (tmp_path / "adapter.safetensors").is_file()


# By default tests/sam computes in bf16, and fits are in fp32.
@pytest.mark.slow
def test_bf16_and_the_prompt_encoder(run_cli: RunCli, tmp_path: Path) -> None:
    outcome = run_cli(
        *("fit", *SGD, "--model.sam.precision", "bf16", "--model.trained", "[mask_decoder, prompt_encoder]"),
        *("--trainer.max_epochs", 1, "--output_dir", tmp_path),
    )
    assert outcome.code == 0, outcome.err
    state = load_file(tmp_path / "adapter.safetensors")
    assert {name.split(".")[0] for name in state} == {"mask_decoder", "prompt_encoder"}
    assert all(tensor.dtype == torch.float32 for tensor in state.values())


# By default other baselines learn, in test_segmenters.py.
@pytest.mark.slow
def test_the_baseline_instead(run_cli: RunCli, tmp_path: Path) -> None:
    outcome = run_cli(
        *("fit", "--config", CONFIG, "--model", "lit_samseg.finetune.SegmenterFinetune", "--model.lr", 0.001),
        *("--model.baseline", "lit_samseg.baselines.MobileNetV2DeepLab", "--model.baseline.checkpoint", "demo"),
        *("--model.variants", "[]"),
        *(*SMALL, "--data.training.views", 1, "--trainer.max_epochs", 4, "--output_dir", tmp_path / "fit"),
    )
    assert outcome.code == 0, outcome.err
    rows = curve(tmp_path / "fit")
    assert float(rows[-1]["train/loss"]) < 0.9 * float(rows[1]["train/loss"])
    assert rows[0].keys() == {"epoch", "step", "seconds", "val/miou", "val/gain", "val/baseline/miou"} | {
        "val/baseline/macc",
        "train/loss",
    }
    results = evaluated(run_cli, tmp_path / "test", "--model.baseline.checkpoint", tmp_path / "fit/baseline")
    assert results["rows"][0]["miou"] == pytest.approx(float(rows[-1]["val/miou"]), abs=1e-9)
    assert results["baseline"]["checkpoint"] == str(tmp_path / "fit/baseline")


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"variants": ["none@crf"]}, "nothing to train it for"),
    ({"trained": []}, "model.trained is []"),
    ({"truth": 2.0}, "model.truth is in 0..1"),
    ({"lr": 0.0}, "model.lr is 0"),
    ({"average": 1.0}, "model.average is 1"),
]


Make = Callable[..., SamRefinerFinetune]


@pytest.fixture(scope="module")
def make_module() -> Make:
    """Make a module of the built-in networks, which no test trains."""
    baseline, sam = MobileNetV2DeepLab("demo"), SegmentAnything("demo")
    return partial(SamRefinerFinetune, baseline, sam, class_names=Scenes.class_names, background=0)


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
