"""The real command line on the built-in world; scores recomputed by separate code from the files it wrote."""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene
from tests.conftest import PROJECT, RunCli, SmallVoc

CONFIGS = sorted((PROJECT / "configs").glob("*.yaml"))
SIZE = 5


def recompute(predictions: dict[str, np.ndarray], targets: dict[str, np.ndarray], classes: int) -> dict[str, float]:
    """mIoU, GT-present mIoU, mAcc and pixel accuracy by boolean masks, class by class."""
    inter, gt, pred = np.zeros((3, classes), dtype=np.int64)
    for image_id, target in targets.items():
        valid = target != 255
        for c in range(classes):
            truth, guess = (target == c) & valid, (predictions[image_id] == c) & valid
            inter[c] += (truth & guess).sum()
            gt[c] += truth.sum()
            pred[c] += guess.sum()
    union = gt + pred - inter
    iou = [inter[c] / union[c] for c in range(classes) if union[c]]
    return {
        "miou": float(np.mean(iou)),
        "miou_gt_present": float(np.mean([inter[c] / union[c] for c in range(classes) if gt[c]])),
        "macc": float(np.mean([inter[c] / gt[c] for c in range(classes) if gt[c]])),
        "pixel_acc": float(inter.sum() / gt.sum()),
    }


def read_predictions(folder: Path) -> dict[str, np.ndarray]:
    return {path.stem: np.array(Image.open(path)) for path in sorted(folder.glob("*.png"))}


@pytest.fixture(scope="module")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run of the demo's configuration on a few scenes, through the console script's module."""
    folder = tmp_path_factory.mktemp("demo") / "run"
    words = [
        "test",
        "--config",
        "configs/demo.yaml",
        "--data.size",
        SIZE,
        "--trainer.accelerator",
        "cpu",
    ]
    words += [
        "--model.save_predictions",
        "true",
        "--output_dir",
        folder,
        "--model.variants+=box@class/score",
    ]
    command = [sys.executable, "-m", "lit_samseg", *map(str, words)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "points+box+mask@component" in done.stdout
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    assert f"{SIZE}/{SIZE}" in done.stderr
    return folder


def results_of(folder: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return results


def test_scores_recomputed_from_pngs_equal_the_results(demo_run: Path) -> None:
    results = results_of(demo_run)
    ids = results["dataset"]["ids"]
    targets = {i: generate_scene(SPLIT_SEEDS["test"], int(i[-5:]))[1] for i in ids}
    assert len(results["rows"]) == 9
    for row in results["rows"]:
        folder = demo_run / "predictions" / row["name"].replace("/", "__")
        predictions = read_predictions(folder)
        assert sorted(predictions) == ids
        expected = recompute(predictions, targets, results["dataset"]["num_classes"])
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, abs=1e-6)


def test_every_table_can_be_rebuilt_from_the_counts(demo_run: Path) -> None:
    results = results_of(demo_run)
    counts = np.load(demo_run / "counts.npz")
    assert counts["ids"].tolist() == results["dataset"]["ids"]
    assert counts["rows"].tolist() == [row["name"] for row in results["rows"]]
    assert counts["intersection"].dtype == np.int64
    assert counts["intersection"].shape == (9, SIZE, results["dataset"]["num_classes"])
    pooled = {k: counts[k].sum(1) for k in ("intersection", "gt_area", "pred_area")}
    union = pooled["gt_area"] + pooled["pred_area"] - pooled["intersection"]
    for n, row in enumerate(results["rows"]):
        seen = union[n] > 0
        assert row["miou"] == pytest.approx((pooled["intersection"][n][seen] / union[n][seen]).mean())
    # The ground truth is the same in every row.
    assert (counts["gt_area"] == counts["gt_area"][0]).all()

    with (demo_run / "per_image.csv").open() as file:
        per_image = list(csv.DictReader(file))
    assert len(per_image) == 9 * SIZE
    n, r = 2, 1
    line = next(x for x in per_image if (x["id"], x["row"]) == (counts["ids"][n], counts["rows"][r]))
    expected = counts["intersection"][r, n].sum() / counts["gt_area"][r, n].sum()
    assert float(line["pixel_acc"]) == pytest.approx(expected)
    with (demo_run / "per_class.csv").open() as file:
        per_class = list(csv.DictReader(file))
    assert len(per_class) == 9 * results["dataset"]["num_classes"]
    assert int(per_class[3]["intersection"]) == pooled["intersection"][0][3]


def test_results_say_what_was_run(demo_run: Path) -> None:
    results = results_of(demo_run)
    assert results["schema_version"] == 1
    assert {"torch", "lightning", "torchmetrics", "transformers", "segment_anything"} <= results["versions"].keys()
    assert results["baseline"]["name"] == "deeplabv3_mobilenet_v2"
    assert results["sam"]["precision"] == "fp32"
    assert len(results["sam"]["sha256"]) == len(results["baseline"]["sha256"]) == 64
    assert results["world_size"] == 1
    assert results["device"] == "cpu"
    assert results["rows"][0]["name"] == "baseline"
    assert set(results["timing"]) == {"baseline", "encode", "refine", "count", "total"}
    stages = sum(seconds for stage, seconds in results["timing"].items() if stage != "total")
    assert 0 < stages <= results["timing"]["total"]
    assert results["peak_memory_mb"]["cpu"] > 100
    assert not list(demo_run.rglob(".*"))


def test_the_saved_configuration_runs_again_to_the_same_counts(demo_run: Path, run_cli: RunCli, tmp_path: Path) -> None:
    outcome = run_cli(
        "test",
        "--config",
        demo_run / "config.yaml",
        "--output_dir",
        tmp_path,
        "--data.batch_size",
        2,
    )
    assert outcome.code == 0, outcome.err
    first, second = np.load(demo_run / "counts.npz"), np.load(tmp_path / "counts.npz")
    for name in first.files:
        assert np.array_equal(first[name], second[name])


def test_the_ids_of_a_run_can_be_given_back(demo_run: Path, run_cli: RunCli, demo_config: Path, tmp_path: Path) -> None:
    outcome = run_cli(
        *(
            "test",
            "--config",
            demo_config,
            "--output_dir",
            tmp_path,
            "--data.ids",
            demo_run / "ids.txt",
        ),
        *("--model.variants", "[box]"),
    )
    assert outcome.code == 0, outcome.err
    first, second = np.load(demo_run / "counts.npz"), np.load(tmp_path / "counts.npz")
    place = first["rows"].tolist().index("box")
    assert np.array_equal(first["pred_area"][place], second["pred_area"][1])


def test_scores_reach_any_lightning_logger(run_cli: RunCli, demo_config: Path, tmp_path: Path) -> None:
    outcome = run_cli(
        *("test", "--config", demo_config, "--output_dir", tmp_path, "--data.size", 2),
        *("--model.variants", "[box]", "--trainer.logger", "lightning.pytorch.loggers.CSVLogger"),
        *("--trainer.logger.save_dir", tmp_path / "csv"),
    )
    assert outcome.code == 0, outcome.err
    (path,) = (tmp_path / "csv").rglob("metrics.csv")
    with path.open() as file:
        (logged,) = csv.DictReader(file)
    for row in results_of(tmp_path)["rows"]:
        for name in ("miou", "macc", "miou_gt_present", "pixel_acc"):
            assert float(logged[f"{row['name']}/{name}"]) == pytest.approx(row[name], abs=1e-6)


def test_voc_folder_with_label_maps_of_another_program(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    outcome = run_cli(
        *small_voc.words(), "--model.variants", "[box@component, mask]", "--output_dir", tmp_path / "out",
        "--model.save_predictions", "true",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "the paper contradicts itself" in " ".join(outcome.out.split())
    results = results_of(tmp_path / "out")
    for image_id in small_voc.ids:
        copied = np.array(Image.open(tmp_path / "out/predictions/baseline" / f"{image_id}.png"))
        assert np.array_equal(copied, np.array(Image.open(small_voc.coarse / f"{image_id}.png")))
    with Image.open(tmp_path / "out/predictions/mask" / f"{small_voc.ids[0]}.png") as written:
        assert written.mode == "P"
    targets = {i: np.array(Image.open(small_voc.base / "SegmentationClass" / f"{i}.png")) for i in small_voc.ids}
    for row in results["rows"]:
        predictions = read_predictions(tmp_path / "out/predictions" / row["name"])
        for name, value in recompute(predictions, targets, 21).items():
            assert row[name] == pytest.approx(value, abs=1e-6)


def test_predict_writes_label_maps_without_ground_truth(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    for path in (small_voc.base / "SegmentationClass").iterdir():
        path.unlink()
    words = ["predict", *small_voc.words()[1:], "--output_dir", tmp_path / "out"]
    outcome = run_cli(*words, "--model.variants", "[box]")
    assert outcome.code == 0, outcome.err
    assert sorted(read_predictions(tmp_path / "out/predictions/box")) == small_voc.ids
    assert not (tmp_path / "out/results.json").exists()
    outcome = run_cli(*words, "--model.variants", "[box@class/oracle]")
    assert outcome.code == 2
    assert "needs the ground truth" in outcome.err


def test_an_oracle_row_is_no_worse_per_region_choice(run_cli: RunCli, demo_config: Path, tmp_path: Path) -> None:
    outcome = run_cli(
        *("test", "--config", demo_config, "--output_dir", tmp_path, "--data.size", SIZE),
        *("--model.variants", "[box, box@class/oracle]"),
    )
    assert outcome.code == 0, outcome.err
    rows = {row["name"]: row["miou"] for row in results_of(tmp_path)["rows"]}
    assert rows["box@class/oracle"] >= rows["box"]


def test_default_output_folder_is_named_after_the_configuration(
    run_cli: RunCli, demo_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run_cli("test", "--config", demo_config, "--data.size", 1, "--model.variants", "[box]")
    assert outcome.code == 0, outcome.err
    (folder,) = (tmp_path / "logs" / "demo").iterdir()
    assert (folder / "results.json").is_file()
    assert str(Path("logs") / "demo" / folder.name) in outcome.out


@pytest.mark.gpu
def test_a_gpu_gives_nearly_the_same_maps(demo_run: Path, run_cli: RunCli, tmp_path: Path) -> None:
    words = ["test", "--config", demo_run / "config.yaml", "--output_dir", tmp_path, "--trainer.accelerator", "gpu"]
    outcome = run_cli(*words, "--trainer.devices", 1)
    assert outcome.code == 0, outcome.err
    cpu, gpu = np.load(demo_run / "counts.npz"), np.load(tmp_path / "counts.npz")
    assert np.array_equal(cpu["gt_area"], gpu["gt_area"])
    moved = np.abs(cpu["pred_area"] - gpu["pred_area"]).sum()
    assert moved < 1e-3 * cpu["pred_area"].sum()
    assert results_of(tmp_path)["peak_memory_mb"]["cuda"] > 0


@pytest.mark.parametrize(
    ("option", "count"), [("limit_test_batches=2", 2), ("limit_test_batches=1", 1), ("fast_dev_run=true", 1)]
)
def test_a_run_may_be_stopped_early_on_purpose(
    option: str, count: int, run_cli: RunCli, demo_config: Path, tmp_path: Path
) -> None:
    words = ["test", "--config", demo_config, "--output_dir", tmp_path, "--model.variants", "[box]"]
    outcome = run_cli(*words, f"--trainer.{option}")
    assert outcome.code == 0, outcome.err
    assert results_of(tmp_path)["dataset"]["ids"] == ["scene_00000", "scene_00001"][:count]
    assert np.load(tmp_path / "counts.npz")["intersection"].shape[:2] == (2, count)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_parses(config: Path, run_cli: RunCli) -> None:
    outcome = run_cli("test", "--config", config, "--print_config")
    assert outcome.code == 0, outcome.err
    parsed = yaml.safe_load(outcome.out)
    assert parsed["model"]["init_args"]["sam"]["init_args"]["precision"] == "fp32"


def test_help_and_version(run_cli: RunCli) -> None:
    top = run_cli("--help")
    assert top.code == 0
    assert "--config configs/demo.yaml" in top.out
    assert "--output_dir" in run_cli("test", "--help").out
    assert "subset_seed" in run_cli("test", "--data.help", "lit_samseg.data.VOC2012").out
    assert "0.1.0" in run_cli("--version").out


def test_import_is_light() -> None:
    code = "import sys, lit_samseg; print([m for m in ('torch', 'lightning', 'transformers') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_ctrl_c_ends_with_130_and_keeps_earlier_files(demo_run: Path, tmp_path: Path) -> None:
    import signal

    output = tmp_path / "out"
    output.mkdir()
    (output / "results.json").write_text("earlier")
    words = [
        "test",
        "--config",
        "configs/demo.yaml",
        "--data.size",
        "5000",
        "--output_dir",
        str(output),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "lit_samseg", *words, "--model.save_predictions", "true"],
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    deadline = time.monotonic() + 120
    while not list(output.glob("predictions.partial/baseline/*.png")) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert (output / "results.json").read_text() == "earlier"
    assert not (output / "predictions").exists()
