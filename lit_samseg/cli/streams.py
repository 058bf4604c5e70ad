"""Standard output and error that never end a run: whoever reads along may stop reading, and a disk may be full."""

import errno
import io
import os
import sys
from typing import TextIO


class _Lasting(io.FileIO):
    """A file descriptor; what it does not take is dropped, and the first reason kept."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.reason: OSError | None = None

    def write(self, data: object) -> int:
        """Write, or drop what cannot be written."""
        if self.reason is None:
            try:
                return super().write(data)  # type: ignore[arg-type]
            except BlockingIOError:
                raise
            except OSError as error:
                self.reason = error
        return len(data)  # type: ignore[arg-type]


class Streams:
    """Takes over the process's standard output and error.

    A stream that was closed (``>&-``) stays silent; its number is taken, so that no file is opened under it, into which
    a library would print.
    """

    def __init__(self) -> None:
        for descriptor in (0, 1, 2):
            try:
                os.fstat(descriptor)
            except OSError:
                os.open(os.devnull, os.O_RDWR)
        self._out, sys.stdout = _take_over(sys.stdout)
        _, sys.stderr = _take_over(sys.stderr)

    def failure(self) -> str | None:
        """Return why standard output could not be written; None where it was, or where its reader had seen enough."""
        if sys.stdout is not None:
            sys.stdout.flush()
        reason = None if self._out is None else self._out.reason
        # EIO: the terminal is gone.
        return None if reason is None or reason.errno in (errno.EPIPE, errno.EIO) else str(reason.strerror)


def _take_over(stream: TextIO) -> tuple[_Lasting | None, TextIO]:
    """Return a stream's descriptor and the stream over it, both as they were where it is no plain file or pipe."""
    raw = getattr(getattr(stream, "buffer", None), "raw", getattr(stream, "buffer", None))
    if not isinstance(stream, io.TextIOWrapper) or type(raw) is not io.FileIO:
        return None, stream
    stream.flush()
    lasting = _Lasting(raw.fileno())
    return lasting, io.TextIOWrapper(
        # As `python -u` has it.
        lasting if stream.write_through else io.BufferedWriter(lasting),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
