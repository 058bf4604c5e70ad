"""Which loggers are given pictures, and under which names, by the loggers themselves."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger
from PIL import Image

from lit_samseg.callbacks.picture_loggers import file_name, find_picture_loggers, log_picture
from tests.conftest import PROJECT

PICTURE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def test_other_loggers_are_left_alone(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    board = TensorBoardLogger(tmp_path)
    assert find_picture_loggers([CSVLogger(tmp_path), board]) == [board]
    assert find_picture_loggers([CSVLogger(tmp_path)]) == []


@pytest.mark.slow
def test_looking_for_them_imports_no_package_of_theirs(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from lightning.pytorch.loggers import CSVLogger\n"
        "from lit_samseg.callbacks.live_overlays import OverlayLogger, find_picture_loggers\n"
        f"assert find_picture_loggers([CSVLogger({str(tmp_path)!r})]) == []\n"
        "print(sorted({'mlflow', 'tensorboard', 'tensorboardX', 'wandb'} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("overlays/2007_000033", "overlays/2007_000033"),
        ("overlays/Straße 1.b-c", "overlays/Straße 1.b-c"),
        ("overlays/a+b#1", "overlays/a~2b~b~23~1"),
        ("a:b", "a~3a~b"),
    ],
)
def test_file_names(name: str, expected: str) -> None:
    assert file_name(name) == expected


@given(st.text() | st.text("a+~2be"))
def test_different_names_stay_different(name: str) -> None:
    back = re.sub("~([0-9a-f]+)~", lambda found: chr(int(found[1], 16)), file_name(name))
    assert back == name


def test_mlflow_gives_back_a_picture_of_an_odd_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow")
    uri = allow_mlflow_files(tmp_path, monkeypatch)
    logger = MLFlowLogger(tracking_uri=uri)
    for name in ("overlays/50% #1: a+b", "overlays/50% #1: a_b"):
        log_picture(logger, name, PICTURE, 0)
    # A second time is no error, and leaves the last.
    log_picture(logger, "overlays/50% #1: a+b", 255 - PICTURE, 0)
    client, run_id = logger.experiment, logger.run_id
    paths = [artifact.path for artifact in client.list_artifacts(run_id, "overlays")]
    assert paths == ["overlays/50~25~ ~23~1~3a~ a_b.png", "overlays/50~25~ ~23~1~3a~ a~2b~b.png"]
    pixels = [np.array(Image.open(client.download_artifacts(run_id, path, str(tmp_path)))) for path in paths]
    assert np.array_equal(pixels[0], PICTURE)
    assert np.array_equal(pixels[1], 255 - PICTURE)


def allow_mlflow_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of an MLflow store in files, which needs no database; MLflow asks for leave."""
    uri = (tmp_path / "mlflow").as_uri()
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    # The logger sets it; so it is put back.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return uri
