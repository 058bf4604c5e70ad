"""A run with label maps, made once by the real command, and the command for its figures."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import PROJECT, Outcome, RunCli, made_once, run_quietly

RunFigure = Callable[..., Outcome]


@pytest.fixture(scope="session")
def pictured_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six scenes, two rows."""

    def make(folder: Path) -> None:
        words = ["test", "--config", PROJECT / "configs/demo.yaml", "--trainer.accelerator=cpu", "--data.size=6"]
        words += ["--model.variants=[box, points+box+mask]", "--model.save_predictions=true"]
        run_quietly(*words, "--report=false", "--output_dir", folder)

    return made_once(tmp_path_factory, "pictured_run", make)


@pytest.fixture(scope="session")
def prompted_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes, rows whose prompts no region's box tells."""

    def make(folder: Path) -> None:
        words = ["test", "--config", PROJECT / "configs/demo.yaml", "--trainer.accelerator=cpu", "--data.size=2"]
        words += ["--model.variants=[wide, pole+negative+box@split, point, mask]", "--model.analysis=false"]
        run_quietly(*words, "--report=false", "--output_dir", folder)

    return made_once(tmp_path_factory, "prompted_run", make)


@pytest.fixture
def figure(run_cli: RunCli) -> RunFigure:
    """Run ``lit-samseg figure`` with the given words."""
    return partial(run_cli, "figure")
