"""Only the first SIGTERM counts."""

import os
import signal
from collections.abc import Iterator

import pytest

from lit_samseg.callbacks.termination import take_first_sigterm_only


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_the_second_is_ignored_also_while_the_first_is_handled() -> None:
    handled: list[int] = []

    def handle(number: int, _: object) -> None:
        handled.append(number)
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, handle)
    take_first_sigterm_only()
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
    assert handled == [signal.SIGTERM]


def test_without_a_handler_the_process_ends_as_ever() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    take_first_sigterm_only()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
