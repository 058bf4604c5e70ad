"""One run at a time writes a folder."""

import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import SoftFileLease, Timeout

from lit_samseg.errors import InputError
from lit_samseg.runtime.shard import Shard

LOCK = ".lock"
_SHARD = f"{LOCK}-shard-"

LEASE = 120.0
"""Seconds after which another machine believes that a process which shows no sign of life is no more. Twice what NFS
may keep a file's time for."""


class FolderLock:
    """A file that names the process which writes a folder, and that is touched as long as the process lives.

    It is made by exclusive creation, which NFS has since its version 3, so it holds between machines as well. The file
    of a process that was killed is recognised at once where that process ran, by its number and the time it began.
    Another machine waits for a sign of life first (`LEASE`), which a job that is queued again on another node outlives.

    Args:
        folder: The folder; it must be there when the lock is acquired.
        lease: Seconds; the same for all who share the folder.
        shard: The share of a run that is written; a folder may be written by several shards at a time. None for all.
    """

    def __init__(self, folder: Path, lease: float = LEASE, shard: Shard | None = None) -> None:
        name = LOCK if shard is None else f"{_SHARD}{shard.number}-of-{shard.count}"
        self.folder, self.path = folder, folder / name
        self._lease = lease
        self._lock = SoftFileLease(self.path, lease_duration=lease, timeout=0)

    def acquire(self, patience: float = 0.0) -> None:
        """Take the lock, which must be free.

        Args:
            patience: Seconds to wait for it where another has it for a moment.

        Raises:
            InputError: Another process has it; the message names it.
        """
        try:
            self._lock.acquire(timeout=max(patience, self._patience()), poll_interval=min(1, patience or 1))
        except Timeout as error:
            raise InputError(
                f"{self.folder} is being written by {self._named()}; wait for it to end, or give another --output_dir "
                f"(if that process is no more, delete {self.path})"
            ) from error

    def check_no_shards(self) -> None:
        """See that no shard is being written; those of shards that were killed are taken away.

        Raises:
            InputError: One is; the message names its process.
        """
        for path in self.folder.glob(f"{_SHARD}*"):
            number, _, count = path.name.removeprefix(_SHARD).partition("-of-")
            if number.isdecimal() and count.isdecimal():
                with FolderLock(self.folder, self._lease, Shard(int(number), int(count))):
                    pass

    def check(self) -> None:
        """See that the folder is still ours.

        Raises:
            InputError: This process was at rest for so long, in a machine's sleep, say, that another took the folder.
        """
        if self._lock.compromise is not None:
            raise InputError(f"{self.folder} was taken over by {self._named()} while this process was at rest")

    def release(self) -> None:
        """Give the lock back, if it is held."""
        self._lock.release(force=True)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _patience(self) -> float:
        host = self._holder().get("host")
        if host is None or host.startswith(socket.gethostname()):
            return 0
        print(f"lit-samseg: waiting up to {self._lease:.0f} s for a sign of life of {self._named()}", file=sys.stderr)
        return 1.1 * self._lease + 1

    def _named(self) -> str:
        holder = self._holder()
        return f"process {holder['pid']} on {holder['host']}" if {"pid", "host"} <= holder.keys() else "another process"

    def _holder(self) -> dict[str, str]:
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return {}
        return dict(line.split("=", 1) for line in lines if "=" in line)
