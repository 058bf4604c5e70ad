"""What the figures were measured on."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from .job import Job

LIBRARIES = ("lit_samseg", "torch", "lightning", "timm", "transformers", "segment-anything", "numpy")


def describe_machine(job: Job) -> dict[str, Any]:
    """Return the machine, the libraries, and what cannot be timed here."""
    cuda = torch.cuda.is_available()
    capabilities = torch.cpu.get_capabilities()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _line("/proc/cpuinfo", "model name") or str(capabilities.get("cpu_name") or platform.processor()),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "ram_gb": _ram_gb(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES} | {"torch": torch.__version__},
        "cpu_bf16": any(on is True for name, on in capabilities.items() if name.endswith("bf16")),
        "cuda": torch.cuda.get_device_name() if cuda else None,
        "cuda_gib": round(torch.cuda.get_device_properties().total_memory / 2**30, 1) if cuda else None,
        "cuda_version": torch.version.cuda,
        "cuda_bf16": cuda and torch.cuda.is_bf16_supported(including_emulation=False),
    }


def _line(path: str, name: str) -> str | None:
    """Return the value of the first line ``name : value`` of one of Linux's files."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name), None)


def _ram_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None
