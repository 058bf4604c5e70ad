"""A small study of the built-in world, whose pairs run in forks of the tests' process, which has imported all."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from lit_samseg.study import pair_process
from tests.conftest import made_once, run_quietly

ROWS = ["none@crf", "points+box+mask@component"]


def small_study(**changes: Any) -> dict[str, Any]:
    """Return a study of three pairs, two of which share images."""
    return {
        "title": "Small",
        "rows": ROWS,
        "sam": {"class_path": "lit_samseg.sam.SegmentAnything", "init_args": {"checkpoint": "demo"}},
        "baseline": {"class_path": "lit_samseg.baselines.MobileNetV2DeepLab", "init_args": {"checkpoint": "demo"}},
        "data": {"class_path": "lit_samseg.data.Scenes", "init_args": {"size": 3}},
        "model": {"analysis": False},
        "trainer": {"accelerator": "cpu"},
        "gallery": False,
        "report": False,
        "pairs": [
            {"name": "test x DeepLab", "data": {"init_args": {"split": "test"}}},
            {"name": "val x DeepLab", "data": {"init_args": {"split": "val"}}},
            {"name": "two of test x DeepLab", "data": {"init_args": {"size": 2}}, "rows": ROWS[1:]},
        ],
        **changes,
    }


def write_study(path: Path, study: dict[str, Any]) -> Path:
    """Write a study's file."""
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    return path


class Studied(NamedTuple):
    """A finished study: its file, its folder and what was printed."""

    file: Path
    folder: Path
    out: str


def fork_pairs(patch: pytest.MonkeyPatch) -> None:
    """Have pairs run in forks; that of the program's own server imports for 10 s (`test_fresh`, and CI's demo)."""
    patch.setattr(pair_process, "_context", lambda: multiprocessing.get_context("fork"))


@pytest.fixture
def forked_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    fork_pairs(monkeypatch)


@pytest.fixture(scope="session")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Studied:
    """The study, undisturbed."""

    def make(root: Path) -> None:
        root.mkdir()
        file = write_study(root / "small.yaml", small_study())
        with pytest.MonkeyPatch.context() as patch:
            fork_pairs(patch)
            out = run_quietly("study", file, "--output_dir", root / "study", "--probe", "2")
        (root / "out.txt").write_text(out, encoding="utf-8")

    root = made_once(tmp_path_factory, "studied", make)
    return Studied(root / "small.yaml", root / "study", (root / "out.txt").read_text(encoding="utf-8"))


Write = Callable[..., Path]


@pytest.fixture
def study_file(tmp_path: Path) -> Write:
    """Write the small study, changed in parts."""
    return lambda **changes: write_study(tmp_path / "study.yaml", small_study(**changes))
