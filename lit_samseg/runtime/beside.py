"""What is done beside the computation, by a few threads with a bounded backlog."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

THREADS = 4
BACKLOG = 64
"""Calls that may wait for a thread; what they work on, a picture say, is held in memory until then."""

T = TypeVar("T")


class Beside:
    """Calls functions in threads: libraries that encode pictures or filter label maps let other threads go on.

    An error, a full disk say, is raised by the next call of `submit` or by `finish`.

    Args:
        threads: How many work at the same time; with 0 `submit` itself calls the function, and raises its error.
        backlog: `submit` waits while so many are unfinished.
    """

    def __init__(self, threads: int = THREADS, backlog: int = BACKLOG) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="beside") if threads else None
        self._backlog = backlog
        self._pending: deque[Future[Any]] = deque()

    def submit(self, function: Callable[..., T], *args: Any) -> Future[T]:
        """Have ``function(*args)`` called soon; return what tells when it is done, and what it returned."""
        if self._executor is None:
            done: Future[T] = Future()
            done.set_result(function(*args))
            return done
        while self._pending and (self._pending[0].done() or len(self._pending) >= self._backlog):
            self._take_first()
        submitted = self._executor.submit(function, *args)
        self._pending.append(submitted)
        return submitted

    def finish(self) -> None:
        """Wait until everything is done, or raise the first error."""
        while self._pending:
            self._take_first()

    def cancel(self) -> None:
        """Drop what is not begun and end the threads; safe to call twice."""
        self._pending.clear()
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def _take_first(self) -> None:
        # The one with an error stays the first, so that each later call raises it too.
        self._pending[0].result()
        self._pending.popleft()
