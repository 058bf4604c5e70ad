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
        assert self.at_once is not None
        # One at a time computes as test does by itself.
        threads = max(1, len(os.sched_getaffinity(0)) // self.at_once) if self.at_once > 1 else None
        return PairProcess(words, log, threads)
