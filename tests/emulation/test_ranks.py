"""Two processes with a GPU each give what one process gives, also where one of them has no image."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file

from tests.conftest import PROJECT, SmallVoc, has_loopback
from tests.emulation.backward import why_no_backward
from tests.emulation.conftest import TEST
from tests.emulation.driver import emulated, why_not
from tests.emulation.ranks import NoBackendError, under_nccl
from tests.forked import Forked
from tests.recomputation import results_of

pytestmark = [
    pytest.mark.skipif(why_not() is not None, reason=f"no emulated GPU: {why_not()}"),
    pytest.mark.skipif(not has_loopback(), reason="needs the loopback interface between the processes"),
]

FIT = ("fit", f"--config={PROJECT}/configs/demo_finetune.yaml", "--data.subset=2", "--data.training.subset=2")
FIT += ("--data.training.views=1", "--trainer.max_epochs=1", "--optimizer=SGD", "--optimizer.lr=0.002")


def run_alone(folder: Path, *words: str) -> None:
    """Run a command in one process, on the CPU."""
    run = Forked([*words, "--trainer.accelerator=cpu", f"--output_dir={folder}"])
    _, errors = run.communicate(timeout=120)
    assert run.returncode == 0, errors


@contextmanager
def together(folder: Path, *words: str) -> Iterator[list[Forked]]:
    """Start a command in two processes with an emulated GPU each."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    told = {"TORCHELASTIC_RUN_ID": "test", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    told |= {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0"}
    words = (*words, "--trainer.accelerator=gpu", "--trainer.devices=2", f"--output_dir={folder}")
    started = []
    try:
        for rank in range(2):
            with emulated(rank, 2), under_nccl(torch.device("cuda", rank)):
                # A fork has all that is in place here.
                started.append(Forked(words, told | {"RANK": str(rank), "LOCAL_RANK": str(rank)}))
        yield started
    finally:
        for process in started:
            process.kill()


def run_together(folder: Path, *words: str) -> None:
    """Run a command in two processes with an emulated GPU each."""
    with together(folder, *words) as started:
        for process in started:
            _, errors = process.communicate(timeout=120)
            assert process.returncode == 0, errors


def test_tensors_of_the_host_are_refused() -> None:
    with emulated(), under_nccl(torch.device("cuda", 0)), pytest.raises(NoBackendError, match="device type cpu"):
        dist.all_reduce(torch.ones(1))


def test_test_with_a_process_without_images(tested_on_cpu: Path, tmp_path: Path) -> None:
    run_together(tmp_path, *TEST)
    for name in ("counts.npz", "boundary.npz", "ladder.npz", "recognition.npz"):
        one, two = np.load(tested_on_cpu / name), np.load(tmp_path / name)
        assert one.files == two.files
        assert all(np.array_equal(one[array], two[array]) for array in one.files)
    one, two = results_of(tested_on_cpu), results_of(tmp_path)
    assert one["rows"] == two["rows"]
    assert [process["images"] for process in two["processes"]] == [1, 0]
    assert two["device"] == "Emulated GPU"


# By default two processes test, and one fits, in test_commands.py.
@pytest.mark.slow
@pytest.mark.skipif(why_no_backward() is not None, reason=str(why_no_backward()))
def test_fit(tmp_path: Path) -> None:
    run_alone(tmp_path / "one", *FIT, "--data.training.batch_size=2")
    run_together(tmp_path / "two", *FIT, "--data.training.batch_size=1")
    one, two = (load_file(tmp_path / name / "adapter.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    # Means of means: the sums' order is another.
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-5


# The second image is the larger one, and the first process's.
@pytest.mark.parametrize(("image", "rank"), [(1, 0), pytest.param(0, 1, marks=pytest.mark.slow)])
def test_a_process_that_fails_ends_the_other(small_voc: SmallVoc, tmp_path: Path, image: int, rank: int) -> None:
    """NCCL waits for half an hour for one that is gone."""
    path = small_voc.coarse / f"{small_voc.ids[image]}.png"
    path.write_bytes(b"no picture")
    began = time.monotonic()
    with together(tmp_path / "run", *small_voc.words(), "--model.variants=[point]") as started:
        told = [process.communicate(timeout=120)[1] for process in started]
    assert time.monotonic() - began < 60
    assert [process.returncode for process in started] == [2, 2]
    assert f"lit-samseg: error: label map {path} is not a picture" in told[rank]
    assert told[1 - rank].endswith(f"error: process {rank} failed; this one, {1 - rank}, ends too\n")
    assert not any("Traceback" in text for text in told)


# The quicker one is that of a broken file.
@pytest.mark.slow
def test_a_folder_that_is_refused_ends_both(small_voc: SmallVoc, tmp_path: Path) -> None:
    """The first process looks at it while the other already waits for its answer."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "results.json").write_text("{}")
    with together(tmp_path / "run", *small_voc.words(), "--model.variants=[point]") as started:
        told = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [2, 2]
    assert "--overwrite" in told[0]
    assert not any("Traceback" in text for text in told)
