"""Files are written beside the computation, by a few threads with a bounded backlog."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

THREADS = 4
BACKLOG = 64
"""Files that may wait to be written; their pictures are held in memory until then."""


class WriterPool:
    """Runs functions that write files, in threads: encoding a picture lets other threads go on.

    An error, a full disk say, is raised by the next call of `submit` or by `finish`.

    Args:
        threads: How many write at the same time.
        backlog: `submit` waits while so many are unfinished.
    """

    def __init__(self, threads: int = THREADS, backlog: int = BACKLOG) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="writer")
        self._backlog = backlog
        self._pending: deque[Future[None]] = deque()

    def submit(self, write: Callable[..., None], *args: Any) -> Future[None]:
        """Have ``write(*args)`` called soon; return what tells when it is done."""
        while self._pending and (self._pending[0].done() or len(self._pending) >= self._backlog):
            self._take_first()
        self._pending.append(self._executor.submit(write, *args))
        return self._pending[-1]

    def finish(self) -> None:
        """Wait until everything is written, or raise the first error."""
        while self._pending:
            self._take_first()

    def cancel(self) -> None:
        """Drop what is not begun and end the threads; safe to call twice."""
        self._pending.clear()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _take_first(self) -> None:
        # The one with an error stays the first, so that each later call raises it too.
        self._pending[0].result()
        self._pending.popleft()
