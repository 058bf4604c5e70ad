"""The script that made the demo's weights: a few steps, and what it writes runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lit_samseg.concepts import TinyConcepts
from lit_samseg.data.scene_generator import CLASS_NAMES, generate_scene
from tests.conftest import PROJECT, RunCli

FEW_CONCEPTS = ("--concept-steps", "2", "--concept-words", "3", "--concept-batch", "2", "--concept-scenes", "3")


def train(weights: Path, *words: str) -> str:
    """Run the script with little to do and return what it prints."""
    command = [sys.executable, "scripts/train_demo.py", "--held-out", "2", "--report", "1", *words, "--threads", "1"]
    done = subprocess.run(
        [*command, "--output", str(weights)], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_few_steps_give_networks_that_run(run_cli: RunCli, demo_config: Path, tmp_path: Path) -> None:
    printed = train(tmp_path / "weights", "--baseline-steps", "2", "--sam-steps", "2", *FEW_CONCEPTS)
    assert "baseline 2/2 loss" in printed
    assert "sam 2/2 loss" in printed
    assert "concepts 2/2 cells" in printed
    # The same seed gives the same weights, whatever was trained before.
    train(tmp_path / "again", "--only", "concepts", *FEW_CONCEPTS)
    twice = [tmp_path / folder / "concepts.safetensors" for folder in ("weights", "again")]
    assert twice[0].read_bytes() == twice[1].read_bytes()
    outcome = run_cli(
        *("test", "--config", demo_config, "--data.size", 2, "--output_dir", tmp_path / "run"),
        *("--model.baseline.checkpoint", tmp_path / "weights/deeplab"),
        *("--model.sam.checkpoint", tmp_path / "weights/sam.safetensors"),
    )
    assert outcome.code == 0, outcome.err
    results = json.loads((tmp_path / "run/results.json").read_text())
    assert results["sam"]["checkpoint"] == str(tmp_path / "weights/sam.safetensors")


def test_a_few_steps_give_a_network_for_words(tmp_path: Path) -> None:
    printed = train(tmp_path, "--only", "concepts", *FEW_CONCEPTS)
    assert "of phrases rightly before training" in printed
    assert "concepts 1/2 cells" in printed
    assert "concepts 2/2 cells" in printed
    # Figures of every class and of what the baseline misses, on `val`.
    assert all(f"  {name} " in printed and " presence AP " in printed for name in CLASS_NAMES[1:])
    assert "the baseline misses" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["concepts.safetensors"]
    image, _ = generate_scene(1, 0)
    words = TinyConcepts(str(tmp_path / "concepts.safetensors"))
    answer = words.segment(words.encode(torch.from_numpy(image).permute(2, 0, 1)), ["ball", "giraffe"])
    assert answer.presence.isfinite().all()
    assert words.sha256 != TinyConcepts().sha256
