"""The script that takes the documentation's pictures of a report, and the pictures that are there."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import PROJECT

SIZES = {"report.png": (1440, 900), "report_phone.png": (390, 844)}
MOST = 200_000
"""Bytes of a picture."""


def take(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/picture_report.py", *map(str, words)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


@pytest.mark.slow
# The browser is asked for so that a machine without one skips.
@pytest.mark.usefixtures("browser")
def test_the_script_takes_both_pictures(demo_report: Path, tmp_path: Path) -> None:
    done = take(demo_report, "--output_dir", tmp_path)
    assert done.returncode == 0, done.stderr
    for name, size in SIZES.items():
        with Image.open(tmp_path / name) as picture:
            assert picture.size == size
            assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 100
        assert (tmp_path / name).stat().st_size < MOST


def test_a_folder_without_a_report_is_named(tmp_path: Path) -> None:
    done = take(tmp_path)
    assert done.returncode == 2
    assert "report.html is not there; run lit-samseg test --config demo" in done.stderr


@pytest.mark.parametrize("name", SIZES)
def test_the_documentation_s_pictures_are_small(name: str) -> None:
    path = PROJECT / "docs" / name
    with Image.open(path) as picture:
        assert picture.size == SIZES[name]
    assert path.stat().st_size < MOST
    assert f"]({name})" in (PROJECT / "docs/outputs.md").read_text(encoding="utf-8")
