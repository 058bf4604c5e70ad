"""How much memory this process has taken at most."""

import sys

import torch


def peak_memory_mb(device: torch.device) -> dict[str, float]:
    """Return the peak memory of this process in MiB: ``cpu`` (resident) and, where there is one, ``cuda``.

    Asks the system only; nothing waits for the device. On Windows there is no ``cpu``.
    """
    memory = {}
    if sys.platform != "win32":
        import resource  # Windows has none

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # Linux counts in KiB, macOS in bytes.
        memory["cpu"] = peak / (2**20 if sys.platform == "darwin" else 2**10)
    if device.type == "cuda":
        memory["cuda"] = torch.cuda.max_memory_allocated(device) / 2**20
    return memory
