"""What starts the commands of a study: this machine."""

import os
from collections.abc import Sequence
from pathlib import Path

from lit_samseg.study.pair_process import PairProcess


class LocalLauncher:
    """Runs commands on this machine, each in a process of its own.

    Args:
        at_once: How many at a time. They share the cores: two processes that both use all of them are many times
            slower.
    """

    def __init__(self, at_once: int = 1) -> None:
        self.at_once: int | None = at_once

    def start(self, words: Sequence[str], log: Path) -> PairProcess:
        """Start a command; what it prints replaces what is in ``log``."""
        return PairProcess(words, log, _threads(self.at_once or 1))


def _threads(at_once: int) -> int | None:
    """Return how many threads each of so many commands computes with; None leaves that to torch, as ``test`` does."""
    if at_once == 1 or "OMP_NUM_THREADS" in os.environ:
        return None
    # Not all machines tell which cores are this process's.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // at_once)
