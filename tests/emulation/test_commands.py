"""The commands on a GPU write what they write on a CPU: the same label maps, counts and scores."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

from tests.conftest import PROJECT, RunCli
from tests.emulation.backward import why_no_backward
from tests.emulation.conftest import TEST
from tests.emulation.driver import emulated, why_not
from tests.recomputation import read_predictions, results_of

pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"no emulated GPU: {why_not()}")

SMALL = ("--data.subset", 1, "--data.training.subset", 1, "--data.training.batch_size", 1, "--data.training.views", 1)


def run_on(device: str, run_cli: RunCli, *words: Any) -> None:
    """Run a command on the CPU of a machine without a GPU, or on an emulated one, and see that it ends well."""
    if device == "cpu":
        outcome = run_cli(*words, "--trainer.accelerator=cpu")
    else:
        with emulated() as gpu:
            outcome = run_cli(*words, "--trainer.accelerator=gpu", "--trainer.devices=1")
            assert gpu.launches > 1000
    assert outcome.code == 0, outcome.err


def same_predictions(ours: Path, theirs: Path) -> None:
    found, expected = read_predictions(ours), read_predictions(theirs)
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_test(run_cli: RunCli, tested_on_cpu: Path, tmp_path: Path) -> None:
    run_on("cuda", run_cli, *TEST, "--data.num_workers", 1, "--output_dir", tmp_path / "run")
    ours, theirs = tmp_path / "run", tested_on_cpu
    for row in ("baseline", "points"):
        same_predictions(ours / "predictions" / row, theirs / "predictions" / row)
    for name in ("counts.npz", "boundary.npz", "ladder.npz", "recognition.npz"):
        found, expected = np.load(ours / name), np.load(theirs / name)
        assert found.files == expected.files
        assert all(np.array_equal(found[array], expected[array]) for array in found.files)
    for name in ("per_image.csv", "per_class.csv", "tables.md"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()
    found, expected = results_of(ours), results_of(theirs)
    assert found["rows"] == expected["rows"]
    assert found["device"] == "Emulated GPU"


def test_predict(run_cli: RunCli, tested_on_cpu: Path, tmp_path: Path) -> None:
    words = ("predict", f"--config={PROJECT}/configs/demo.yaml", "--model.variants=[points]", "--data.size=1")
    run_on("cuda", run_cli, *words, "--output_dir", tmp_path)
    same_predictions(tmp_path / "predictions/points", tested_on_cpu / "predictions/points")


@pytest.mark.skipif(why_no_backward() is not None, reason=str(why_no_backward()))
def test_fit(run_cli: RunCli, tmp_path: Path) -> None:
    config = PROJECT / "configs" / "demo_finetune.yaml"
    for device in ("cpu", "cuda"):
        words = ("fit", "--config", config, *SMALL, "--optimizer", "SGD", "--optimizer.lr", 0.002)
        words += ("--trainer.num_sanity_val_steps", 0)
        run_on(device, run_cli, *words, "--trainer.max_epochs", 1, "--output_dir", tmp_path / device)
    found, expected = (load_file(tmp_path / device / "adapter.safetensors") for device in ("cuda", "cpu"))
    assert found.keys() == expected.keys()
    # Sums of another order.
    assert max(float((found[name] - expected[name]).abs().max()) for name in expected) < 1e-5


def test_a_memory_is_fitted_and_asked(run_cli: RunCli, tmp_path: Path) -> None:
    fit = (
        *("fit", f"--config={PROJECT}/configs/demo_finetune.yaml", "--model", "lit_samseg.finetune.MemoryFinetune"),
        *("--model.baseline", "demo", "--model.sam", "demo", "--model.variants", "[none@memory]", *SMALL),
        *("--model.cells", 100, "--model.hidden", 8, "--model.epochs", 1, "--trainer.max_epochs", 1),
    )
    words = (f"--config={PROJECT}/configs/demo.yaml", "--model.variants=[none@memory]", "--data.size=1")
    predictions: dict[str, Path] = {}
    for device in ("cpu", "cuda"):
        run_on(device, run_cli, *fit, "--output_dir", tmp_path / f"fit_{device}")
        memory = ("--model.memory", tmp_path / f"fit_{device}" / "memory.safetensors")
        run_on(device, run_cli, "predict", *words, *memory, "--output_dir", tmp_path / device)
        predictions[device] = tmp_path / device / "predictions/none@memory"
    ours, theirs = (load_file(tmp_path / f"fit_{device}" / "memory.safetensors") for device in ("cuda", "cpu"))
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    same_predictions(predictions["cuda"], predictions["cpu"])


def test_words_are_calibrated_and_asked(run_cli: RunCli, tmp_path: Path) -> None:
    asked = ("--model.concepts", "lit_samseg.concepts.SimulatedConcepts", "--model.concepts.classes", "scenes")
    fit = (
        *("fit", f"--config={PROJECT}/configs/demo_finetune.yaml", "--model", "lit_samseg.finetune.TextCalibration"),
        *("--model.baseline", "demo", "--model.sam", "demo", "--model.variants", "[none@text]", *SMALL, *asked),
        *("--data.training.subset", 3, "--trainer.max_epochs", 1),
    )
    rows = ["none@remove/add/text", "none@textonly", "box+textmask@component/score"]
    words = (f"--config={PROJECT}/configs/demo.yaml", f"--model.variants=[{', '.join(rows)}]", "--data.size=1", *asked)
    less = ("--model.analysis=false", "--gallery=false", "--report=false")
    for device in ("cpu", "cuda"):
        run_on(device, run_cli, *fit, "--output_dir", tmp_path / f"fit_{device}")
        text = ("--model.text", tmp_path / f"fit_{device}" / "text.safetensors")
        run_on(device, run_cli, "test", *words, *less, *text, "--output_dir", tmp_path / device)
    ours, theirs = (load_file(tmp_path / f"fit_{device}" / "text.safetensors") for device in ("cuda", "cpu"))
    assert ours.keys() == theirs.keys()
    assert all(np.allclose(ours[name], theirs[name], atol=1e-6) for name in ours)
    found, expected = (results_of(tmp_path / device)["rows"] for device in ("cuda", "cpu"))
    assert found == expected
