"""Seconds by stage on a GPU, played by events that the test passes."""

from typing import Any

import pytest
import torch

from lit_samseg.runtime.timing import StageTimer

CUDA = torch.device("cuda")


class Device:
    """A device that works for a second between two events, and is as far as the test lets it be."""

    def __init__(self) -> None:
        self.recorded = self.passed = self.alive = self.waits = 0

    def event(self, enable_timing: bool) -> "Event":
        assert enable_timing
        self.alive += 1
        return Event(self)

    def synchronize(self) -> None:
        self.waits += 1
        self.passed = self.recorded


class Event:
    def __init__(self, device: Device) -> None:
        self.device, self.number = device, 0

    def __del__(self) -> None:
        self.device.alive -= 1

    def record(self) -> None:
        self.device.recorded += 1
        self.number = self.device.recorded

    def query(self) -> bool:
        return self.number <= self.device.passed

    def elapsed_time(self, end: "Event") -> float:
        assert self.query()
        assert end.query()
        return (end.number - self.number) * 1000.0


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    made = Device()
    monkeypatch.setattr(torch.cuda, "Event", made.event)
    monkeypatch.setattr(torch.cuda, "synchronize", made.synchronize)
    return made


def test_events_are_freed_as_the_device_passes_them(device: Device) -> None:
    timer: Any = StageTimer()
    most = 0
    for n in range(100):
        with timer.stage("outer", CUDA), timer.stage("inner", CUDA):
            pass
        most = max(most, device.alive)
        # It is three images behind.
        device.passed = 4 * max(0, n - 3)
    assert device.waits == 0
    assert most <= 20
    assert timer.seconds() == {"outer": 300.0, "inner": 100.0}
    assert (device.waits, device.alive) == (1, 0)
    assert timer.seconds() == {"outer": 300.0, "inner": 100.0}
    assert device.waits == 1
