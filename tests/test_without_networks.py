"""What needs no network: answered without torch, so at once; and Ctrl-C while torch is still being imported."""

import gc
import json
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from lit_samseg.__main__ import _without_collecting as without_collecting
from lit_samseg.cli.description import COMMANDS
from lit_samseg.figures import command as figures
from lit_samseg.figures import words as figure_words
from lit_samseg.formats import recognise as formats
from lit_samseg.formats.creating import CREATE
from lit_samseg.refine_folder import layout
from lit_samseg.results.evidence import Evidence
from lit_samseg.results.record import RunRecord
from tests.conftest import PROJECT, RunCli

RUN_ALL = """
import json, sys
from lit_samseg.__main__ import main
codes = []
for words in json.loads(sys.argv[1]):
    try:
        main(words)
        codes.append(0)
    except SystemExit as stop:
        codes.append(stop.code or 0)
heavy = [name for name in ("torch", "lightning", "transformers", "cv2") if name in sys.modules]
print(json.dumps([codes, heavy]))
"""


@pytest.fixture
def finished_run(tmp_path: Path) -> Path:
    """The files of a run over four images of three classes, with two rows."""
    areas = np.random.default_rng(0).integers(50, 100, (4, 3))
    hits = np.stack([areas - 20, areas - 10])
    counts = np.stack([hits, np.broadcast_to(areas, hits.shape), hits + 5], axis=1)
    evidence = Evidence(["baseline", "box"], [f"i{n}" for n in range(4)], counts.astype(np.int64))
    names = ["wall", "floor", "door"]
    dataset = {"name": "rooms", "split": "val", "num_classes": 3, "class_names": names, "ignore_index": 255}
    network = {"name": "small", "checkpoint": None, "sha256": None}
    facts = {
        "created": "2026-01-01T00:00:00+00:00", "versions": {},
        "dataset": dataset | {"ids": evidence.ids, "skipped": []},
        "baseline": network, "sam": network | {"precision": "fp32"}, "cache": None, "tags": [], "device": "cpu",
        "world_size": 1, "resumed": 0, "processes": [], "timing": {"total": 1.0}, "peak_memory_mb": {},
    }  # fmt: skip
    RunRecord(evidence, names, facts).write(tmp_path / "run")
    return tmp_path / "run"


def test_nothing_heavy_is_imported(finished_run: Path, tmp_path: Path) -> None:
    other = shutil.copytree(finished_run, tmp_path / "other")
    commands: list[list[object]] = [
        ["--help"], ["--version"], [], ["tset"], ["--config", "x.yaml", "test"],
        ["compare", "--help"], ["compare", finished_run, other, "--output_dir", tmp_path / "both"],
        ["analyse", finished_run], ["report", finished_run], ["report", "nowhere"],
        # Of those with networks, what is answered before one is needed.
        ["export", "--help"], ["figure", "--help"], ["refine", "--help"], ["search", "--help"], ["study", "--help"],
        ["search", "--study", "x", "--help"], ["export"], ["figure", finished_run, "5"], ["refine", "pictures"],
        ["search", "--tune", "x"], ["classes"], ["classes", "voc2012"], ["classes", "voc2021"],
        ["configs"], ["configs", "demo"], ["test", "--config", "dem"], ["study", "study_dem", "--output_dir", tmp_path],
        ["test", "--help"], ["predict", "--config", "demo", "-h"], ["fit", "--help"],
    ]  # fmt: skip
    words = json.dumps([[str(word) for word in command] for command in commands])
    done = subprocess.run([sys.executable, "-c", RUN_ALL, words], capture_output=True, text=True, check=True)
    codes, heavy = json.loads(done.stdout.splitlines()[-1])
    assert codes == [0, 0, 2, 2, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 0, 0, 2, 0, 0, 2, 2, 0, 0, 0], (
        done.stderr
    )
    assert heavy == []
    assert (finished_run / "report.html").is_file()


def test_what_help_lists_is_what_there_is() -> None:
    """Help is written without the modules that do the work."""
    assert tuple(CREATE) == tuple(one.word for one in formats.FORMATS) == layout.FORMATS
    assert tuple(figures.PLOTS) == figure_words.PLOTS


def test_libraries_are_imported_without_looking_for_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    with without_collecting():
        # Torch is there.
        assert gc.isenabled()
    monkeypatch.delitem(sys.modules, "torch")
    frozen = gc.get_freeze_count()
    kept = [[] for _ in range(1000)]  # type: ignore[var-annotated]
    with without_collecting():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(kept)


def test_the_console_script_is_the_light_one() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"]["lit-samseg"] == "lit_samseg.__main__:main"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["tset", "--config", "x"], "no command 'tset'; did you mean test?"),
        (["reports"], "did you mean report?"),
        (["xyzzy"], f"there are {', '.join(COMMANDS)}"),
        ([""], "no command ''"),
        (["-q"], "no command '-q'"),
    ],
)
def test_a_command_that_is_none(words: list[str], complaint: str, run_cli: RunCli) -> None:
    outcome = run_cli(*words)
    assert outcome.code == 2
    assert complaint in outcome.err
    assert outcome.err.count("\n") == 1
    assert outcome.out == ""


def test_ctrl_c_while_torch_is_imported(tmp_path: Path) -> None:
    """Libraries catch exceptions while they are imported; the interruption must not be among them."""
    torch = tmp_path / "torch"
    torch.mkdir()
    (torch / "__init__.py").write_text(
        "import os, signal, time\n"
        "try:\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(60)\n"
        "except BaseException as error:\n    raise ImportError('no torch') from error\n"
    )
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from lit_samseg.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "test", "--config", "configs/demo.yaml"],
        capture_output=True,
        text=True,
        check=False,
        # A shell's background jobs ignore Ctrl-C, and so would what these tests start, if they are one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert (done.returncode, done.stderr) == (130, "lit-samseg: interrupted\n")
