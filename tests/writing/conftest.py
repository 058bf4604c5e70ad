"""An undisturbed run, and one to disturb."""

from pathlib import Path

import pytest

from tests.conftest import SmallVoc, make_small_voc
from tests.writing.small_run import SmallRun


@pytest.fixture
def small(small_voc: SmallVoc, tmp_path: Path) -> SmallRun:
    """A test with everything that is written of an image, into ``run``."""
    return SmallRun(small_voc, tmp_path / "run")


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the same run, undisturbed."""
    folder = tmp_path_factory.mktemp("whole")
    SmallRun(make_small_voc(folder), folder / "run").run()
    assert not (folder / "run/journal").exists()
    return folder / "run"
