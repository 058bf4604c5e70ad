"""A package of someone else's: installed, found by entry points and by paths, and shown in the documentation."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import PROJECT, made_once
from tests.forked import Forked

HERE = Path(__file__).parent
GUESTS = sorted(path for path in (HERE / "guests").glob("*.py") if path.name != "__init__.py")
NETWORKS = (
    *("--model", "lit_samseg.module.SamSegEvaluation"),
    *("--data", "guests.squares.Squares", "--data.num_workers", "0"),
    *("--model.baseline", "guests.brightness.Brightness", "--model.sam", "guests.ruler.Ruler"),
    *("--model.concepts", "guests.shades.Shades", "--model.concepts.tolerance", "30"),
)
ROWS = {
    "by word": "halo@component/sure/half/layers",
    "by path": "guests.halo:Halo@component/guests.sure:Sure/guests.half:Half/guests.layers:Layers",
    "belief": "halo@component/modest/fuse",
    "judge": "halo@component/fuse/faint=700",
    "words": "halo@component/text/fuse",
    "with options": {"roomy": {"row": "halo@layers/half=0.4", "halo": {"room": 2}}},
}


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package is installed in, as pip does it."""

    def install(folder: Path) -> None:
        source = folder / "source"
        shutil.copytree(HERE, source, ignore=shutil.ignore_patterns("__pycache__", "test_*"))
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"),
                *("--disable-pip-version-check", "--target", str(folder / "site"), str(source)),
            ],
            check=True,
            timeout=120,
        )

    return made_once(tmp_path_factory, "guests", install) / "site"


def lit_samseg(site: Path, *words: object) -> tuple[int | None, str]:
    """Run the program in a process with a further folder of installed packages; return its exit code and errors."""
    process = Forked(words, packages=site)
    _, errors = process.communicate(timeout=240)
    return process.returncode, errors


@pytest.fixture(scope="session")
def run(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of all guests, with each way to name them."""

    def make(folder: Path) -> None:
        rows = json.dumps([*list(ROWS.values()), "box"])
        words = ("--model.variants", rows, "--model.metrics", "[coverage]", "--output_dir", folder)
        code, errors = lit_samseg(installed, "test", *NETWORKS, *words, "--trainer.accelerator", "cpu")
        assert code == 0, errors

    return made_once(tmp_path_factory, "guests_run", make)


def rows_of(run: Path) -> dict[str, dict[str, Any]]:
    """Return the rows of a run by name."""
    return {row["name"]: row for row in json.loads((run / "results.json").read_text(encoding="utf-8"))["rows"]}


def test_guests_are_rows_like_others(run: Path) -> None:
    rows = rows_of(run)
    assert list(rows) == [
        "baseline",
        ROWS["by word"],
        ROWS["by path"],
        ROWS["belief"],
        ROWS["judge"],
        ROWS["words"],
        "roomy",
        "box",
    ]
    with np.load(run / "counts.npz") as counts:
        assert np.array_equal(counts["intersection"][1], counts["intersection"][2])
        assert not np.array_equal(counts["intersection"][1], counts["intersection"][5])


def test_what_a_row_is_made_of_is_written(run: Path) -> None:
    parts = rows_of(run)["roomy"]["parts"]
    assert parts["prompt"] == [{"word": "halo", "class": "guests.halo:Halo", "options": {"room": 2.0}, "slot": "box"}]
    assert parts["gate"] == {"word": "half", "class": "guests.half:Half", "options": {"share": 0.4}}
    assert [part["word"] for part in parts["compose"]] == ["layers"]
    assert "beliefs" not in parts
    (belief,) = rows_of(run)[ROWS["belief"]]["parts"]["beliefs"]
    judge = rows_of(run)[ROWS["judge"]]["parts"]["judge"]
    assert judge == {"word": "faint", "class": "guests.faint:Faint", "options": {"least": 700}}
    # A square has 660 pixels, of which SAM finds no more.
    assert rows_of(run)[ROWS["judge"]]["metrics"]["coverage"] == {"share": 0.0}
    assert belief == {"word": "modest", "class": "guests.modest:Modest", "options": {"temperature": 2.0}}
    # The classes' names are the phrases.
    told = json.loads((run / "results.json").read_text(encoding="utf-8"))["text"]
    assert (told["name"], told["phrases"]) == ("shades", 3)


def test_the_metric_is_shown(run: Path) -> None:
    # Of 48 x 64 pixels each square has 22 x 30.
    assert rows_of(run)["baseline"]["metrics"]["coverage"] == {"share": pytest.approx(22 * 30 / (48 * 64))}
    assert "| covered |" in (run / "tables.md").read_text(encoding="utf-8")
    assert "covered" in (run / "report.html").read_text(encoding="utf-8")


def test_the_report_draws_what_guests_ask(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Prompts of each region: a box with room around it." in page
    prompts = json.loads((run / "gallery/prompts/square_0.json").read_text(encoding="utf-8"))
    (of_row,) = (prompts["prompts"][place] for place in prompts["rows"]["roomy"])
    # The square's box is 10, 8, 39, 29; two pixels of room on each side.
    assert of_row["box"] == [8, 6, 41, 31]


def test_a_word_that_is_mistaken_is_named(installed: Path, tmp_path: Path) -> None:
    words = ("--model.variants", "[hallo@component]", "--output_dir", tmp_path)
    code, errors = lit_samseg(installed, "test", *NETWORKS, *words)
    assert code == 2
    assert "variant 'hallo@component': unknown recipe 'hallo'; there are point, " in errors
    assert "did you mean 'halo'?" in errors


# The quicker ones are in processes that need not import anything.
@pytest.mark.slow
def test_a_fresh_process_finds_them_too(run: Path, installed: Path, tmp_path: Path) -> None:
    path = os.pathsep.join([str(installed), str(PROJECT), os.environ.get("PYTHONPATH", "")])
    words = ["test", *NETWORKS, "--model.variants", json.dumps([ROWS["by word"]]), "--output_dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "lit_samseg", *words, "--trainer.accelerator", "cpu"],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with np.load(run / "counts.npz") as ours, np.load(tmp_path / "counts.npz") as theirs:
        assert np.array_equal(ours["intersection"][:2], theirs["intersection"])


def test_the_page_shows_these_files() -> None:
    page = (PROJECT / "docs/extend.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^`guests/(\w+\.py)`:?\n\n```python\n(.*?)```$", page, re.MULTILINE | re.DOTALL))
    assert shown == {path.name: path.read_text(encoding="utf-8") for path in GUESTS}
    (project,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert project == (HERE / "pyproject.toml").read_text(encoding="utf-8")


def test_a_prompt_takes_few_lines() -> None:
    lines = (HERE / "guests/halo.py").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 15
