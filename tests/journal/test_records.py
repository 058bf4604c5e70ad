"""Records are believed only where they are whole."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lit_samseg.journal import RecordFile, read_records

ARRAYS = {"pixels": np.arange(300).reshape(3, 100) ** 3, "areas": np.array([1, 2])}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three records."""
    records = RecordFile(tmp_path / "0001-0000.records")
    for n in range(3):
        records.append({"id": str(n)}, {name: array + n for name, array in ARRAYS.items()})
    records.close()
    return records.path


def test_what_was_written_is_read(file: Path) -> None:
    for n, record in enumerate(read_records(file)):
        assert record.facts == {"id": str(n)}
        arrays = record.arrays()
        assert all(np.array_equal(arrays[name], array + n) for name, array in ARRAYS.items())


def cut_by(count: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:-count]


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    ("damage", "kept"),
    [
        pytest.param(cut_by(1), 2, id="last byte lost"),
        pytest.param(cut_by(200), 2, id="last record cut"),
        pytest.param(lambda content: content + content[:17], 3, id="next record begun"),
        pytest.param(lambda content: content + bytes(4096), 3, id="zeros behind"),
        pytest.param(lambda content: content + content[:48] + bytes(9), 3, id="only the head of the next"),
        pytest.param(flip, 1, id="a bit turned"),
        pytest.param(lambda content: b"", 0, id="nothing written"),
    ],
)
def test_a_damaged_file(damage: Callable[[bytes], bytes], kept: int, file: Path) -> None:
    file.write_bytes(damage(file.read_bytes()))
    assert [record.facts["id"] for record in read_records(file)] == ["0", "1", "2"][:kept]
