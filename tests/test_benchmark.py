"""The benchmark: that its figures are of the same work. No time is asserted."""

import json
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from lit_samseg.refine import PAPER_VARIANTS, RECOMMENDED
from scripts.benchmarking import plot, suites, summary
from scripts.benchmarking.machine import describe_machine
from tests.conftest import PROJECT


def run_script(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/benchmark.py", *map(str, words)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


class Done(NamedTuple):
    """How the script ended."""

    returncode: int
    stdout: str
    stderr: str


RunHere = Callable[..., Done]


@pytest.fixture
def run_here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[RunHere]:
    """Run the script in this process, which has torch; no worker is started."""

    def run(*words: object) -> Done:
        monkeypatch.setattr("sys.argv", ["benchmark.py", *map(str, words)])
        monkeypatch.syspath_prepend(PROJECT / "scripts")
        code = 0
        try:
            runpy.run_path(str(PROJECT / "scripts/benchmark.py"), run_name="__main__")
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        return Done(code, *capsys.readouterr())

    before = signal.getsignal(signal.SIGTERM)
    yield run
    signal.signal(signal.SIGTERM, before)


@pytest.mark.slow
def test_the_plain_loop_and_ours_do_the_same_work(tmp_path: Path) -> None:
    few = ("--images", 1, "--warmup", 1, "--repeats", 1, "--rows", "plain", "fp32")
    done = run_script("--suite", "main", *few, "--output", tmp_path, "--markdown")
    assert done.returncode == 0, done.stderr
    plain, ours = summary.read_csv(tmp_path / "main.csv")
    assert (plain["row"], ours["row"]) == ("plain loop", "ours fp32")
    assert ours["identical"] >= 0.9999
    scores = {name: value for name, value in plain.items() if name.startswith("miou:")}
    assert list(scores) == ["miou:baseline", *(f"miou:{row}" for row in PAPER_VARIANTS)]
    assert {name: ours[name] for name in scores} == pytest.approx(scores, abs=1e-4)
    for record in (plain, ours):
        stages = {name.removeprefix("stage:"): value for name, value in record.items() if name.startswith("stage:")}
        # The plain loop finds regions while it refines.
        assert stages.keys() - {"regions"} == {"read", "baseline", "encode", "refine", "count"}
        assert sum(stages.values()) == pytest.approx(record["seconds"])
        assert record["images_per_second"] == pytest.approx(1 / record["seconds"])
        assert record["peak_mb"] > record["added_mb"] >= 0
    machine = json.loads((tmp_path / "machine.json").read_text())
    assert machine["versions"]["torch"] == torch.__version__
    assert machine["cores"] >= 1
    assert "| ours fp32 |" in done.stdout


@pytest.mark.slow
def test_synthetic_suites(tmp_path: Path) -> None:
    few = ("--images", 1, "--warmup", 1, "--repeats", 1)
    done = run_script("--suite", "classes", "boundary", *few, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert [record["case"] for record in summary.read_csv(tmp_path / "classes.csv")] == ["21 classes", "150 classes"]
    assert [record["row"] for record in summary.read_csv(tmp_path / "boundary.csv")] == ["boundary counts"] * 2


@pytest.mark.slow
def test_words_are_timed_in_a_row_and_alone(tmp_path: Path) -> None:
    few = ("--images", 1, "--warmup", 1, "--repeats", 1)
    done = run_script("--suite", "words", *few, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    without, with_words, *asking = summary.read_csv(tmp_path / "words.csv")
    assert "stage:words" not in without
    assert with_words["stage:words"] > 0
    assert with_words["miou:baseline"] == without["miou:baseline"]
    assert f"miou:{suites.WORDED_ROW}" in with_words
    assert [record["case"] for record in asking] == [f"{n} phrases at once" for n in suites.PHRASES]
    for count, record in zip(suites.PHRASES, asking, strict=True):
        assert record["seconds_per_phrase"] == pytest.approx(record["seconds"] / count)
        assert record["peak_mb"] > record["added_mb"] >= 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a CUDA device")
def test_without_a_gpu_nothing_is_timed_on_one(
    run_here: RunHere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Asked in this process, which has torch, rather than in a worker.
    monkeypatch.syspath_prepend(PROJECT / "scripts")
    monkeypatch.setattr("benchmarking.process.run_job", describe_machine)
    done = run_here("--device", "cuda", "--output", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert not tmp_path.joinpath("machine.json").exists()


def test_an_unknown_suite_is_a_usage_error(run_here: RunHere) -> None:
    done = run_here("--suite", "everything")
    assert done.returncode == 2
    assert "invalid choice: 'everything'" in done.stderr


@pytest.mark.slow
def test_a_worker_that_fails_says_why(tmp_path: Path) -> None:
    done = run_script("--sam", tmp_path / "missing.pth", "--rows", "fp32", "--output", tmp_path)
    assert done.returncode == 1
    assert f"no such weight file: {tmp_path / 'missing.pth'}" in done.stderr


def test_the_suites_begin_with_the_papers_rows() -> None:
    assert suites.VARIANTS[: len(PAPER_VARIANTS)] == PAPER_VARIANTS
    assert len(set(suites.VARIANTS)) == 11
    # One configuration's rows are made with words and without.
    assert suites.ROW == RECOMMENDED
    assert suites.WORDED_ROW.replace("/text", "") == RECOMMENDED


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="needs matplotlib (the extra dev)")
@pytest.mark.parametrize("plain_in_variants", [True, False])
def test_figure(run_here: RunHere, tmp_path: Path, plain_in_variants: bool) -> None:
    def record(row: str, label_maps: int) -> summary.Record:
        stages = {
            "stage:read": 0.1,
            "stage:baseline": 0.2,
            "stage:encode": 2.0,
            "stage:refine": 1.0,
            "stage:count": 0.3,
        }
        return {"case": "", "row": row, "seconds": sum(stages.values()), **stages, "label_maps": label_maps}

    summary.write_csv([record("plain loop", 6), record("ours fp32", 6)], tmp_path / "main.csv")
    variants = [record("ours fp32", 3), record("ours fp32", 6)]
    variants += [record("plain loop", 3), record("plain loop", 6)] * plain_in_variants
    summary.write_csv(variants, tmp_path / "variants.csv")
    done = run_here("--suite", "--output", tmp_path, "--plot", tmp_path / "figure.svg")
    assert done.returncode == 0, done.stderr
    svg = (tmp_path / "figure.svg").read_text()
    assert len(svg) < 100_000
    assert ("scaled from 6 rows" in svg) is not plain_in_variants
    assert "seconds per image" in svg


def test_the_plain_loop_scales_with_its_refined_rows() -> None:
    stages = {"stage:read": 1.0, "stage:baseline": 2.0, "stage:encode": 50.0, "stage:refine": 5.0, "stage:count": 6.0}
    assert plot.scaled({**stages, "label_maps": 6}, 6) == pytest.approx(64)
    assert plot.scaled({**stages, "label_maps": 6}, 1) == pytest.approx(4)
