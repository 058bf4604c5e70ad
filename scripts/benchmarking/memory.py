"""Peak memory of this process, and how much of it came after the networks were loaded."""

import sys
from contextlib import suppress
from pathlib import Path

import torch


class MemoryMeter:
    """Begins to look when it is made: after loading, before the first image.

    Args:
        device: Where the networks are.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        # Where Linux allows it, the high-water mark of loading is forgotten.
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        self.loaded = _status("VmRSS") or peak_resident()

    def megabytes(self) -> dict[str, float]:
        """Return the peak so far, what it exceeds the start by, and on a GPU the peak of allocated memory, in MB."""
        peak = peak_resident()
        found = {"peak_mb": peak, "added_mb": peak - self.loaded}
        if self.device.type == "cuda":
            found["cuda_mb"] = torch.cuda.max_memory_allocated(self.device) / 1e6
        return found


def peak_resident() -> float:
    """Return the largest resident memory of this process so far in MB."""
    # Linux's ru_maxrss outlives exec: a small process would show its parent's. VmHWM does not.
    high = _status("VmHWM")
    if high is not None:
        return high
    if sys.platform == "win32":
        return float("nan")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _status(field: str) -> float | None:
    """Return a field of Linux's ``/proc/self/status`` in MB."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0]) * 1024 / 1e6
    return None
