"""How the command line says that a run cannot be gone on with; every reason is in ``tests/writing``."""

from types import SimpleNamespace
from typing import Any

import pytest

from lit_samseg.callbacks.run_writer import stopping_option
from tests.conftest import RunCli
from tests.resume.conftest import Interrupt


def refuse(run_cli: RunCli, *words: object) -> str:
    outcome = run_cli(*words, "--resume=true")
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
    line = outcome.err.strip().splitlines()[-1]
    assert line.startswith("lit-samseg: error: ")
    return line


def test_another_configuration(interrupt: Interrupt, run_cli: RunCli, words: list[str]) -> None:
    interrupt(1)
    line = refuse(run_cli, *words, "--model.variants=[points]", "--model.sam.precision=bf16", "--data.subset=3")
    assert 'model.init_args.variants was ["points", "box@component"], is ["points"]' in line
    assert 'model.init_args.sam.init_args.precision was "fp32", is "bf16"' in line
    assert "data.init_args.subset was null, is 3; and " in line


def test_words_that_contradict_each_other(run_cli: RunCli, words: list[str]) -> None:
    """A run that stops early is refused in tests/writing/test_run_output.py."""
    assert "--resume true needs --output_dir" in refuse(run_cli, *words[:-1])
    assert "--overwrite replaces one; leave one of them out" in refuse(run_cli, *words, "--overwrite=true")


@pytest.mark.parametrize(
    ("limit", "fast", "option"),
    [
        (1.0, 0, None),
        (1, 0, "trainer.limit_{}_batches"),
        (0.5, 0, "trainer.limit_{}_batches"),
        (1, 1, "trainer.fast_dev_run"),
    ],
)
@pytest.mark.parametrize("command", ["test", "predict"])
def test_what_stops_a_run_early(command: str, limit: float, fast: int, option: str | None) -> None:
    others = {"limit_test_batches": 1.0, "limit_predict_batches": 1.0} | {f"limit_{command}_batches": limit}
    trainer: Any = SimpleNamespace(predicting=command == "predict", fast_dev_run=fast, **others)
    assert stopping_option(trainer) == (None if option is None else option.format(command))
