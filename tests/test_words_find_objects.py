"""The built-in world asked by words, from ``fit`` to ``test`` and to a figure."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene
from tests.conftest import PROJECT, RunCli, made_once, run_quietly
from tests.recomputation import results_of

ROWS = ("none@add", "none@remove", "none@text", "none@textonly")
SCENES = 5


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five scenes, whose words were calibrated on twelve others."""

    def make(folder: Path) -> None:
        fit = ("fit", "--config", PROJECT / "configs/demo_finetune_text.yaml", "--data.subset", 2)
        run_quietly(*fit, "--data.training.subset", 12, "--output_dir", folder / "fit")
        words = ["test", "--config", PROJECT / "configs/demo_words.yaml", "--trainer.accelerator=cpu"]
        words += [f"--data.size={SCENES}", f"--model.variants=[{', '.join(ROWS)}]", "--report=false"]
        run_quietly(*words, f"--model.text={folder / 'fit/text.safetensors'}", "--output_dir", folder / "test")

    return made_once(tmp_path_factory, "words_run", make) / "test"


def missed_objects(run: Path, row: str) -> int:
    """Count connected objects of 20 pixels or more of which a row has less than a fifth."""
    missed = 0
    for number in range(SCENES):
        _, truth = generate_scene(SPLIT_SEEDS["test"], number)
        found = np.array(Image.open(run / "predictions" / row / f"scene_{number:05d}.png"))
        for class_id in range(1, 9):
            places, count = ndimage.label(truth == class_id, np.ones((3, 3)))
            for place in range(1, count + 1):
                own = places == place
                missed += own.sum() >= 20 and (found[own] == class_id).mean() < 0.2
    return missed


def test_words_add_objects_that_the_baseline_missed(run: Path) -> None:
    results = results_of(run)
    rows = {row["name"]: row for row in results["rows"]}
    assert results["text"]["name"] == "tiny_concepts"
    counted = {name: missed_objects(run, name) for name in ("baseline", "none@add", "none@text")}
    assert counted["baseline"] >= 5
    assert counted["none@add"] <= counted["baseline"] - 3
    assert counted["none@text"] <= counted["baseline"] - 3
    for name, count in counted.items():
        assert rows[name]["recognition"]["missed_objects"] == count
    # What is added leaves all else as it was, and what is removed finds nothing new.
    assert rows["none@remove"]["recognition"]["missed_objects"] >= counted["baseline"] - 2
    assert rows["none@add"]["miou"] > rows["baseline"]["miou"]
    assert rows["none@text"]["miou"] > rows["none@add"]["miou"]


def test_a_row_without_sam_is_not_called_sams_in_a_figure(run: Path, run_cli: RunCli, tmp_path: Path) -> None:
    path = tmp_path / "figure.svg"
    outcome = run_cli("figure", run, "4", "--row", "none@add", "--count", 1, "--output", path)
    assert outcome.code == 0, outcome.err
    drawn = path.read_text(encoding="utf-8")
    assert "refined" in drawn
    assert "baseline + SAM" not in drawn
