"""Pairs as jobs of submitit, by its local executor."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from lit_samseg.journal import Journal
from lit_samseg.study.cluster import ClusterCommand, ClusterLauncher
from tests.conftest import PROJECT, RunCli, refuses
from tests.study.conftest import Studied, Write
from tests.study.test_study import study_of


def wait_for(launcher: ClusterLauncher, words: Sequence[str], log: Path) -> int | None:
    job = launcher.start(words, log)
    job.wait(120)
    return job.poll()


def test_a_command_runs_as_a_job_and_tells_its_exit_code(tmp_path: Path) -> None:
    """One job for each way to end: starting Python twice takes a while."""
    launcher = ClusterLauncher(tmp_path / "cluster", "local")
    assert launcher.at_once is None
    good, bad = tmp_path / "logs/good.txt", tmp_path / "logs/bad.txt"
    jobs = [launcher.start(["--version"], good), launcher.start(["analyse", str(tmp_path / "none")], bad)]
    for job in jobs:
        job.wait(120)
    assert [job.poll() for job in jobs] == [0, 2]
    assert good.read_text().startswith("lit-samseg ")
    assert "error: no such run" in bad.read_text()


def test_a_job_that_is_queued_again_goes_on_by_the_same_command(tmp_path: Path) -> None:
    command = ClusterCommand(["test", "--resume=true"], tmp_path / "log.txt")
    again = command.checkpoint()
    assert again.function.words == command.words
    assert again.function.log == command.log


def test_wrong_options_are_one_line(studied: Studied, run_cli: RunCli, tmp_path: Path) -> None:
    refuses(lambda: ClusterLauncher(tmp_path, "local", {"partitoin": "gpu"}), "--cluster_options", "partitoin")
    refuses(lambda: ClusterLauncher(tmp_path, "local", {"timeout_min": "long"}), "--cluster_options", "timeout_min")
    words = ["study", studied.file, "--output_dir", tmp_path / "study"]
    outcome = run_cli(*words, "--cluster", "slurm")
    assert (outcome.code, "are for --launcher submitit" in outcome.err) == (2, True)
    outcome = run_cli(*words, "--launcher", "submitit", "--cluster_options", "timeout_min")
    assert (outcome.code, "'timeout_min' is not KEY=VALUE" in outcome.err) == (2, True)


# The quicker ones are above, and those of `test_study` for what a study makes of its jobs.
@pytest.mark.slow
def test_a_study_on_a_cluster_has_the_same_numbers(studied: Studied, run_cli: RunCli, tmp_path: Path) -> None:
    words = ["study", studied.file, "--output_dir", tmp_path / "study", "--probe", "0"]
    assert run_cli(*words, "--launcher", "submitit", "--cluster", "local", "--jobs", "2").code == 0
    ours, theirs = study_of(tmp_path / "study"), study_of(studied.folder)
    assert [row["pooled"] for row in ours["rows"]] == [row["pooled"] for row in theirs["rows"]]


# The quicker one is `test_a_study_that_was_killed_goes_on_to_the_same_files`, without the batch system's part.
@pytest.mark.slow
def test_a_job_that_is_cancelled_keeps_what_it_finished(study_file: Write, tmp_path: Path) -> None:
    config = PROJECT / "configs/demo.yaml"
    words = ["test", f"--config={config}", f"--output_dir={tmp_path / 'run'}", "--resume=true", "--data.size=60"]
    job = ClusterLauncher(tmp_path / "cluster", "local").start(words, tmp_path / "log.txt")
    deadline = time.monotonic() + 120
    while not Journal(tmp_path / "run").count() and time.monotonic() < deadline:
        time.sleep(0.1)
    job.stop()
    job.wait(60)
    assert job.poll()
    assert 0 < Journal(tmp_path / "run").count() < 60
