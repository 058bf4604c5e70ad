"""A process that fails ends the others, also those that wait for it in a collective."""

import multiprocessing
import os
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.process import BaseProcess
from typing import Any

import pytest
from torch.distributed import TCPStore

from lit_samseg.runtime.peers import LOST, Peers
from tests.conftest import has_loopback

pytestmark = pytest.mark.skipif(not has_loopback(), reason="needs the loopback interface between the processes")


def start(rank: int, port: int, then: Callable[[Peers], Any]) -> BaseProcess:
    """Start a process of a run of two, which does something and otherwise waits, as in a collective, for good."""

    def run() -> None:
        store = TCPStore("127.0.0.1", port, 2, is_master=rank == 0, timeout=timedelta(seconds=60))
        peers = Peers(store.clone(), rank, poll=0.05, grace=0.1, pause=0.5)
        peers.watch()
        then(peers)

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    return process


def wait(peers: Peers) -> None:
    time.sleep(1000)


def fail(peers: Peers) -> None:
    time.sleep(0.2)
    assert peers.tell() is None
    os._exit(3)


def die(peers: Peers) -> None:
    time.sleep(0.5)
    os._exit(9)


def end_well(peers: Peers) -> None:
    peers.stop()
    time.sleep(0.5)


def fail_later(peers: Peers) -> None:
    peers.stop()
    time.sleep(0.4)
    os._exit(4 if peers.tell() in ("process 0 failed", LOST) else 5)


@pytest.mark.parametrize(
    ("first", "second", "codes"),
    [
        # Also the first, whose store goes with it.
        (fail, wait, (3, 2)),
        (wait, fail, (2, 3)),
        (die, wait, (9, 2)),
        (end_well, end_well, (0, 0)),
        (fail, fail_later, (3, 4)),
    ],
)
def test_they_end_together(first: Any, second: Any, codes: tuple[int, int], capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    started = [start(0, port, first), start(1, port, second)]
    try:
        for process in started:
            process.join(20)
        assert tuple(process.exitcode for process in started) == codes
    finally:
        for process in started:
            process.kill()
    told = capfd.readouterr().err
    if first is fail and second is wait:
        assert told.endswith("lit-samseg: error: process 0 failed; this one, 1, ends too\n")
    if first is die:
        assert f"lit-samseg: error: {LOST}; this one, 1, ends too\n" in told
