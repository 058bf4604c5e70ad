"""Wall time and time by stage, from the end of the warm-up to the end of the last image."""

import time
from typing import Any

import torch

from lit_samseg.runtime.timing import StageTimer


class Clock:
    """Read once before the timed images and once after.

    Args:
        timer: Adds up the stages.
        device: Waited for at both readings, and nowhere else.
    """

    def __init__(self, timer: StageTimer, device: torch.device) -> None:
        self.timer, self.device = timer, device
        self._before: dict[str, float] = {}
        self._start = 0.0

    def start(self) -> None:
        """Begin; what happened before does not count."""
        self._wait()
        self._before = self.timer.seconds()
        self._start = time.perf_counter()

    def stop(self, images: int) -> dict[str, Any]:
        """End, and return seconds per image in all and by stage; ``read`` is what no other stage took."""
        self._wait()
        total = time.perf_counter() - self._start
        stages = {name: s - self._before.get(name, 0.0) for name, s in self.timer.seconds().items()}
        stages = {"read": total - sum(stages.values()), **stages}
        return {"seconds": total / images, "stages": {name: s / images for name, s in stages.items()}}

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
