"""Images that cannot be read and are skipped: the rest counts as if they had never been listed, and it is said."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import PROJECT, RunCli, SmallVoc, has_loopback
from tests.recomputation import results_of

SHORT = ("--model.variants=[box]", "--model.analysis=false", "--gallery=false", "--report=false")


@pytest.fixture
def broken_voc(small_voc: SmallVoc) -> SmallVoc:
    """Of four images one is cut off and one has no ground truth."""
    path = small_voc.base / "JPEGImages/2007_000001.jpg"
    path.write_bytes(path.read_bytes()[:500])
    (small_voc.base / "SegmentationClass/2007_000003.png").unlink()
    return small_voc


# The quicker one has the same batches without workers; pictures of one's own are predicted one by one.
@pytest.mark.parametrize(
    "words",
    [
        ("--data.batch_size=3",),
        pytest.param((), marks=pytest.mark.slow),
        pytest.param(("--data.num_workers=1", "--data.batch_size=3"), marks=pytest.mark.slow),
    ],
    ids=["in batches", "one by one", "with a worker"],
)
def test_the_rest_is_evaluated(broken_voc: SmallVoc, run_cli: RunCli, tmp_path: Path, words: tuple[str, ...]) -> None:
    command = [*broken_voc.words(), *SHORT, *words]
    outcome = run_cli(*command, "--data.on_error=skip", "--output_dir", tmp_path / "skipped")
    assert outcome.code == 0, outcome.err
    assert "2 images were skipped:" in outcome.err
    assert "2007_000001.jpg cannot be decoded" in outcome.err
    assert "2007_000003.png" in outcome.err
    assert "2 of the images could not be read" in outcome.out
    results = results_of(tmp_path / "skipped")
    assert results["dataset"]["ids"] == ["2007_000000", "2007_000002"]
    assert [image["id"] for image in results["dataset"]["skipped"]] == ["2007_000001", "2007_000003"]
    assert "cannot be decoded" in results["dataset"]["skipped"][0]["error"]
    assert results["processes"][0]["images"] == 2
    # The ids that were used are given back.
    again = run_cli(*command, f"--data.ids={tmp_path}/skipped/ids.txt", "--output_dir", tmp_path / "listed")
    assert again.code == 0, again.err
    ours, theirs = np.load(tmp_path / "skipped/counts.npz"), np.load(tmp_path / "listed/counts.npz")
    assert all(ours[name].tobytes() == theirs[name].tobytes() for name in ours.files)
    assert results_of(tmp_path / "listed")["dataset"]["skipped"] == []


def test_a_broken_image_ends_a_run_that_was_not_told_to_skip(
    broken_voc: SmallVoc, run_cli: RunCli, tmp_path: Path
) -> None:
    outcome = run_cli(*broken_voc.words(), *SHORT, "--output_dir", tmp_path / "out")
    assert outcome.code == 2
    assert "2007_000003" in outcome.err
    assert not (tmp_path / "out/results.json").exists()


# The quicker one is that of broken ones: what is missing is skipped beside it above.
@pytest.mark.parametrize("what", ["broken", pytest.param("missing", marks=pytest.mark.slow)])
def test_nothing_to_evaluate_is_no_result(what: str, small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    for path in (small_voc.base / "JPEGImages").iterdir():
        path.unlink() if what == "missing" else path.write_text("no picture")
    outcome = run_cli(*small_voc.words(), *SHORT, "--data.on_error=skip", "--output_dir", tmp_path / "out")
    assert outcome.code == 2
    assert "2007_000000.jpg" in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "out/results.json").exists()


def test_pictures_of_one_s_own_too(broken_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    command = ["predict", *broken_voc.words()[1:], f"--data.images={broken_voc.base}/JPEGImages"]
    outcome = run_cli(*command, "--model.variants=[box]", "--data.on_error=skip", "--output_dir", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert "1 images were skipped:" in outcome.err
    assert len(list((tmp_path / "out/predictions/box").iterdir())) == 3


@pytest.mark.slow
@pytest.mark.skipif(not has_loopback(), reason="needs the loopback interface between the processes")
def test_two_processes_skip_what_each_meets(broken_voc: SmallVoc, tmp_path: Path) -> None:
    words = [*broken_voc.words(), *SHORT, "--data.on_error=skip", "--trainer.devices=2", f"--output_dir={tmp_path}/out"]
    command = [sys.executable, "-m", "lit_samseg", *map(str, words)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("2 images were skipped:") == 1
    results = results_of(tmp_path / "out")
    assert results["dataset"]["ids"] == ["2007_000000", "2007_000002"]
    assert sum(process["images"] for process in results["processes"]) == 2
