"""A folder belongs to one run at a time, and a finished run is not replaced without a word."""

import multiprocessing
import os
import re
import threading
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from lit_samseg.errors import InputError
from lit_samseg.journal import FolderLock
from tests.conftest import RunCli, SmallVoc
from tests.recomputation import results_of
from tests.writing.small_run import SmallRun


def hold(folder: Path, held: Event) -> None:
    lock = FolderLock(folder)
    lock.acquire()
    held.set()
    time.sleep(600)


def test_a_folder_in_use_is_refused_and_one_of_a_killed_process_is_not(tmp_path: Path) -> None:
    forking = multiprocessing.get_context("fork")
    held = forking.Event()
    holder = forking.Process(target=hold, args=(tmp_path, held))
    holder.start()
    assert held.wait(60)
    named = f"{tmp_path} is being written by process {holder.pid} on {os.uname().nodename}; wait for"
    try:
        with pytest.raises(InputError, match=re.escape(named)):
            FolderLock(tmp_path).acquire()
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    finally:
        holder.kill()
        holder.join()
    assert (tmp_path / ".lock").is_file()
    with FolderLock(tmp_path):
        pass
    assert not (tmp_path / ".lock").exists()


FOREIGN = "filelock/2\nmode=lease\npid=1234\nhost=node-17\nstart=99\ntoken=abc\nduration=1.0\n"


def test_another_machine_s_process_is_taken_for_dead_when_it_shows_no_sign_of_life(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a node's that lost power, whose job is queued again on another."""
    lock = tmp_path / ".lock"
    lock.write_text(FOREIGN)
    stop = threading.Event()

    def live() -> None:
        while not stop.wait(0.1):
            os.utime(lock)

    alive = threading.Thread(target=live)
    alive.start()
    try:
        with pytest.raises(InputError, match=r"written by process 1234 on node-17; .*delete .*/\.lock\)"):
            FolderLock(tmp_path, lease=1.0).acquire()
    finally:
        stop.set()
        alive.join()
    assert lock.read_text() == FOREIGN
    with FolderLock(tmp_path, lease=1.0):
        assert f"pid={os.getpid()}" in lock.read_text()
    assert not lock.exists()
    assert capsys.readouterr().err.count("waiting up to 1 s for a sign of life of process 1234 on node-17") == 2


def test_a_folder_that_another_took_is_not_written_any_more(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path, lease=0.3)
    lock.acquire()
    lock.check()
    (tmp_path / "other").write_text(FOREIGN)
    (tmp_path / "other").replace(tmp_path / ".lock")
    for _ in range(100):
        if lock._lock.compromise is not None:
            break
        time.sleep(0.05)
    with pytest.raises(InputError, match="was taken over by process 1234 on node-17 while this process was at rest"):
        lock.check()
    lock.release()
    assert (tmp_path / ".lock").read_text() == FOREIGN


def test_a_run_that_stops_early_says_so_everywhere(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [word for word in small_voc.words() if word != "--report=false"]
    words += ["--model.variants=[box]", "--model.analysis=false", "--output_dir", str(out)]
    outcome = run_cli(*words, "--trainer.limit_test_batches=2")
    assert outcome.code == 0, outcome.err
    assert results_of(out)["partial"] == {"of": 4, "option": "trainer.limit_test_batches"}
    assert "voc2012 val, 2 of 4 images" in outcome.out
    assert "stopped early by an option (trainer.limit_test_batches)" in " ".join(outcome.out.split())
    page = (out / "report.html").read_text()
    assert "2 of 4 images cannot tell box from the baseline" in page
    assert "2 of 4 images (stopped early by trainer.limit_test_batches)" in page
    # The tables are made again from what is on disk.
    assert "voc2012 val, 2 of 4 images" in run_cli("analyse", out).out


def test_a_predict_that_stops_early_says_so(
    small_voc: SmallVoc, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = SmallRun(small_voc, tmp_path / "maps", "predict")
    small.run(1, plan=small.plan(stopped_by="trainer.fast_dev_run"))
    told = f"trainer.fast_dev_run stopped this run early; {tmp_path}/maps/predictions does not have all"
    assert told in capsys.readouterr().err


def test_a_limit_that_leaves_nothing_out_is_none(small_voc: SmallVoc, tmp_path: Path) -> None:
    small = SmallRun(small_voc, tmp_path / "whole")
    small.run(plan=small.plan(stopped_by="trainer.limit_test_batches"))
    assert "partial" not in results_of(small.folder)
