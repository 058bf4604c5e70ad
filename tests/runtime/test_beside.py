"""Work in threads: all of it is done, nothing fails in silence, the backlog is bounded."""

import threading
from pathlib import Path

import pytest

from lit_samseg.runtime.beside import Beside


def test_everything_is_written_when_finish_returns(tmp_path: Path) -> None:
    pool = Beside(threads=3, backlog=5)
    for n in range(40):
        pool.submit(lambda path, n: path.write_text(str(n)), tmp_path / f"{n}.txt", n)
    pool.finish()
    assert sorted(int(path.read_text()) for path in tmp_path.iterdir()) == list(range(40))
    pool.cancel()
    pool.cancel()


def hold(begun: threading.Event, gate: threading.Event) -> None:
    begun.set()
    gate.wait(60)


def fail() -> None:
    raise OSError(28, "No space left on device")


def test_an_error_is_raised_at_the_end_or_before() -> None:
    pool = Beside()
    pool.submit(fail)
    with pytest.raises(OSError, match="No space left"):
        pool.finish()
    pool = Beside(threads=1, backlog=1)
    pool.submit(fail)
    with pytest.raises(OSError, match="No space left"):
        pool.submit(lambda: None)
    pool.cancel()


def test_submit_waits_for_a_full_backlog() -> None:
    pool, gate, begun = Beside(threads=1, backlog=2), threading.Event(), threading.Event()
    pool.submit(hold, begun, gate)
    pool.submit(lambda: None)
    assert begun.wait(60)
    third = threading.Thread(target=pool.submit, args=(lambda: None,))
    third.start()
    third.join(0.2)
    assert third.is_alive()
    gate.set()
    third.join(60)
    assert not third.is_alive()
    pool.finish()
    pool.cancel()


def test_cancel_drops_what_is_not_begun(tmp_path: Path) -> None:
    pool, gate, begun = Beside(threads=1), threading.Event(), threading.Event()
    pool.submit(hold, begun, gate)
    pool.submit((tmp_path / "late").touch)
    assert begun.wait(60)
    threading.Timer(0.2, gate.set).start()
    pool.cancel()
    assert not (tmp_path / "late").exists()


def test_without_threads_it_is_done_at_once() -> None:
    pool, here = Beside(threads=0), threading.get_ident()
    assert pool.submit(threading.get_ident).result() == here
    with pytest.raises(OSError, match="No space left"):
        pool.submit(fail)
    # It was told already.
    pool.finish()
    pool.cancel()


def test_what_a_function_returns_is_told() -> None:
    pool = Beside(threads=1)
    assert pool.submit(threading.get_ident).result() != threading.get_ident()
    pool.cancel()
