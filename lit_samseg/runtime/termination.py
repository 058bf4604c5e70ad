"""Ctrl-C, and a batch system's way to end a job, for what runs others: they are to end in good order, too."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lit_samseg.runtime.worker_death import TerminatedError


@contextmanager
def terminable(goes_on: str) -> Iterator[None]:
    """Raise `TerminatedError` at SIGTERM, and say at its or Ctrl-C's that nothing is lost.

    Args:
        goes_on: How to go on: a clause.
    """
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    except (KeyboardInterrupt, TerminatedError):
        print(f"lit-samseg: what is done is kept; {goes_on}", file=sys.stderr)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise TerminatedError
