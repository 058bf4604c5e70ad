"""Numbers that are to be others before anything else: ``{7: 0, 8: 1}``, or a CSV file of two columns."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lit_samseg.errors import InputError

REST = "*"
"""Stands for all numbers that are not there."""


@dataclass(frozen=True)
class Mapping:
    """What numbers of files become.

    Attributes:
        table: New numbers by old ones.
        rest: What others become; None refuses them.
    """

    table: dict[int, int]
    rest: int | None = None

    def of(self, number: int) -> int | None:
        """Return what a number becomes; None where nothing says it."""
        return self.table.get(number, self.rest)

    def back(self, numbers: Iterable[int]) -> dict[int, int] | None:
        """Return old numbers by new ones, if each of some new ones was one old number; else None."""
        if self.rest is not None:
            return None
        old: dict[int, list[int]] = {}
        for before, after in self.table.items():
            old.setdefault(after, []).append(before)
        wanted = list(numbers)
        return {new: old[new][0] for new in wanted} if all(len(old.get(new, [])) == 1 for new in wanted) else None


def read_mapping(said: dict[str, int] | str | None) -> Mapping | None:
    """Return the mapping that ``--masks.mapping`` says, if it does.

    Raises:
        InputError: It cannot be read, is empty, has a number twice, or something that is none.
    """
    if said is None:
        return None
    where = f"--masks.mapping: {said}" if isinstance(said, str) else "--masks.mapping"
    rows = (
        _rows(Path(said).expanduser(), where) if isinstance(said, str) else [(str(a), str(b)) for a, b in said.items()]
    )
    table: dict[int, int] = {}
    rest = None
    for old, new in rows:
        if not new.isdecimal() or not (old.isdecimal() or old == REST):
            raise InputError(f"{where}: {old!a} -> {new!a} are no two numbers; give old,new a line, as 7,0")
        if old == REST:
            rest = int(new)
        elif int(old) in table:
            raise InputError(f"{where} has {old} twice; leave one of them")
        else:
            table[int(old)] = int(new)
    if not rows:
        raise InputError(f"{where} is empty; give old,new a line, as 7,0")
    return Mapping(table, rest)


def _rows(path: Path, where: str) -> list[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{where} is no readable CSV file ({error}); give old,new a line, as 7,0") from error
    wrong = next((row for row in rows if len(row) < 2), None)
    if wrong is not None:
        raise InputError(f"{where}: {','.join(wrong)!a} are not two columns; give old,new a line, as 7,0")
    if rows and not any(cell.isdecimal() for cell in rows[0]):
        # A heading.
        del rows[0]
    return [(row[0], row[1]) for row in rows]
