"""Simulated words on real streets: what is calibrated helps, what is taken at its word harms."""

from pathlib import Path

import pytest

from tests.conftest import PROJECT, SHARED, RunCli
from tests.recomputation import results_of

pytestmark = [pytest.mark.real, pytest.mark.slow]
SPLIT = ("--data.split", "val")
COMMON = (
    *("--data.root", SHARED / "data/CamVid", "--model.sam", "demo"),
    *("--model.baseline", "lit_samseg.baselines.Precomputed"),
    *("--model.baseline.root", SHARED / "predictions/camvid_espnet/label_maps"),
    *("--model.concepts", "lit_samseg.concepts.SimulatedConcepts", "--model.concepts.classes", "camvid"),
)


@pytest.mark.parametrize(("errors", "least"), [(0.2, 1.0), (0.8, -0.1)])
def test_calibrated_words_do_no_harm(errors: float, least: float, run_cli: RunCli, tmp_path: Path) -> None:
    rates = ("--model.concepts.misses", errors, "--model.concepts.false_alarms", errors)
    fit = ("fit", "--config", PROJECT / "configs/camvid_finetune_memory.yaml", "--data.training.subset", 40)
    fit += ("--model", "lit_samseg.finetune.TextCalibration", *COMMON, *rates, "--model.variants", "[none@text]")
    outcome = run_cli(*fit, "--data.subset", 1, "--trainer.accelerator=cpu", "--output_dir", tmp_path / "fit")
    assert outcome.code == 0, outcome.err
    gains = {}
    for name, more in (("calibrated", ("--model.text", tmp_path / "fit/text.safetensors")), ("raw", ())):
        words = (
            "test",
            "--config",
            PROJECT / "configs/demo_words.yaml",
            "--data",
            "lit_samseg.data.CamVid",
            *COMMON,
            *SPLIT,
        )
        words += (*rates, *more, "--data.subset", 24, "--model.variants", "[none@text, none@add, none@remove]")
        less = ("--model.analysis=false", "--gallery=false", "--report=false", "--trainer.accelerator=cpu")
        outcome = run_cli(*words, *less, "--output_dir", tmp_path / name)
        assert outcome.code == 0, outcome.err
        rows = {row["name"]: 100 * row["miou"] for row in results_of(tmp_path / name)["rows"]}
        gains[name] = {row: value - rows["baseline"] for row, value in rows.items()}
    assert gains["calibrated"]["none@text"] > least
    assert min(gains["calibrated"].values()) > -0.1
    assert gains["raw"]["none@remove"] < -5
