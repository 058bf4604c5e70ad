"""One SIGTERM is enough."""

import signal
import threading
from types import FrameType

from lightning import Callback, LightningModule, Trainer


class TerminateOnce(Callback):
    """Has each process take the first SIGTERM only.

    Lightning's first process passes the signal on to the processes it started, and each then waits for the others. One
    that was sent it as well (by systemd, or a batch system, which tell all) would wait a second time, for nobody.
    """

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take over from Lightning, whose handlers are set by now; it puts the original ones back at the end."""
        take_first_sigterm_only()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take over from Lightning, whose handlers are set by now; it puts the original ones back at the end."""
        take_first_sigterm_only()


def take_first_sigterm_only() -> None:
    """Have the present handler called for the first SIGTERM, and nothing for later ones; in the main thread only."""
    handler = signal.getsignal(signal.SIGTERM)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        return
    taken = False

    def once(number: int, frame: FrameType | None) -> None:
        nonlocal taken
        if not taken:
            taken = True
            handler(number, frame)

    signal.signal(signal.SIGTERM, once)
