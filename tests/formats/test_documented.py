"""The documentation's table of formats is what the registry has, and each of its cells is tested."""

import re
from typing import NamedTuple

import pytest

from lit_samseg.formats.creating import CREATE
from lit_samseg.formats.recognise import FORMATS
from tests.conftest import PROJECT
from tests.formats.objects.test_round_trips import WORDS as OBJECT_ROUND_TRIPS
from tests.formats.pixels.test_fresh import OBJECTS_ANEW, WRITTEN_ANEW
from tests.formats.pixels.test_round_trips import KINDS

ROW = re.compile(
    r"\| `(?P<word>[\w-]+)` \| .+ \| (?P<read>\w+) \| (?P<written>\w+) \| (?P<round_trip>[\w ]+) \| (?P<new>.+) \|"
)


class Cells(NamedTuple):
    """What the table says of a format."""

    read: str
    written: str
    round_trip: str
    new: str


def table() -> dict[str, Cells]:
    text = (PROJECT / "docs/formats.md").read_text(encoding="utf-8")
    rows = [match for line in text.splitlines() if (match := ROW.fullmatch(line))]
    return {row["word"]: Cells(row["read"], row["written"], row["round_trip"], row["new"]) for row in rows}


def test_the_table_has_the_registrys_formats() -> None:
    assert list(table()) == [one.word for one in FORMATS] == list(CREATE)


@pytest.mark.parametrize("word", [one.word for one in FORMATS])
def test_every_cell_is_tested(word: str) -> None:
    cells = table()[word]
    assert (cells.read, cells.written) == ("yes", "yes")
    if cells.round_trip == "to the pixel":
        assert word in {kind.format for kind in KINDS.values()}
    else:
        assert cells.round_trip == "pixels and objects"
        assert word in OBJECT_ROUND_TRIPS
    assert word in {case[0] for case in [*WRITTEN_ANEW, *OBJECTS_ANEW]}
    assert cells.new
