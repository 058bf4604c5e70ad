"""A training that was stopped after an epoch and gone on with ends as one that was not, file for file."""

from pathlib import Path

import pytest

from tests.conftest import PROJECT, RunCli
from tests.finetune.snapshots import SNAPSHOT, put_back

COMMON = ("fit", "--config", PROJECT / "configs" / "demo_finetune.yaml", "--model.baseline", "demo")
COMMON += ("--data.subset", 1, "--data.training.subset", 2, "--data.training.batch_size", 1, "--trainer.max_epochs", 2)
FILES = "memory.safetensors", "memory.safetensors", "text.safetensors", "baseline/model.safetensors"
FITS = {
    "memory": (
        *("--model", "lit_samseg.finetune.MemoryFinetune", "--model.sam", "demo", "--model.variants", "[none@memory]"),
        *("--model.cells", 60, "--model.hidden", 4, "--model.epochs", 1, "--model.folds", 2),
    ),
    "head": (
        *("--model", "lit_samseg.finetune.HeadFinetune", "--model.sam", "demo", "--model.variants", "[none@memory]"),
        *("--model.width", 16),
    ),
    "text": (
        *("--model", "lit_samseg.finetune.TextCalibration", "--model.sam", "demo", "--model.variants", "[none@text]"),
        *("--model.concepts", "lit_samseg.concepts.SimulatedConcepts", "--model.concepts.classes", "scenes"),
    ),
    "baseline": ("--model", "lit_samseg.finetune.SegmenterFinetune", "--model.variants", "[]", "--model.average", 0.5),
}


@pytest.mark.parametrize(("kind", "file"), list(zip(FITS, FILES, strict=True)))
def test_going_on_writes_what_an_unbroken_run_does(kind: str, file: str, run_cli: RunCli, tmp_path: Path) -> None:
    """Two epochs see two views: what is fitted to all of them wants those of the first epoch too."""
    words = (*COMMON, *FITS[kind], "--data.training.views", 2, "--output_dir", tmp_path / "parts")
    outcome = run_cli(*words, *SNAPSHOT)
    assert outcome.code == 0, outcome.err
    put_back(tmp_path / "parts")
    assert not (tmp_path / "parts" / file).exists()
    outcome = run_cli(*words, "--ckpt_path", tmp_path / "parts/checkpoints/last.ckpt")
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "parts" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    curves = [
        [line.split(",")[:2] + line.split(",")[3:] for line in (tmp_path / name / "curve.csv").read_text().split("\n")]
        for name in ("parts", "whole")
    ]
    assert curves[0] == curves[1]
    assert len(curves[0]) == 5
