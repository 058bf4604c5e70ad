"""A run with label maps, made once by the real command, and the command for its figures."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from lit_samseg.cli import main
from tests.conftest import PROJECT, Outcome, RunCli

RunFigure = Callable[..., Outcome]


@pytest.fixture(scope="session")
def pictured_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six scenes, two rows; no test writes into it."""
    folder = tmp_path_factory.mktemp("pictured") / "run"
    words = ["test", "--config", PROJECT / "configs/demo.yaml", "--trainer.accelerator=cpu", "--data.size=6"]
    words += ["--model.variants=[box, points+box+mask]", "--model.save_predictions=true", f"--output_dir={folder}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["lit-samseg"])
        main([str(word) for word in words])
    return folder


@pytest.fixture
def figure(run_cli: RunCli) -> RunFigure:
    """Run ``lit-samseg figure`` with the given words."""
    return partial(run_cli, "figure")
