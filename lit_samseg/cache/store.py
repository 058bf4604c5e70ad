"""Tensors by key in a folder that several processes share."""

import contextlib
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor

from lit_samseg.cache.entry import DamagedEntryError, pack, unpack
from lit_samseg.errors import InputError
from lit_samseg.runtime.atomic import atomic_file

logger = logging.getLogger(__name__)

STALE_SECONDS = 24 * 60 * 60
"""Age at which an unfinished file belongs to a writer that was killed."""

_SLACK = 8  # part of the cap that is freed at once, and written between two looks at the folder

# Only files of these names are ever counted or deleted: the folder may be one that holds other things.
_FOLDER = re.compile(r"[0-9a-f]{2}")
_ENTRY = re.compile(r"[0-9a-f]{64}\.safetensors")
_DRAFT = re.compile(r"\.[0-9a-f]{64}\.[^.]+\.safetensors")


class TensorStore:
    """Keeps tensors on disk, least recently used ones go first.

    An entry is one file, ``FOLDER/KE/KEY.safetensors``, written under another name and renamed. What cannot be read, is
    damaged or belongs to another key is no entry. Processes need no lock: an entry that another one has deleted is a
    miss, and of two that write the same key the later stays.

    The sizes in the folder are looked at before the first entry is written and again after each eighth of the cap, so
    one process holds the cap and each further one may exceed it by an eighth and an entry for a while.

    Args:
        folder: Where the entries are; it is made.
        max_bytes: Size of all entries together; an entry that is larger alone is not kept.

    A folder with entries that cannot be written, on a disk that is read-only, say, is only read, which is said once.

    Raises:
        InputError: The folder cannot be made or written, and holds no entry.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        # At least the bytes in the folder, as far as this process can know; None before it looked.
        self._held: int | None = None
        self._written = 0
        self._complained = self._only_read = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            if not any(_ENTRY.fullmatch(file.name) for file in self._files()):
                raise InputError(
                    f"cache_dir {folder} cannot be written ({error.strerror}); give another folder"
                ) from error
            logger.warning("cache_dir %s is only read, and nothing is kept: %s", folder, error.strerror)
            self._complained = self._only_read = True

    def path(self, key: str) -> Path:
        """Return the file of a key, 64 hexadecimal digits."""
        return self.folder / key[:2] / f"{key}.safetensors"

    def get(self, key: str) -> dict[str, Tensor] | None:
        """Return what was put under a key, on the CPU; None where there is nothing that can be trusted."""
        path = self.path(key)
        try:
            tensors = unpack(key, path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, DamagedEntryError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            logger.warning("cache entry %s cannot be used (%s); it is computed again", path, reason)
            return None
        # The time of the last use. The file may be another user's, or gone by now.
        with contextlib.suppress(OSError):
            os.utime(path)
        return tensors

    def put(self, key: str, tensors: Mapping[str, Tensor]) -> None:
        """Keep tensors under a key, in place of what was there. A disk that refuses is reported once, not raised."""
        if self._only_read:
            return
        path, data = self.path(key), pack(key, tensors)
        if len(data) > self.max_bytes:
            return
        try:
            self._make_room(len(data))
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            with atomic_file(path) as draft:
                draft.write_bytes(data)
        except OSError as error:
            if not self._complained:
                logger.warning("cache entry %s cannot be written (%s); the run goes on", path, error.strerror)
            self._complained = True

    def _make_room(self, size: int) -> None:
        """Delete entries where ``size`` more bytes would exceed the cap."""
        if self._held is None or self._held + size > self.max_bytes or self._written + size > self.max_bytes // _SLACK:
            self._held, self._written = self._evict(size), 0
        self._held += size
        self._written += size

    def _evict(self, size: int) -> int:
        """Delete stale drafts and, if need be, the entries used longest ago; return the bytes left."""
        entries = []
        for file in self._files():
            try:
                status = file.stat(follow_symlinks=False)
            except OSError:
                continue  # another process was faster
            if _ENTRY.fullmatch(file.name):
                entries.append((status.st_mtime_ns, status.st_size, file.path))
            elif _DRAFT.fullmatch(file.name) and time.time() - status.st_mtime > STALE_SECONDS:
                with contextlib.suppress(OSError):
                    Path(file.path).unlink()
        held = sum(entry[1] for entry in entries)
        if held + size <= self.max_bytes:
            return held
        for _, entry_size, path in sorted(entries):
            if held + size <= self.max_bytes - self.max_bytes // _SLACK:
                break
            try:
                Path(path).unlink(missing_ok=True)
            except OSError:
                continue  # it stays, and counts
            held -= entry_size
        return held

    def _files(self) -> Iterator[os.DirEntry[str]]:
        """Yield what lies in the entries' folders."""
        for folder in _listed(self.folder):
            if _FOLDER.fullmatch(folder.name):
                yield from _listed(folder.path)


def _listed(folder: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        # No folder, or gone meanwhile.
        return []
