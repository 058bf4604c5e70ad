"""A learned gate from ``lit-samseg fit`` to ``lit-samseg test``, on the built-in networks."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.data import Scenes
from lit_samseg.finetune import GateFinetune, SamRefinerFinetune
from lit_samseg.finetune.logistic import fit_logistic
from lit_samseg.module import SamSegEvaluation
from lit_samseg.refine import LearnedGate, read_gate
from lit_samseg.refine.learned_gate import FEATURES
from lit_samseg.sam import SegmentAnything
from tests.conftest import PROJECT, RunCli, has_loopback, made_once, refuses, run_quietly
from tests.finetune.snapshots import SNAPSHOT, put_back
from tests.recomputation import read_predictions

ROW = "points+box+mask@component"
DEMO = (
    *("--config", PROJECT / "configs" / "demo_finetune.yaml", "--model", "lit_samseg.finetune.GateFinetune"),
    *("--model.baseline", "lit_samseg.baselines.MobileNetV2DeepLab", "--model.baseline.checkpoint", "demo"),
    *("--model.sam", "lit_samseg.sam.SegmentAnything", "--model.sam.checkpoint", "demo"),
    *("--model.variants", f"[{ROW}/learned, {ROW}]", "--data.training.views", 1),
    *("--data.subset", 2, "--data.training.subset", 4, "--data.training.batch_size", 2),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One epoch over four scenes."""

    def make(folder: Path) -> None:
        run_quietly("fit", *DEMO, "--trainer.max_epochs", 1, "--output_dir", folder)

    return made_once(tmp_path_factory, "trained_gate", make)


Networks = tuple[MobileNetV2DeepLab, SegmentAnything]


@pytest.fixture(scope="module")
def networks() -> Networks:
    return MobileNetV2DeepLab("demo"), SegmentAnything("demo")


def state_of(folder: Path) -> dict[str, torch.Tensor]:
    checkpoint = torch.load(folder / "checkpoints/last.ckpt", map_location="cpu", weights_only=True)
    state: dict[str, torch.Tensor] = checkpoint["state_dict"]
    return state


def by_scipy(x: np.ndarray, y: np.ndarray, importance: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
    """Coefficients and loss by another solver, from the textbook's formula."""
    share = importance / importance.sum()
    std = x.std(0)
    z = np.c_[(x - x.mean(0)) / np.where(std > 1e-6, std, 1), np.ones(len(x))]

    def loss(w: np.ndarray) -> float:
        return float((share * np.logaddexp(0, np.where(y, -1, 1) * (z @ w))).sum())

    def slope(w: np.ndarray) -> np.ndarray:
        return np.asarray(z.T @ (share * (1 / (1 + np.exp(-(z @ w))) - y)) + penalty * w)

    start = np.zeros(z.shape[1])
    found = minimize(lambda w: loss(w) + penalty / 2 * w @ w, start, jac=slope, method="BFGS", options={"gtol": 1e-9})
    return found.x, loss(found.x)


@pytest.mark.parametrize("kind", ["drawn", "constant", "one label"])
def test_the_regression_is_an_independent_solvers(kind: str) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(3, [1, 20, 0.1, 5], (60, 4))
    y = x[:, 0] + 0.1 * x[:, 1] + rng.normal(0, 1, 60) > 3
    importance = rng.random(60)
    if kind == "constant":
        x[:, 2] = 7
    elif kind == "one label":
        y[:] = True
    found = fit_logistic(*(torch.from_numpy(values) for values in (x, y, importance)), 0.01)
    coefficients, loss = by_scipy(x, y, importance, 0.01)
    assert [*found.weight.tolist(), float(found.bias)] == pytest.approx(coefficients, abs=1e-6)
    assert float(found.loss) == pytest.approx(loss, abs=1e-7)
    assert found.mean.numpy() == pytest.approx(x.mean(0))
    assert found.bias > 0.5 or kind != "one label"


def test_the_file_is_the_regression_over_the_examples(trained: Path) -> None:
    state, gate = state_of(trained), read_gate(trained / "gate.json")
    examples = state["examples"].double().numpy()
    assert sorted(set(examples[:, 0])) == [0, 1, 2, 3]
    sam, region, size = examples[:, 2 + len(FEATURES) :].T
    x, importance = examples[:, 2 : 2 + len(FEATURES)], abs(sam - region) * size
    assert 0 < (sam > region).mean() < 1
    coefficients, loss = by_scipy(x, sam > region, importance, 0.01)
    assert [*gate.weight.tolist(), float(gate.bias)] == pytest.approx(coefficients, abs=1e-5)
    for name in ("mean", "std", "weight", "bias"):
        assert torch.equal(getattr(gate, name), state[name])
    assert gate.variant == f"{ROW}/learned"
    assert len(gate.trained_on) == 4
    with (trained / "curve.csv").open() as file:
        before, after = csv.DictReader(file)
    assert float(after["train/loss"]) == pytest.approx(loss, abs=1e-6)
    # Untrained it keeps all masks.
    assert before[f"val/{ROW_NAME}.learned/miou"] == before[f"val/{ROW_NAME}/miou"]
    assert not (trained / "frozen").exists()


ROW_NAME = "points_box_mask.component"


def evaluated(run_cli: RunCli, folder: Path, gate: Path, *words: object) -> dict[str, Any]:
    outcome = run_cli(
        *("test", "--config", PROJECT / "configs/demo.yaml", "--data.split", "val", "--data.size", 30),
        *("--data.subset", 2, "--model.save_predictions", True, "--report", False, "--gallery", False),
        *("--model.gate", gate, "--output_dir", folder, *words),
    )
    assert outcome.code == 0, outcome.err
    results: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return results


@pytest.fixture
def gate_saying(tmp_path: Path) -> Callable[[float], Path]:
    """Write a gate with one answer for all."""

    def write(bias: float) -> Path:
        gate = LearnedGate()
        gate.bias.fill_(bias)
        path = tmp_path / f"gate{bias}.json"
        gate.write(path)
        return path

    return write


@pytest.mark.parametrize(
    ("bias", "same"),
    [
        # The quicker one is tests/refine/test_learned_gate.py: always is the ungated row.
        pytest.param(1.0, ROW, marks=pytest.mark.slow),
        (-1.0, f"{ROW}/gate=1.0"),
    ],
    ids=["yes", "no"],
)
def test_a_gate_is_a_row(
    bias: float, same: str, run_cli: RunCli, gate_saying: Callable[[float], Path], tmp_path: Path
) -> None:
    rows = ("--model.variants", f"[{same}, {ROW}/learned]", "--model.analysis", False)
    results = evaluated(run_cli, tmp_path / "run", gate_saying(bias), *rows)
    scores = {row["name"]: row["miou"] for row in results["rows"]}
    assert scores[f"{ROW}/learned"] == scores[same]
    ours, theirs = (
        read_predictions(tmp_path / "run/predictions" / row.replace("/", "__")) for row in (f"{ROW}/learned", same)
    )
    assert len(ours) == 2
    assert all(np.array_equal(ours[image_id], theirs[image_id]) for image_id in theirs)


def test_a_gate_at_home_is_named_and_nothing_is_said(trained: Path, run_cli: RunCli, tmp_path: Path) -> None:
    rows = ("--model.variants", f"[{ROW}/learned]", "--data.subset", 1, "--model.analysis", False)
    record = evaluated(run_cli, tmp_path / "own", trained / "gate.json", *rows)["gate"]
    assert record == {
        "file": str(trained / "gate.json"),
        "sha256": read_gate(trained / "gate.json").sha256,
        "images": 4,
    }


def test_what_cannot_be_evaluated(trained: Path, networks: Networks, run_cli: RunCli, tmp_path: Path) -> None:
    rows = ("--model.variants", f"[{ROW}/learned]", "--model.gate", trained / "gate.json")
    outcome = run_cli(
        *("test", "--config", PROJECT / "configs/demo.yaml", "--data.split", "train", "--data.size", 30, *rows),
        *("--report", False, "--gallery", False, "--output_dir", tmp_path / "run"),
    )
    assert outcome.code == 2
    assert f"4 of the images were used to train {trained / 'gate.json'}" in outcome.err
    assert outcome.err.count("\n") == 1
    classes: dict[str, Any] = {"class_names": Scenes.class_names, "background": 0}
    none = str(tmp_path / "none.json")
    refuses(lambda: SamSegEvaluation(*networks, gate=none, **classes), f"no such gate: {none}")
    evaluation = SamSegEvaluation(*networks, [f"{ROW}/learned"], **classes)
    complaint = f"variant '{ROW}/learned' needs a learned gate; give --model.gate FILE"
    # Both commands ask for it before they look at anything else.
    for stage in ("test", "predict"):
        refuses(lambda stage=stage: evaluation.setup(stage), complaint)  # type: ignore[misc]


def test_a_gate_away_from_home_says_so(trained: Path, run_cli: RunCli, tmp_path: Path) -> None:
    gate = json.loads((trained / "gate.json").read_text())
    (tmp_path / "gate.json").write_text(json.dumps(gate | {"sam_sha256": "0" * 64, "baseline_sha256": "1" * 64}))
    words = ("--model.variants", f"[{ROW}/learned, box@learned]", "--data.subset", 1, "--model.analysis", False)
    with pytest.warns(UserWarning, match="was not trained for this") as caught:
        evaluated(run_cli, tmp_path / "run", tmp_path / "gate.json", *words)
    (warning,) = (str(one.message) for one in caught)
    assert warning == (
        f"gate {tmp_path / 'gate.json'} was not trained for this: row box@learned (it learned from {ROW}/learned), "
        "another SAM, another baseline"
    )


# The quicker one is that of SAM in test_decoder_going_on.py, by the same checkpoint.
@pytest.mark.slow
def test_going_on_gives_the_gate_of_an_unbroken_run(run_cli: RunCli, tmp_path: Path) -> None:
    views = ("--data.subset", 1, "--data.training.subset", 2, "--data.training.views", 2, "--trainer.max_epochs")
    assert run_cli("fit", *DEMO, *views, 2, *SNAPSHOT, "--output_dir", tmp_path / "parts").code == 0
    put_back(tmp_path / "parts")
    once = state_of(tmp_path / "parts")
    last = tmp_path / "parts/checkpoints/last.ckpt"
    assert run_cli("fit", *DEMO, *views, 2, "--output_dir", tmp_path / "parts", "--ckpt_path", last).code == 0
    whole, parts = (state_of(folder) for folder in (tmp_path / "whole", tmp_path / "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    # Both views of each image, the first of which is the image as it is.
    assert set(whole["examples"][:, 1].tolist()) == {0.0, 1.0}
    assert torch.equal(whole["examples"][whole["examples"][:, 1] == 0], once["examples"])
    assert not torch.equal(whole["weight"], once["weight"])


@pytest.mark.skipif(not has_loopback(), reason="needs the loopback interface between the processes")
@pytest.mark.slow
def test_two_processes_fit_the_gate_of_one(tmp_path: Path) -> None:
    """Five images: to go round, one comes twice, which must not count."""
    for processes in (1, 2):
        start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"] if processes > 1 else []
        words = ("fit", *DEMO, "--data.training.subset", 5, "--data.training.batch_size", 1, "--trainer.max_epochs", 1)
        command = [sys.executable, *start, "-m", "lit_samseg", *map(str, words), f"--trainer.devices={processes}"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [*command, "--output_dir", str(tmp_path / str(processes))],
            cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=250, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    alone, together = (tmp_path / name / "gate.json" for name in "12")
    assert alone.read_text() == together.read_text()
    assert torch.equal(state_of(tmp_path / "1")["examples"], state_of(tmp_path / "2")["examples"])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"variants": ["box"]}, "no row of model.variants has the word learned"),
        ({"variants": ["box@class/oracle/learned"]}, "knows the ground truth"),
        ({"penalty": 0.0}, "model.penalty is 0"),
    ],
)
def test_what_cannot_be_trained(networks: Networks, options: dict[str, Any], complaint: str) -> None:
    refuses(lambda: GateFinetune(*networks, class_names=Scenes.class_names, background=0, **options), complaint)


def test_other_modules_have_no_gate(trained: Path, networks: Networks) -> None:
    classes: dict[str, Any] = {"class_names": Scenes.class_names, "background": 0}
    complaint = "variant 'box@learned' needs a learned gate"
    refuses(lambda: SamRefinerFinetune(*networks, variants=["box@learned"], **classes), complaint)
    state = state_of(trained)
    gate = GateFinetune(*networks, **classes)
    gate.load_state_dict(state)
    refuses(lambda: gate.load_state_dict(state | {"examples": torch.zeros(3, 4)}), "of another version's gate")
