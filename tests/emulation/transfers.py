"""Copies between host and device: which of them the host waits for, and when what it was given may be read."""

import threading

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from tests.emulation.meter import Meter

SMALL = 64 * 2**10
"""Bytes of pageable memory that CUDA takes along with the command itself.

https://docs.nvidia.com/cuda/cuda-c-programming-guide/index.html#concurrent-execution-between-host-and-device
"""


class Transfers:
    """Knows pinned memory, and keeps what was copied to the host without waiting until somebody waits.

    Args:
        meter: Told of waits.
    """

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self._pinned: dict[int, StorageWeakRef] = {}
        self._pending: list[tuple[Tensor, Tensor]] = []
        self._begun = self._done = 0
        self._lock = threading.RLock()

    def pin(self, tensor: Tensor) -> Tensor:
        """Take memory of the host for pinned from now on."""
        storage = tensor.untyped_storage()
        self._pinned[storage.data_ptr()] = StorageWeakRef(storage)
        return tensor

    def is_pinned(self, tensor: Tensor) -> bool:
        """Tell whether it was pinned, and is still that memory."""
        known = self._pinned.get(tensor.untyped_storage().data_ptr())
        return known is not None and not known.expired()

    def to_device(self, source: Tensor, waits: bool) -> None:
        """Take down a copy to the device; the host waits unless it asked not to, and need not."""
        small = source.numel() * source.element_size() <= SMALL
        if waits:
            self.wait("H2D")
        elif not small and not self.is_pinned(source):
            self.wait("H2D of pageable memory")

    def to_host(self, target: Tensor, source: Tensor, waits: bool) -> None:
        """Copy to the host; nobody can know what is there before somebody waits, unless this does."""
        if waits or not self.is_pinned(target):
            self.wait("D2H")
            target.copy_(source)
            return
        with self._lock:
            self._pending.append((target, source.clone()))
            self._begun += 1
        spoil(target)

    def begun(self) -> int:
        """Return how many copies were begun so far, for an event to keep."""
        return self._begun

    def wait(self, kind: str, times: int = 1) -> None:
        """Take down a wait, after which all copies are there."""
        self.meter.wait(kind, times)
        self.finish(self._begun)

    def finish(self, begun: int) -> None:
        """Have the first copies arrive, up to that many."""
        with self._lock:
            while self._done < begun:
                target, source = self._pending.pop(0)
                target.copy_(source)
                self._done += 1


def spoil(tensor: Tensor) -> Tensor:
    """Fill memory with what nobody can mistake for a result: NaN, or the largest integer."""
    if tensor.dtype == torch.bool:
        return tensor.fill_(True)
    whole = not (tensor.is_floating_point() or tensor.is_complex())
    return tensor.fill_(torch.iinfo(tensor.dtype).max if whole else float("nan"))
