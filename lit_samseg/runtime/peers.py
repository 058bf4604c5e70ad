"""Processes of one run end together: where one has failed, the others wait for nobody.

Over gloo they notice by themselves, since a connection is closed. Over NCCL they would wait for half an hour, in a
collective that no exception comes out of.
"""

import os
import threading
import time
from typing import Protocol

KEY = "lit_samseg/failed"
LOST = "the first process is gone"


class Store(Protocol):
    """What processes tell each other by: `torch.distributed.Store`, which the first one has."""

    def check(self, keys: list[str]) -> bool:
        """Tell whether all keys are set."""

    def compare_set(self, key: str, expected: str, desired: str) -> bytes:
        """Set a key that is not set yet, and return what it then is."""

    def get(self, key: str) -> bytes:
        """Return what a key is set to."""


class Peers:
    """Tells the other processes of a run that this one has failed, and ends this one where another has.

    Args:
        store: The run's; a connection of its own, for another may be blocked.
        rank: This process's number.
        poll: Seconds between two looks.
        grace: Seconds that this process has to end by itself, once another has failed.
        pause: Seconds that it stays where it has failed itself, for the others to hear of it: whoever started it may
            kill all as soon as it ends, and with the first process goes the store.
    """

    def __init__(self, store: Store, rank: int, poll: float = 0.5, grace: float = 1.5, pause: float = 3.0) -> None:
        self._store, self._rank = store, rank
        self._poll, self._grace, self._pause = poll, grace, pause
        self._stopped = threading.Event()

    def watch(self) -> None:
        """Begin to look after the others."""
        threading.Thread(target=self._watch, name="peers", daemon=True).start()

    def stop(self) -> None:
        """Look no more: all of them are done."""
        self._stopped.set()

    def tell(self) -> str | None:
        """Say that this process has failed; return what is said of another that has failed before, or None."""
        self.stop()
        own = f"process {self._rank} failed"
        try:
            first = self._store.compare_set(KEY, "", own).decode()
        except RuntimeError:
            return LOST
        time.sleep(self._pause)
        return None if first == own else first

    def _watch(self) -> None:
        while not self._stopped.wait(self._poll):
            reason = self._heard()
            if reason is None:
                continue
            if not self._stopped.wait(self._grace):
                # Not by sys.exit: the main thread is in a collective for good.
                os.write(2, f"lit-samseg: error: {reason}; this one, {self._rank}, ends too\n".encode())
                os._exit(2)

    def _heard(self) -> str | None:
        try:
            return self._store.get(KEY).decode() if self._store.check([KEY]) else None
        except RuntimeError:
            return LOST
