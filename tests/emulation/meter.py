"""What an emulated GPU was made to do: waits of the host, launches and memory, by line of the package."""

import sys
import threading
from collections import Counter

import torch

from tests.conftest import PROJECT

PACKAGE = f"{PROJECT / 'lit_samseg'}/"


def line_of_package() -> str:
    """Return the innermost line of the package that is being run, as ``refine/refiner.py:12``."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith(PACKAGE):
            return f"{frame.f_code.co_filename.removeprefix(PACKAGE)}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return "elsewhere"


class Meter:
    """Counts since the last `reset`.

    Attributes:
        waits_at: How often the thread that launches the work waited for the device, by kind and line.
        waits_elsewhere: The same of other threads, which stop nobody.
        launches_at: Kernels, by line; one an operation, none for views and empty memory.
        tf32_at: Operations on float32 that took ten bits of its mantissa, by line.
        live: Bytes that tensors of the device hold.
        capacity: Most bytes that may be held; more is out of memory.
    """

    def __init__(self) -> None:
        self.capacity: int | None = None
        self.live = 0
        self._holders: Counter[int] = Counter()
        # Storages are let go by whatever thread comes by.
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Begin anew; the peak is counted above what is live now."""
        self.waits_at: Counter[tuple[str, str]] = Counter()
        self.waits_elsewhere: Counter[tuple[str, str]] = Counter()
        self.launches_at: Counter[str] = Counter()
        self.tf32_at: Counter[str] = Counter()
        self._before = self._highest = self.live
        self.peak_at = ""

    @property
    def waits(self) -> int:
        """How often the thread that launches the work waited."""
        return self.waits_at.total()

    @property
    def launches(self) -> int:
        """How many kernels were launched."""
        return self.launches_at.total()

    @property
    def peak(self) -> int:
        """Most bytes that were held at once beside those that were live at the last `reset`."""
        return self._highest - self._before

    def wait(self, kind: str, times: int = 1) -> None:
        """Take down that the host waited."""
        on_main = threading.current_thread() is threading.main_thread()
        with self._lock:
            (self.waits_at if on_main else self.waits_elsewhere)[kind, line_of_package()] += times

    def launch(self) -> None:
        """Take down that a kernel was launched."""
        with self._lock:
            self.launches_at[line_of_package()] += 1

    def hold(self, inner: torch.Tensor) -> "Held":
        """Count a storage as long as somebody has what is returned."""
        storage = inner.untyped_storage()
        address, size = storage.data_ptr(), storage.nbytes()
        with self._lock:
            if not self._holders[address]:
                self.live += size
                if self.live > self._highest:
                    self._highest, self.peak_at = self.live, line_of_package()
            self._holders[address] += 1
        return Held(self, address, size)

    def let_go(self, address: int, size: int) -> None:
        """Count a storage no longer, if nobody else holds it."""
        with self._lock:
            self._holders[address] -= 1
            if not self._holders[address]:
                del self._holders[address]
                self.live -= size

    def report(self, most: int = 12) -> str:
        """Name the lines that waited and launched most, for the message of a test that fails."""
        lines = [f"{self.waits} waits, {self.launches} launches, peak {self.peak} bytes at {self.peak_at}"]
        lines += [f"{count:6d} waits: {kind} at {line}" for (kind, line), count in self.waits_at.most_common(most)]
        lines += [f"{count:6d} launches at {line}" for line, count in self.launches_at.most_common(most)]
        return "\n".join(lines)


class Held:
    """A tensor's part in a storage of the device, which ends with it."""

    def __init__(self, meter: Meter, address: int, size: int) -> None:
        self._facts = meter, address, size

    def __del__(self) -> None:
        meter, *held = self._facts
        meter.let_go(*held)
