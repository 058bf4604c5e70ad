"""Processes that read pictures, and how a batch comes from them without shared memory.

PyTorch hands tensors over in ``/dev/shm``, of which Docker gives 64 MB. A picture that does not fit is dropped by a
thread of the worker, and the main process waits for it for ever. Here pixels go through the worker's pipe.
"""

import functools
import io
import os
import pickle  # nosec B403 # what a worker sends its own main process, as multiprocessing does
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor, multiprocessing
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from lit_samseg.data.sample import BrokenSample, Sample


def make_loader(
    samples: Dataset[Any], batch_size: int, num_workers: int, sampler: Sampler[Any] | Sequence[Any] | None = None
) -> DataLoader[Any]:
    """Return a loader whose batches are lists of samples, whoever reads them.

    Args:
        samples: What to read; None among its items is left out of batches.
        batch_size: Samples in a batch.
        num_workers: Processes that read; none are used, and a line says so, where the system cannot have them.
        sampler: The order, or the items to read; None is the samples' own.
    """
    return DataLoader(
        samples,
        batch_size=batch_size,
        sampler=sampler,
        num_workers=_available(num_workers),
        collate_fn=as_list,
    )


def as_list(samples: list[Sample | BrokenSample | None]) -> "list[Sample | BrokenSample] | Parcel":
    """Return the samples as they are in the main process, packed in a worker; the pipe's other end unpacks them."""
    batch = [sample for sample in samples if sample is not None]
    return batch if get_worker_info() is None else Parcel(batch)


class Parcel:
    """A batch on its way: no tensor in it, and what comes out of the pipe is the batch itself.

    Attributes:
        pixels: The bytes of every tensor, uint8 ``[N]``.
        rest: All else, pickled.
    """

    def __init__(self, batch: list[Sample | BrokenSample]) -> None:
        file = io.BytesIO()
        pickler = _Pickler(file)
        pickler.dump(batch)
        self.pixels, self.rest = pickler.pixels, file.getvalue()

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _unpack, (self.rest, self.pixels, _Receipt())


class _Receipt:
    """The last part of a parcel to be written.

    The thread that writes to the pipe only prints what goes wrong (no memory, say), and the main process would wait for
    ever. A worker that lost a parcel ends instead, which is noticed.
    """

    written = False

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        self.written = True
        return _nothing, ()

    def __del__(self) -> None:
        if not self.written and get_worker_info() is not None:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def _nothing() -> None:
    return None


class _Pickler(pickle.Pickler):
    """Put the bytes of tensors aside; strides are kept, since networks may round differently in another layout."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.pixels: list[np.ndarray] = []

    def persistent_id(self, value: object) -> tuple[Any, ...] | None:
        if type(value) is not Tensor or value.device.type != "cpu" or value.layout is not torch.strided:
            return None
        if value.requires_grad or value.is_quantized or value.is_conj() or value.is_neg():
            return None
        # A part of a larger tensor leaves the others' bytes behind.
        whole = value.untyped_storage().nbytes() == value.numel() * value.element_size()
        dense = value if whole else value.clone()
        flat = dense.as_strided((dense.numel(),), (1,), 0)
        self.pixels.append(flat.view(torch.uint8).numpy())
        return len(self.pixels) - 1, dense.dtype, tuple(dense.shape), dense.stride(), dense.storage_offset()


class _Unpickler(pickle.Unpickler):
    """Put tensors where they were."""

    def __init__(self, rest: bytes, pixels: list[np.ndarray]) -> None:
        super().__init__(io.BytesIO(rest))
        self.pixels = pixels

    def persistent_load(self, pid: tuple[Any, ...]) -> Tensor:
        index, dtype, shape, stride, offset = pid
        flat = torch.from_numpy(self.pixels[index]).view(dtype)
        return flat.as_strided(shape, stride, offset)


def _unpack(rest: bytes, pixels: list[np.ndarray], _: None) -> Any:
    return _Unpickler(rest, pixels).load()


def _available(num_workers: int) -> int:
    """Return the number of workers, or 0 where there can be none: their queues need semaphores."""
    if num_workers == 0:
        return 0
    try:
        # What a loader makes, and a few more; they are gone at once.
        made = [multiprocessing.get_context().Queue() for _ in range(num_workers + 2)]
    except (OSError, ImportError) as error:
        reason = getattr(error, "strerror", None) or error
        _say_once(
            f"pictures are read by the main process: no others can be started, since /dev/shm cannot be written to "
            f"({reason}); --data.num_workers 0 chooses that, Docker's --ipc=host or --shm-size 64m mends it"
        )
        return 0
    del made
    return num_workers


@functools.cache
@rank_zero_only
def _say_once(line: str) -> None:
    print(f"lit-samseg: {line}", file=sys.stderr)
