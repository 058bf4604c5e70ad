"""An undisturbed run, and one to disturb."""

from pathlib import Path

import pytest

from tests.conftest import SmallVoc, make_small_voc
from tests.writing.small_run import SmallRun


def work_beside(patch: pytest.MonkeyPatch, threads: int) -> None:
    """Have so many threads count, and so many write the gallery, whatever this machine has; with 0 all is in turn."""
    for place in ("evaluation.counting", "writing.gallery"):
        patch.setattr(f"lit_samseg.{place}.threads_beside", lambda device, most: min(most, threads))


@pytest.fixture(autouse=True)
def in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Finish each image before the next, so that tests know what is done when."""
    work_beside(monkeypatch, 0)


@pytest.fixture
def small(small_voc: SmallVoc, tmp_path: Path) -> SmallRun:
    """A test with everything that is written of an image, into ``run``."""
    return SmallRun(small_voc, tmp_path / "run")


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the same run, undisturbed."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        work_beside(patch, 0)
        SmallRun(make_small_voc(folder), folder / "run").run()
    assert not (folder / "run/journal").exists()
    return folder / "run"
