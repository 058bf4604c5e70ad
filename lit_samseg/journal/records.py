"""Records in a file that only grows: each is on disk when `RecordFile.append` returns, and none is believed unchecked.

A record is 4 bytes ``LSJ1``, the lengths of its two parts (big-endian, 4 and 8 bytes), the SHA-256 of both, the facts
as JSON, and the arrays as NumPy's ``npz``.
"""

import hashlib
import io
import json
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError

_MAGIC = b"LSJ1"
_HEAD = struct.Struct(">4sIQ32s")

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Record:
    """A record that was found whole.

    Attributes:
        facts: What is said of the image.
        path: Its file.
        offset: Where the arrays begin there, in bytes.
        length: How long they are, in bytes.
    """

    facts: dict[str, Any]
    path: Path
    offset: int
    length: int

    def arrays(self) -> Arrays:
        """Read the arrays."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            with np.load(io.BytesIO(file.read(self.length)), allow_pickle=False) as arrays:
                return dict(arrays)


class RecordFile:
    """Appends records to a new file.

    Args:
        path: The file; there must be none. It is made by the first `append`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: io.FileIO | None = None
        self._end = 0

    def append(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write one record and wait until the disk has it.

        Raises:
            InputError: It cannot be written, for want of space, say; what was written before stays readable.
        """
        packed = io.BytesIO()
        np.savez_compressed(packed, allow_pickle=False, **arrays)
        parts = json.dumps(dict(facts)).encode(), packed.getvalue()
        head = _HEAD.pack(_MAGIC, len(parts[0]), len(parts[1]), hashlib.sha256(b"".join(parts)).digest())
        record = memoryview(b"".join((head, *parts)))
        try:
            if self._file is None:
                self._file = self.path.open("xb", buffering=0)
            # An append that was interrupted may have left half a record.
            self._file.truncate(self._end)
            self._file.seek(self._end)
            written = 0
            while written < len(record):
                written += self._file.write(record[written:])
            os.fsync(self._file.fileno())
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be written ({error.strerror}); make room and go on with --resume true"
            ) from error
        self._end += len(record)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def count_records(path: Path) -> int:
    """Return how many records a file seems to hold, whole or not, by their heads alone: for who watches it grow."""
    count = 0
    with path.open("rb") as file:
        while len(head := file.read(_HEAD.size)) == _HEAD.size and head.startswith(_MAGIC):
            _, facts, arrays, _ = _HEAD.unpack(head)
            file.seek(facts + arrays, os.SEEK_CUR)
            count += 1
    return count


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records of a file, up to the first that is not whole: what comes after it cannot be told from noise.

    Args:
        path: The file.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            while len(head := file.read(_HEAD.size)) == _HEAD.size:
                magic, *lengths, digest = _HEAD.unpack(head)
                left = path.stat().st_size - file.tell()
                if magic != _MAGIC or sum(lengths) > left:
                    return
                facts, packed = (file.read(length) for length in lengths)
                if hashlib.sha256(facts + packed).digest() != digest:
                    return
                yield Record(json.loads(facts), path, file.tell() - len(packed), len(packed))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
