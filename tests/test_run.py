"""What a run of the built-in world writes; scores recomputed by separate code from the files."""

import csv
from pathlib import Path

import numpy as np
import pytest

from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene
from tests.conftest import RunCli
from tests.forked import Forked
from tests.recomputation import read_predictions, recompute, results_of

SIZE = 3


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
    process = Forked(words)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert "points+box+mask@component" in out
    assert "Traceback" not in err
    assert "Warning" not in err
    assert f"{SIZE}/{SIZE}" in err
    return folder


def test_scores_recomputed_from_pngs_equal_the_results(demo_run: Path) -> None:
    results = results_of(demo_run)
    ids = results["dataset"]["ids"]
    targets = {i: generate_scene(SPLIT_SEEDS["test"], int(i[-5:]))[1] for i in ids}
    assert len(results["rows"]) == 10
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
    assert counts["intersection"].shape == (10, SIZE, results["dataset"]["num_classes"])
    pooled = {k: counts[k].sum(1) for k in ("intersection", "gt_area", "pred_area")}
    union = pooled["gt_area"] + pooled["pred_area"] - pooled["intersection"]
    for n, row in enumerate(results["rows"]):
        seen = union[n] > 0
        assert row["miou"] == pytest.approx((pooled["intersection"][n][seen] / union[n][seen]).mean())
    # The ground truth is the same in every row.
    assert (counts["gt_area"] == counts["gt_area"][0]).all()

    with (demo_run / "per_image.csv").open() as file:
        per_image = list(csv.DictReader(file))
    assert len(per_image) == 10 * SIZE
    n, r = 2, 1
    line = next(x for x in per_image if (x["id"], x["row"]) == (counts["ids"][n], counts["rows"][r]))
    expected = counts["intersection"][r, n].sum() / counts["gt_area"][r, n].sum()
    assert float(line["pixel_acc"]) == pytest.approx(expected)
    with (demo_run / "per_class.csv").open() as file:
        per_class = list(csv.DictReader(file))
    assert len(per_class) == 10 * results["dataset"]["num_classes"]
    assert int(per_class[3]["intersection"]) == pooled["intersection"][0][3]


def test_results_say_what_was_run(demo_run: Path) -> None:
    results = results_of(demo_run)
    assert results["schema_version"] == 3
    assert {"torch", "lightning", "torchmetrics", "transformers", "segment_anything"} <= results["versions"].keys()
    assert results["baseline"]["name"] == "deeplabv3_mobilenet_v2"
    assert results["sam"]["precision"] == "fp32"
    assert len(results["sam"]["sha256"]) == len(results["baseline"]["sha256"]) == 64
    assert results["world_size"] == 1
    assert results["device"] == "cpu"
    assert results["rows"][0]["name"] == "baseline"
    assert set(results["timing"]) == {"baseline", "regions", "encode", "refine_and_analyse", "count", "total"}
    stages = sum(seconds for stage, seconds in results["timing"].items() if stage != "total")
    assert 0 < stages <= results["timing"]["total"]
    assert results["peak_memory_mb"]["cpu"] > 100
    (process,) = results["processes"]
    assert process["images"] == SIZE
    assert 100 < process["peak_mb_cpu"] <= results["peak_memory_mb"]["cpu"] + 0.01
    assert 0 < process["seconds"] <= results["timing"]["total"] * SIZE
    # Nothing half-written is left; the marks say what a later run may replace.
    assert sorted(str(path.relative_to(demo_run)) for path in demo_run.rglob(".*")) == [
        "gallery/.lit_samseg",
        "predictions/.lit_samseg",
    ]


def test_the_saved_configuration_runs_again_to_the_same_counts(demo_run: Path, run_cli: RunCli, tmp_path: Path) -> None:
    outcome = run_cli(
        "test",
        "--config",
        demo_run / "config.yaml",
        "--output_dir",
        tmp_path,
        *("--data.batch_size", 2, "--report", "false"),
    )
    assert outcome.code == 0, outcome.err
    first, second = np.load(demo_run / "counts.npz"), np.load(tmp_path / "counts.npz")
    for name in first.files:
        assert np.array_equal(first[name], second[name])


def test_the_ids_of_a_run_can_be_given_back(demo_run: Path, run_cli: RunCli, demo_config: Path, tmp_path: Path) -> None:
    outcome = run_cli(
        *("test", "--config", demo_config, "--output_dir", tmp_path, "--data.ids", demo_run / "ids.txt"),
        *("--model.variants", "[box]", "--model.analysis", "false", "--gallery", "false", "--report", "false"),
    )
    assert outcome.code == 0, outcome.err
    first, second = np.load(demo_run / "counts.npz"), np.load(tmp_path / "counts.npz")
    place = first["rows"].tolist().index("box")
    assert np.array_equal(first["pred_area"][place], second["pred_area"][1])


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
