"""Several processes give the very numbers of one, whatever the number of images, of a batch and of workers."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import PROJECT, SHARED, SmallVoc, has_loopback
from tests.forked import Forked
from tests.recomputation import results_of

pytestmark = pytest.mark.skipif(not has_loopback(), reason="needs the loopback interface between the processes")

SIZES = (3, 1)
"""One that two processes cannot share evenly, and one of which one gets nothing."""
MORE_SIZES = (5, 2, 1)

PROGRAM = """
import sys
import time
from lit_samseg.__main__ import main
folder, sizes, *words = sys.argv[1:]
for size in sizes.split(","):
    sys.argv = ["lit-samseg"]
    main(["test", *words, "--data.size", size, "--output_dir", f"{folder}/{size}"])
"""
"""The command, several times in the same processes: starting them takes most of the time."""


def run(command: list[str]) -> None:
    """Run a command to its end; a thread each, since other numbers of threads round floats differently."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr


OPTIONS = ("--config=configs/demo.yaml", "--model.variants=[points, box@component]", "--trainer.accelerator=cpu")


def evaluate(folder: Path, processes: int, sizes: tuple[int, ...], *words: str) -> Path:
    """Evaluate scenes of every size with so many processes, which torchrun starts, as on a cluster."""
    start = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    program = folder / "program.py"
    program.write_text(PROGRAM)
    options = [*OPTIONS, f"--trainer.devices={processes}", "--model.save_predictions=true", "--report=false", *words]
    run([sys.executable, *start, str(program), str(folder), ",".join(map(str, sizes)), *options])
    return folder


def evaluate_forked(folder: Path, processes: int, *words: str) -> Path:
    """Do the same with processes that need not import anything, and are told what torchrun tells its own."""
    for size in SIZES:
        options = [*OPTIONS, f"--data.size={size}", "--model.save_predictions=true", "--report=false", *words]
        options += [f"--trainer.devices={processes}", f"--output_dir={folder / str(size)}"]
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        told = {"TORCHELASTIC_RUN_ID": "test", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        told |= {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes), "GROUP_RANK": "0"}
        started = [
            Forked(["test", *options], told | {"RANK": rank, "LOCAL_RANK": rank} if processes > 1 else None)
            for rank in map(str, range(processes))
        ]
        try:
            for process in started:
                _, errors = process.communicate(timeout=240)
                assert process.returncode == 0, errors
        finally:
            for process in started:
                process.kill()
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evaluate_forked(tmp_path_factory.mktemp("alone"), 1)


@pytest.fixture(scope="module")
def more_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evaluate(tmp_path_factory.mktemp("more_alone"), 1, MORE_SIZES)


def test_all_files_are_those_of_one_process(alone: Path, tmp_path: Path) -> None:
    together = evaluate_forked(tmp_path, 2, "--data.batch_size=2", "--data.num_workers=1")
    assert_same_files(alone, together, SIZES, processes=2)


# The quicker one is that of two processes above, with fewer images and without torchrun.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("processes", "words"),
    [(2, ("--data.batch_size=2", "--data.num_workers=1")), (3, ("--data.batch_size=3",))],
)
def test_all_files_of_more_images_and_processes(
    more_alone: Path, tmp_path: Path, processes: int, words: tuple[str, ...]
) -> None:
    together = evaluate(tmp_path, processes, MORE_SIZES, *words)
    assert_same_files(more_alone, together, MORE_SIZES, processes)


def assert_same_files(alone: Path, together: Path, sizes: tuple[int, ...], processes: int) -> None:
    """Compare the bytes of all files that do not hold times, and the scores; images are shared evenly."""
    for size in map(str, sizes):
        for name in ("counts.npz", "boundary.npz", "ladder.npz", "recognition.npz"):
            ours, theirs = np.load(alone / size / name), np.load(together / size / name)
            assert ours.files == theirs.files
            for array in ours.files:
                assert ours[array].dtype == theirs[array].dtype
                assert ours[array].tobytes() == theirs[array].tobytes()
        for name in ("regions.csv", "per_image.csv", "per_class.csv", "tables.md", "ids.txt"):
            assert (alone / size / name).read_bytes() == (together / size / name).read_bytes()
        pictures = [
            path.relative_to(alone / size)
            for folder in ("predictions", "gallery")
            for path in (alone / size / folder).rglob("*.*")
        ]
        assert len(pictures) > 6 * int(size)
        for path in pictures:
            assert (alone / size / path).read_bytes() == (together / size / path).read_bytes()
        ours, theirs = results_of(alone / size), results_of(together / size)
        assert ours["rows"] == theirs["rows"]
        assert ours["dataset"] == theirs["dataset"]
        shares = [process["images"] for process in theirs["processes"]]
        assert len(shares) == processes
        assert sum(shares) == int(size)
        assert max(shares) - min(shares) <= 1
        # Whoever is last waits for nobody.
        assert 0 <= min(process["waited"] for process in theirs["processes"]) < 5


@pytest.mark.slow
def test_the_command_starts_more_processes_than_there_are_images(alone: Path, tmp_path: Path) -> None:
    words = ["test", "--config", "configs/demo.yaml", "--model.variants=[points, box@component]", "--data.size=1"]
    words += ["--trainer.accelerator=cpu", "--trainer.devices=3", "--output_dir", str(tmp_path / "run")]
    command = [sys.executable, "-m", "lit_samseg", *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    ours, theirs = np.load(alone / "1/counts.npz"), np.load(tmp_path / "run/counts.npz")
    assert all(ours[name].tobytes() == theirs[name].tobytes() for name in ours.files)
    assert [p["images"] for p in results_of(tmp_path / "run")["processes"]] == [1, 0, 0]


# The quicker ones are those of processes with an emulated GPU, in tests/emulation/test_ranks.py.
@pytest.mark.slow
@pytest.mark.parametrize("broken", [0, 1])
def test_one_that_fails_ends_all_that_the_command_started(small_voc: SmallVoc, tmp_path: Path, broken: int) -> None:
    path = small_voc.coarse / f"{small_voc.ids[broken]}.png"
    path.write_bytes(b"no picture")
    words = [*small_voc.words(), "--model.variants=[point]", "--trainer.devices=2", f"--output_dir={tmp_path / 'run'}"]
    began = time.monotonic()
    command, environment = [sys.executable, "-m", "lit_samseg", *words], os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert time.monotonic() - began < 120
    assert done.returncode == 2, done.stderr
    assert f"error: label map {path} is not a picture" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.real
def test_four_processes_on_real_images(tmp_path: Path) -> None:
    weights = SHARED / "weights"
    words = ["test", "--config", "configs/voc_deeplab_mobilesam.yaml", f"--data.root={SHARED / 'data'}"]
    words += ["--data.subset=24", f"--model.baseline.checkpoint={weights / 'deeplabv3_mobilenetv2_voc'}"]
    words += [f"--model.sam.checkpoint={weights / 'mobile_sam.pt'}", "--trainer.accelerator=cpu"]
    for processes in (1, 4):
        options = [f"--trainer.devices={processes}", f"--output_dir={tmp_path / str(processes)}"]
        run([sys.executable, "-m", "lit_samseg", *words, *options])
    for name in ("counts.npz", "boundary.npz", "ladder.npz", "recognition.npz"):
        ours, theirs = np.load(tmp_path / "1" / name), np.load(tmp_path / "4" / name)
        assert all(ours[array].tobytes() == theirs[array].tobytes() for array in ours.files)
    assert (tmp_path / "1/regions.csv").read_bytes() == (tmp_path / "4/regions.csv").read_bytes()
    ours, theirs = results_of(tmp_path / "1"), results_of(tmp_path / "4")
    assert ours["rows"] == theirs["rows"]
    assert [process["images"] for process in theirs["processes"]] == [6, 6, 6, 6]
