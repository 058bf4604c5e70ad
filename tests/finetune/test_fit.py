"""``lit-samseg fit`` on the built-in networks, through the real command line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file

from lit_samseg.sam import SegmentAnything
from tests.conftest import PROJECT, RunCli
from tests.finetune.demo_fit import CONFIG, SGD, SMALL, curve


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


def largest_difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


# By default an average is kept and read back in test_decoder_going_on.py.
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
