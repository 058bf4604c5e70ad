"""Processes that are killed, or run out of disk, go on, and end with the files of an undisturbed run."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from lit_samseg.journal import Journal
from tests.conftest import PROJECT, has_loopback
from tests.forked import Forked
from tests.recomputation import results_of
from tests.resume.comparing import assert_same

SIZE = 7
OPTIONS = (
    "--config=configs/demo.yaml",
    "--model.variants=[points, box@component]",
    f"--data.size={SIZE}",
    "--model.save_predictions=true",
    "--trainer.accelerator=cpu",
)
TWO = ("--trainer.devices=2",)
Command = Forked | subprocess.Popen[str]
SLOWEST = 240
"""Seconds after which a run counts as one that hangs."""


def start(folder: Path, *words: str) -> Command:
    """Start the command in a session of its own, so that all its processes can be killed at once."""
    words = ("test", *OPTIONS, f"--output_dir={folder}", *words)
    if not set(TWO) & set(words):
        return Forked(words)
    # The second process is started afresh in any case.
    return subprocess.Popen(
        [sys.executable, "-m", "lit_samseg", *words],
        cwd=PROJECT,
        # A thread each, since other numbers of threads round floats differently.
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process: Command) -> tuple[int, str]:
    """Wait for the end; return the exit code and standard error."""
    _, errors = process.communicate(timeout=SLOWEST)
    return process.returncode, errors


def finish(folder: Path, *words: str) -> None:
    """Go on to the end, unless that was reached before."""
    if (folder / "results.json").exists() and not (folder / "journal").exists():
        return
    code, errors = end(start(folder, "--resume=true", *words))
    assert code == 0, errors


def kill(process: Command) -> None:
    """Kill the process and all that it started."""
    os.killpg(process.pid, signal.SIGKILL)
    end(process)


def wait_for_images(process: Command, folder: Path, images: int) -> None:
    """Wait until so many are in the journal, or the process has ended."""
    deadline = time.monotonic() + SLOWEST
    while process.poll() is None and len(Journal(folder).records()) < images:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    code, errors = end(start(folder))
    assert code == 0, errors
    return folder


def test_a_killed_run_goes_on(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = start(folder)
    wait_for_images(process, folder, 2)
    kill(process)
    done = len(Journal(folder).records())
    assert 2 <= done < SIZE
    assert not (folder / "results.json").exists()
    finish(folder)
    assert_same(whole, folder)
    assert results_of(folder)["resumed"] == done


@pytest.mark.skipif(not has_loopback(), reason="needs the loopback interface between the processes")
@pytest.mark.slow
def test_two_killed_processes_go_on_as_one(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = start(folder, *TWO)
    wait_for_images(process, folder, 3)
    kill(process)
    assert len(list((folder / "journal").glob("*.records"))) == 2
    finish(folder)
    assert_same(whole, folder)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_killed_at_any_moment(seed: int, whole: Path, tmp_path: Path) -> None:
    """Odd seeds in two processes; each is killed once or more between its first breath and its last."""
    chance = random.Random(seed)
    words = TWO if seed % 2 else ()
    folder = tmp_path / "run"
    for attempt in range(chance.choice([1, 1, 2, 3])):
        process = start(folder, "--resume=true", *words)
        # The start takes longest and has least to lose: mostly from the first image on.
        deadline = time.monotonic() + SLOWEST
        while process.poll() is None and not (folder / "journal").is_dir() and chance.random() > 0.002:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 6 if attempt == 0 else 3))
        kill(process)
        if (folder / "results.json").exists() and not (folder / "journal").exists():
            break
    finish(folder, *words)
    assert_same(whole, folder)


@pytest.mark.slow
def test_a_killed_reader_of_pictures_ends_the_run_in_a_line(whole: Path, tmp_path: Path) -> None:
    """As the kernel does where memory runs out."""
    children = Path("/proc/self/task") / str(os.getpid()) / "children"
    if not children.exists():
        pytest.skip("needs /proc to tell the process's children")
    folder = tmp_path / "run"
    process = start(folder, "--data.num_workers=1")
    wait_for_images(process, folder, 2)
    (worker,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(worker), signal.SIGKILL)
    code, errors = end(process)
    assert code == 2
    assert "Traceback" not in errors
    kept, line = errors.splitlines()[-2:]
    assert "images are done and kept; go on by the same command" in kept
    assert "a process that reads pictures was killed by signal 9 (Killed), perhaps out of memory; use fewer" in line
    finish(folder)
    assert_same(whole, folder)


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A disk of so many kB; a run needs about 600."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={request.param}k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs to be allowed to mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize(
    ("small_disk", "words", "images"),
    [
        pytest.param(200, (), range(1, SIZE), id="while images are evaluated", marks=pytest.mark.slow),
        pytest.param(200, TWO, range(1, SIZE), id="in two processes", marks=pytest.mark.slow),
        pytest.param(400, (), [SIZE], id="while the report is written", marks=pytest.mark.slow),
    ],
    indirect=["small_disk"],
)
def test_a_full_disk(words: tuple[str, ...], images: Sequence[int], whole: Path, small_disk: Path) -> None:
    folder = small_disk / "run"
    code, errors = end(start(folder, *words))
    assert code == 2
    assert "No space left on device" in errors
    assert "Traceback" not in errors
    assert len(Journal(folder).records()) in images
    subprocess.run(["mount", "-o", "remount,size=100m", str(small_disk)], check=True)
    finish(folder, *words)
    assert_same(whole, folder)
