"""Runs over four small images that are interrupted, in this process, after as many as a test says."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lit_samseg.__main__ import main
from lit_samseg.module import SamSegEvaluation
from tests.conftest import Outcome, RunCli, SmallVoc, make_small_voc

Interrupt = Callable[..., Outcome]


OPTIONS = ("--model.variants=[points, box@component]", "--model.save_predictions=true", "--gallery=true")


@pytest.fixture
def words(small_voc: SmallVoc, tmp_path: Path) -> list[str]:
    """A test run with everything that is written of an image, into ``run``."""
    return [*small_voc.words(), *OPTIONS, f"--output_dir={tmp_path / 'run'}"]


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run, undisturbed."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        # LightningCLI warns where it gets words of its own while the program has some too.
        patch.setattr("sys.argv", ["lit-samseg"])
        main([*make_small_voc(folder).words(), *OPTIONS, f"--output_dir={folder / 'run'}"])
    assert not (folder / "run/journal").exists()
    return folder / "run"


@pytest.fixture
def interrupt(words: list[str], run_cli: RunCli) -> Interrupt:
    """Run until so many images are done, and raise an error where the next one would be evaluated."""

    def run(
        images: int,
        *more: object,
        error: type[BaseException] = KeyboardInterrupt,
        words: Sequence[str] = words,
    ) -> Outcome:
        left = images
        evaluate = SamSegEvaluation.label_maps

        def some(module: SamSegEvaluation, *arguments: Any) -> Any:
            nonlocal left
            if left == 0:
                raise error("of the test")
            left -= 1
            return evaluate(module, *arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SamSegEvaluation, "label_maps", some)
            return run_cli(*words, *more)

    return run
