"""Seconds by stage, without making a GPU wait."""

import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch


class _Marks(NamedTuple):
    stage: str
    begin: torch.cuda.Event
    end: torch.cuda.Event


class StageTimer:
    """Adds up the time spent in named stages.

    On a CUDA device stages are marked by events; reading a host clock would time the launching of the work, and waiting
    for it would slow it down. Those that the device has passed are read, and freed, whenever others are added.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._marks: deque[_Marks] = deque()

    @contextmanager
    def stage(self, name: str, device: torch.device) -> Iterator[None]:
        """Time the enclosed block as part of stage ``name``."""
        if device.type == "cuda":
            marks = _Marks(name, *(torch.cuda.Event(enable_timing=True) for _ in range(2)))  # type: ignore[no-untyped-call]
            marks.begin.record()
            yield
            marks.end.record()
            self._marks.append(marks)
            while self._marks and self._marks[0].end.query():  # type: ignore[no-untyped-call]
                self._read()
        else:
            start = time.perf_counter()
            yield
            self._seconds[name] += time.perf_counter() - start

    def seconds(self) -> dict[str, float]:
        """Return the seconds of each stage so far."""
        if self._marks:
            torch.cuda.synchronize()
        while self._marks:
            self._read()
        return dict(self._seconds)

    def _read(self) -> None:
        marks = self._marks.popleft()
        self._seconds[marks.stage] += marks.begin.elapsed_time(marks.end) / 1000
