"""Jobs beside each other: order, failures, and Ctrl-C."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from lit_samseg.study import jobs as jobs_module
from lit_samseg.study.jobs import Job, reason_of, run_jobs
from tests.conftest import PROJECT


class FakeRunning:
    """A command that ends after so many looks."""

    def __init__(self, looks: int, code: int) -> None:
        self.looks, self.code = looks, code
        self.calls: list[str] = []

    def poll(self) -> int | None:
        self.looks -= 1
        return self.code if self.looks < 0 else None

    def stop(self) -> None:
        self.calls.append("stop")

    def wait(self, seconds: float) -> None:
        self.calls.append("wait")

    def kill(self) -> None:
        self.calls.append("kill")


class FakeLauncher:
    """Keeps what was started; the first word is how long it takes, the second its exit code."""

    def __init__(self, at_once: int | None) -> None:
        self.at_once = at_once
        self.started: list[str] = []
        self.running: list[FakeRunning] = []

    def start(self, words: Sequence[str], log: Path) -> FakeRunning:
        self.started.append(log.name)
        self.running.append(FakeRunning(int(words[0]), int(words[1])))
        return self.running[-1]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "_LOOK", 0)


def test_a_spawned_process_meets_no_library_before_the_program_does() -> None:
    """Rich before Lightning makes one image, ``limit_test_batches=1``, all of them: see `pair_process`."""
    seen = "import sys, lit_samseg.study.pair_process; print(sorted({'rich', 'torch', 'lightning'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, cwd=PROJECT, check=True)
    assert done.stdout.strip() == "[]"


def job(name: str, looks: int, code: int = 0, group: str = "") -> Job:
    return Job(name, [str(looks), str(code)], Path(name), group or name)


def test_no_more_run_at_a_time_than_may(tmp_path: Path) -> None:
    jobs = [job(name, looks) for name, looks in (("a", 5), ("b", 1), ("c", 1), ("d", 1))]
    launcher, most = FakeLauncher(2), 0

    def watch() -> None:
        nonlocal most
        most = max(most, sum(one.state == "running" for one in jobs))

    run_jobs(jobs, launcher, watch)
    assert launcher.started == ["a", "b", "c", "d"]
    assert most == 2
    assert [one.state for one in jobs] == ["done"] * 4


def test_pairs_over_the_same_images_rather_run_after_each_other() -> None:
    jobs = [job("a", 9, group="voc"), job("b", 1, group="voc"), job("c", 1, group="ade")]
    launcher = FakeLauncher(2)
    run_jobs(jobs, launcher, lambda: None)
    assert launcher.started == ["a", "c", "b"]


def test_a_job_that_fails_holds_up_no_other() -> None:
    jobs = [job("a", 1, code=2), job("b", 1, code=-9), job("c", 1)]
    run_jobs(jobs, FakeLauncher(1), lambda: None)
    assert [one.state for one in jobs] == ["failed", "failed", "done"]
    assert "exit code 2" in jobs[0].reason
    assert "signal 9" in jobs[1].reason


def test_a_job_waits_for_others_however_they_end() -> None:
    first, second = job("first", 3), job("second", 1, code=2)
    last = job("last", 1)
    last.after = [first, second]
    launcher = FakeLauncher(None)
    run_jobs([last, first, second], launcher, lambda: None)
    assert launcher.started == ["first", "second", "last"]
    assert last.state == "done"


def test_all_start_at_once_where_nothing_forbids_it() -> None:
    launcher = FakeLauncher(None)
    jobs = [job(name, 1) for name in "abc"]
    seen: list[int] = []
    run_jobs(jobs, launcher, lambda: seen.append(len(launcher.started)))
    assert seen[0] == 3


def test_an_interrupt_ends_what_runs_in_good_order() -> None:
    jobs = [job("a", 1), job("b", 99), job("c", 99)]
    launcher = FakeLauncher(2)

    def watch() -> None:
        if jobs[0].state == "done":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs(jobs, launcher, watch)
    ended, first, second = launcher.running
    assert ended.calls == []
    assert first.calls == second.calls == ["stop", "wait", "kill"]


def test_the_reason_is_what_the_program_said(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("lit-samseg: waiting\nlit-samseg: error: no such file: x; give another\n")
    assert reason_of(log, 2) == "no such file: x; give another"
    log.write_text("Traceback (most recent call last):\n  File ...\nTypeError: no\n")
    assert reason_of(log, 1) == f"ended with exit code 1: TypeError: no (see {log})"
    log.write_text("")
    assert reason_of(log, -9) == f"was ended by signal 9 (see {log})"
    assert reason_of(tmp_path / "none.txt", 3) == f"ended with exit code 3 (see {tmp_path / 'none.txt'})"
