"""Processes that read pictures: what comes from them is what the main process reads, and it needs no shared memory."""

import ctypes
import itertools
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from lit_samseg import __main__ as program
from lit_samseg.__main__ import _readable_cause
from lit_samseg.data import Scenes, workers
from lit_samseg.data.sample import BrokenSample, Sample
from lit_samseg.data.training import Training
from lit_samseg.data.workers import Parcel, make_loader
from lit_samseg.errors import InputError
from lit_samseg.runtime.worker_death import explain_death

TENSORS = (
    torch.arange(24, dtype=torch.uint8).reshape(2, 4, 3).permute(2, 0, 1),
    torch.arange(12).reshape(3, 4)[1:, ::2],
    torch.tensor(3, dtype=torch.int64),
    torch.zeros(0, 3),
    torch.ones(1).expand(2, 3),
    torch.tensor([1.5, -2], dtype=torch.bfloat16),
    torch.tensor([True, False]),
)


class Given(Dataset[Sample | BrokenSample | None]):
    """These items."""

    def __init__(self, *items: Sample | BrokenSample | None) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Sample | BrokenSample | None:
        return self.items[index]


def same(one: Sample, other: Sample) -> bool:
    """Compare all, the layout in memory too."""
    pairs = ((one.image, other.image), (one.target, other.target))
    tensors = all(
        a is b is None or (a is not None and b is not None and torch.equal(a, b) and a.stride() == b.stride())
        for a, b in pairs
    )
    return tensors and (one.id, one.position, one.view) == (other.id, other.position, other.view)


@pytest.mark.parametrize("stage", ["test", "fit", "predict"])
def test_batches_of_workers_are_those_of_the_main_process(stage: str) -> None:
    def load(num_workers: int) -> list[list[Sample | BrokenSample]]:
        training = Training(split="train", subset=3, batch_size=2, views=1)
        data = Scenes(size=5, split="test", batch_size=2, num_workers=num_workers, training=training)
        data.setup(stage)
        loader = getattr(data, {"fit": "train"}.get(stage, stage) + "_dataloader")()
        assert loader.num_workers == num_workers
        return list(loader)

    ours, theirs = load(2), load(0)
    assert [len(batch) for batch in ours] == [len(batch) for batch in theirs] != []
    chain = itertools.chain.from_iterable
    for one, other in zip(chain(ours), chain(theirs), strict=True):
        assert isinstance(one, Sample)
        assert isinstance(other, Sample)
        assert same(one, other)
        # As those of the main process, they can be written to.
        one.image += 1


def test_no_tensor_crosses_from_a_worker() -> None:
    parcel = Parcel([Sample("a", tensor, None) for tensor in TENSORS])
    _, (rest, pixels, _receipt) = (parts := parcel.__reduce__())
    pickle.dumps(parts)
    assert isinstance(rest, bytes)
    assert {type(array) for array in pixels} == {np.ndarray}
    # Of a part of a tensor only the part.
    assert [array.nbytes for array in pixels] == [24, 32, 8, 0, 24, 4, 2]


def test_tensors_of_every_kind_come_through() -> None:
    error = BrokenSample("b", InputError("b.png is broken"))
    batch = [Sample("a", tensor, None, n, 1) for n, tensor in enumerate(TENSORS)]
    odd = Sample("c", torch.eye(2).to_sparse(), torch.ones(2, requires_grad=True))
    (*samples, sparse, broken) = pickle.loads(pickle.dumps(Parcel([*batch, odd, error])))
    for one, other in zip(samples, batch, strict=True):
        assert torch.equal(one.image, other.image)
        assert one.image.dtype == other.image.dtype
        assert (one.id, one.target, one.position, one.view) == ("a", None, other.position, 1)
    assert samples[0].image.stride() == TENSORS[0].stride()
    assert torch.equal(sparse.image.to_dense(), torch.eye(2))
    assert sparse.target.requires_grad
    assert str(broken.error) == "b.png is broken"


def test_errors_and_empty_batches_come_through() -> None:
    items = (None, BrokenSample("b", InputError("b.png is broken")))
    empty, (broken,) = make_loader(Given(*items), 1, 1)
    assert empty == []
    assert str(broken.error) == "b.png is broken"


class Unwritable:
    """Pixels for which there is no memory at the last moment."""

    nbytes = 0

    def __reduce__(self) -> str:
        raise MemoryError


def test_a_lost_batch_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that writes to the pipe would only print its error."""
    make = Parcel.__init__

    def spoilt(parcel: Parcel, batch: list[Sample | BrokenSample]) -> None:
        make(parcel, batch)
        parcel.pixels = [Unwritable()]  # type: ignore[list-item]

    monkeypatch.setattr(Parcel, "__init__", spoilt)
    with pytest.raises(RuntimeError, match="DataLoader worker") as caught:
        list(make_loader(Given(Sample("a", TENSORS[0], None)), 1, 1))
    assert "was killed by signal 9" in str(_readable_cause(caught.value))


class Deadly(Dataset[Sample]):
    """Its reader dies."""

    def __init__(self, die: Callable[[], object]) -> None:
        self.die = die

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Sample:
        self.die()
        raise AssertionError


@pytest.mark.parametrize(
    ("die", "message"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "was killed by signal 9 (Killed), perhaps out of memory; use"),
        (lambda: os.kill(os.getpid(), signal.SIGUSR2), "was killed by signal 12 (User defined signal 2); use fewer"),
        (lambda: os._exit(3), "ended with exit code 3; use fewer of them (--data.num_workers, 0 for none)"),
    ],
    ids=["killed", "by another signal", "left"],
)
def test_a_dead_worker_is_a_line(die: Callable[[], object], message: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        list(make_loader(Deadly(die), 1, 1))
    assert message in str(_readable_cause(caught.value))


def test_one_that_was_ended_with_the_run_is_no_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(*args: object) -> None:
        list(make_loader(Deadly(lambda: os.kill(os.getpid(), signal.SIGTERM)), 1, 1))

    monkeypatch.setattr(program, "_run", end)
    with pytest.raises(SystemExit) as stop:
        program.main(["test"])
    assert stop.value.code == 143


def no_memory() -> None:
    raise MemoryError


@pytest.mark.parametrize("num_workers", [0, 1])
def test_no_memory_for_a_picture_is_a_line(num_workers: int) -> None:
    with pytest.raises(MemoryError) as caught:
        list(make_loader(Deadly(no_memory), 1, num_workers))
    assert str(_readable_cause(caught.value)).startswith("out of memory; use smaller images")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DataLoader worker (pid(s) 12, 13) exited unexpectedly", "ended before its time, perhaps out of memory"),
        ("DataLoader worker (pid 7) is killed by signal: Odd. It is", "died: Odd; use fewer"),
    ],
)
def test_deaths_are_told_from_what_pytorch_says(text: str, message: str) -> None:
    assert message in str(explain_death(RuntimeError(text)))


def test_other_errors_stay() -> None:
    assert explain_death(RuntimeError("shapes differ")) is None
    assert explain_death(ValueError("DataLoader worker (pid 7) exited unexpectedly")) is None


def test_without_semaphores_the_main_process_reads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class NoContext:
        def Queue(self) -> None:  # noqa: N802
            raise OSError(30, "Read-only file system")

    workers._say_once.cache_clear()
    monkeypatch.setattr(workers.multiprocessing, "get_context", NoContext)
    loaders = [make_loader(Given(None), 1, 2) for _ in range(2)]
    assert [loader.num_workers for loader in loaders] == [0, 0]
    (line,) = capsys.readouterr().err.splitlines()
    assert "/dev/shm cannot be written to (Read-only file system); --data.num_workers 0" in line
    assert "--ipc=host" in line


NEWNS = 0x20000
"""Linux: mounts of one's own (``unshare(2)``)."""


def load_elsewhere(options: str, told: Path) -> None:
    """Load four pictures of 3 MB with another ``/dev/shm``; write down by how many workers."""
    libc = ctypes.CDLL(None)
    for command in (["--make-rprivate", "/"], ["-t", "tmpfs", "-o", options, "tmpfs", "/dev/shm"]):
        if command[0] == "--make-rprivate" and libc.unshare(NEWNS) != 0:
            return
        if subprocess.run(["mount", *command], capture_output=True, check=False).returncode != 0:
            return
    workers._say_once.cache_clear()
    pictures = [Sample(str(n), torch.full((3, 1000, 1000), n, dtype=torch.uint8), None) for n in range(4)]
    loader = make_loader(Given(*pictures), 1, 2)
    sums = [int(batch[0].image.sum()) for batch in loader]
    told.write_text(f"{loader.num_workers} {sums == [3_000_000 * n for n in range(4)]}")


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("mount") is None, reason="needs Linux and mount")
@pytest.mark.parametrize(
    ("options", "used"),
    [pytest.param("size=1m", 2, id="smaller than a picture"), pytest.param("ro", 0, id="read-only")],
)
def test_pictures_come_whatever_shared_memory_there_is(options: str, used: int, tmp_path: Path) -> None:
    told = tmp_path / "told"
    process = multiprocessing.get_context("fork").Process(target=load_elsewhere, args=(options, told))
    process.start()
    process.join(60)
    hangs = process.is_alive()
    process.kill()
    process.join()
    assert not hangs
    if process.exitcode == 0 and not told.exists():
        pytest.skip("needs to be allowed to mount another /dev/shm, for one process alone")
    assert told.read_text() == f"{used} True"
