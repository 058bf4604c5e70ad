"""Baselines of every kind that has logits of pixels are trained on, and written as what they were read from."""

import csv
import json
from pathlib import Path

import pytest
import torch

from lit_samseg.baselines import TrainableBaseline
from lit_samseg.data import Scenes
from tests.baselines import tiny_segmenters
from tests.conftest import RunCli

SCENES = ("--data", "lit_samseg.data.Scenes", "--data.size", 5, "--data.split", "val", "--data.num_workers", 0)
SCENES += ("--data.subset", 2)


def save_torchvision(path: Path) -> Path:
    from torchvision.models import get_model

    torch.manual_seed(0)
    classes = len(Scenes.class_names)
    model = get_model("deeplabv3_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=classes)
    torch.save(model.state_dict(), path)
    return path


def words_of(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[tuple[object, ...], Path]:
    """Save a tiny network; return the options of its class, and its checkpoint."""
    if kind == "torchvision":
        options = ("--model.baseline.architecture", "deeplabv3_mobilenet_v3_large", "--model.baseline.resize", 64)
        words = ("--model.baseline", "lit_samseg.baselines.TorchvisionDeepLab", *options)
        return words, save_torchvision(folder / "network.pth")
    monkeypatch.setitem(tiny_segmenters.NAMES, "id2label", dict(enumerate(Scenes.class_names)))
    monkeypatch.setitem(tiny_segmenters.NAMES, "label2id", {name: n for n, name in enumerate(Scenes.class_names)})
    return ("--model.baseline", "lit_samseg.baselines.HubSegmenter"), tiny_segmenters.save(kind, folder / kind)


@pytest.mark.parametrize(
    ("kind", "lr", "epochs", "file"),
    [
        ("segformer", 0.01, 2, "baseline"),
        pytest.param("upernet", 0.01, 3, "baseline", marks=pytest.mark.slow),
        # The quicker one is that of the library's SegFormer; scores of torchvision's carry a gradient below.
        pytest.param("torchvision", 0.2, 3, "baseline/model.safetensors", marks=pytest.mark.slow),
    ],
)
def test_a_baseline_learns_and_is_read_again(
    kind: str, lr: float, epochs: int, file: str, run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, checkpoint = words_of(kind, tmp_path, monkeypatch)
    fit = (*SCENES, "--data.training.subset", 4, "--data.training.batch_size", 2, "--data.training.views", 1)
    outcome = run_cli(
        *("fit", *fit, "--model", "lit_samseg.finetune.SegmenterFinetune", *words),
        *("--model.baseline.checkpoint", checkpoint, "--model.lr", lr, "--trainer.max_epochs", epochs),
        *("--output_dir", tmp_path / "fit"),
    )
    assert outcome.code == 0, outcome.err
    with (tmp_path / "fit/curve.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert float(rows[-1]["train/loss"]) < 0.9 * float(rows[1]["train/loss"])
    test = (
        *("test", *SCENES, "--model", "lit_samseg.module.SamSegEvaluation", *words, "--model.variants", "[none@crf]"),
        *("--model.sam", "lit_samseg.sam.SegmentAnything", "--model.sam.checkpoint", "demo"),
        *("--model.baseline.checkpoint", tmp_path / "fit" / file),
        *("--model.analysis", False, "--report", False, "--gallery", False, "--output_dir", tmp_path / "test"),
    )
    # Neither what it was trained on is evaluated, nor what it was trained on before validates it.
    outcome = run_cli(*test, "--data.split", "train")
    assert outcome.code == 2
    assert f"of the images were used to train the baseline {tmp_path / 'fit' / file} (first: scenes/tr" in outcome.err
    assert outcome.err.count("\n") == 1
    outcome = run_cli(*test)
    assert outcome.code == 0, outcome.err
    results = json.loads((tmp_path / "test/results.json").read_text())
    assert results["rows"][0]["miou"] == pytest.approx(float(rows[-1]["val/miou"]), abs=1e-9)


@pytest.mark.parametrize("kind", ["segformer", "upernet", "torchvision"])
def test_scores_are_what_the_label_map_is_of(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lit_samseg.baselines import HubSegmenter, TorchvisionDeepLab

    _, checkpoint = words_of(kind, tmp_path, monkeypatch)
    baseline: TrainableBaseline = (
        TorchvisionDeepLab("deeplabv3_mobilenet_v3_large", str(checkpoint), 96)
        if kind == "torchvision"
        else HubSegmenter(str(checkpoint))
    )
    image = tiny_segmenters.random_image(50, 70)
    scores = baseline.scores(image, "x")
    assert scores.shape == (len(Scenes.class_names), 50, 70)
    best, second = scores.topk(2, 0).values
    assert (scores.argmax(0) == baseline.label_map(image, "x"))[best - second > 1e-4].all()
    baseline.model.requires_grad_(True)
    assert baseline.scores(image, "x").requires_grad


def test_queries_are_refused(run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words, checkpoint = words_of("mask2former", tmp_path, monkeypatch)
    outcome = run_cli(
        *("fit", *SCENES, "--model", "lit_samseg.finetune.SegmenterFinetune", *words),
        *("--model.baseline.checkpoint", checkpoint, "--output_dir", tmp_path / "fit"),
    )
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert "whose queries are not trained by a loss of each pixel" in outcome.err
