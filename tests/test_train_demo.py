"""The script that made the demo's weights: a few steps, and what it writes runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT, RunCli


@pytest.mark.slow
def test_a_few_steps_give_networks_that_run(run_cli: RunCli, demo_config: Path, tmp_path: Path) -> None:
    words = ["--baseline-steps", "2", "--sam-steps", "2", "--held-out", "2", "--report", "1"]
    command = [sys.executable, "scripts/train_demo.py", *words, "--output", str(tmp_path / "weights")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "baseline 2/2 loss" in done.stdout
    assert "sam 2/2 loss" in done.stdout
    outcome = run_cli(
        *("test", "--config", demo_config, "--data.size", 2, "--output_dir", tmp_path / "run"),
        *("--model.baseline.checkpoint", tmp_path / "weights/deeplab"),
        *("--model.sam.checkpoint", tmp_path / "weights/sam.safetensors"),
    )
    assert outcome.code == 0, outcome.err
    results = json.loads((tmp_path / "run/results.json").read_text())
    assert results["sam"]["checkpoint"] == str(tmp_path / "weights/sam.safetensors")
