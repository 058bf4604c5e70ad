"""A folder belongs to one run at a time, and a finished run is not replaced without a word."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lit_samseg.errors import InputError
from lit_samseg.journal import FolderLock
from tests.conftest import PROJECT, RunCli, SmallVoc
from tests.recomputation import read_predictions, results_of

HOLD = """
import sys, time
from pathlib import Path
from lit_samseg.journal.folder_lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
time.sleep(600)
"""


def hold(folder: Path) -> "subprocess.Popen[str]":
    """Start a process that holds a folder, and return when it does."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_folder_in_use_is_refused_and_one_of_a_killed_process_is_not(
    small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    words = [*small_voc.words(), "--data.subset=1", "--model.variants=[box]", "--model.analysis=false", "--output_dir"]
    holder = hold(out)
    try:
        for command, more in (("test", []), ("test", ["--resume=true"]), ("predict", ["--overwrite=true"])):
            own = [word for word in words[1:] if command == "test" or not word.startswith(("--gallery", "--report"))]
            outcome = run_cli(command, *own, out, *more)
            assert outcome.code == 2
            assert f"{out} is being written by process {holder.pid} on {os.uname().nodename}; wait for" in outcome.err
            # Nothing of the first process's was touched, and going on is not advised.
            assert [path.name for path in out.iterdir()] == [".lock"]
            assert "--resume" not in outcome.err
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    assert (out / ".lock").is_file()
    outcome = run_cli(*words, out)
    assert outcome.code == 0, outcome.err
    assert not (out / ".lock").exists()


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


def test_a_finished_run_stays_unless_it_may_be_replaced(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [*small_voc.words(), "--data.subset=1", "--model.analysis=false", "--output_dir", out]
    assert run_cli(*words, "--model.variants=[box, point]", "--model.save_predictions=true").code == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    outcome = run_cli(*words, "--model.variants=[box]")
    assert outcome.code == 2
    assert f"{out} holds a run of lit-samseg test already; give another --output_dir, or replace it by" in outcome.err
    predict = ["predict", *(word for word in words[1:] if not str(word).startswith(("--gallery", "--report")))]
    outcome = run_cli(*predict, "--overwrite=true")
    assert outcome.code == 2
    assert f"{out} holds what lit-samseg test wrote; give another --output_dir" in outcome.err
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    outcome = run_cli(*words, "--model.variants=[box]", "--overwrite=true")
    assert outcome.code == 0, outcome.err
    assert [row["name"] for row in results_of(out)["rows"]] == ["baseline", "box"]
    # Label maps of the replaced run are not of these results.
    assert not (out / "predictions").exists()
    assert "--overwrite replaces one; leave one of them out" in run_cli(*words, "--overwrite=true", "--resume=true").err


@pytest.mark.slow
def test_label_maps_of_an_earlier_predict_stay(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [word for word in small_voc.words()[1:] if not word.startswith(("--gallery", "--report"))]
    words = ["predict", *words, "--data.subset=1", "--output_dir", str(out)]
    assert run_cli(*words, "--model.variants=[box]").code == 0
    refused = run_cli(*words)
    assert refused.code == 2
    assert "holds a run of lit-samseg predict already" in refused.err
    assert run_cli(*words, "--overwrite=true").code == 0
    assert len(read_predictions(out / "refined")) == 1
    assert sorted(path.name for path in out.iterdir()) == ["overlays", "refined"]


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
    predict = ["predict", *(word for word in words[1:-1] if not word.startswith("--gallery")), str(tmp_path / "maps")]
    outcome = run_cli(*predict, "--trainer.fast_dev_run=1")
    assert f"trainer.fast_dev_run stopped this run early; {tmp_path}/maps/predictions does not have all" in outcome.err
    # A limit that leaves nothing out is none.
    again = run_cli(*words[:-1], tmp_path / "whole", "--report=false", "--trainer.limit_test_batches=4")
    assert again.code == 0, again.err
    assert "partial" not in json.loads((tmp_path / "whole/results.json").read_text())
