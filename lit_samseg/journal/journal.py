"""The journal's folder: what run it is of, and a file of records for each process that worked on it."""

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lit_samseg.errors import InputError
from lit_samseg.journal.records import Record, RecordFile, count_records, read_records
from lit_samseg.journal.run_identity import describe_differences
from lit_samseg.runtime.atomic import atomic_file

FOLDER = "journal"
_IDENTITY = "run.json"
_RECORDS = "{:04d}-{:04d}.records"
_AGAIN = "begin again by --overwrite true in place of --resume"


class Journal:
    """The journal of an unfinished run.

    Args:
        output_dir: The run's folder; the journal is in ``journal`` there.
    """

    def __init__(self, output_dir: Path) -> None:
        self.folder = output_dir / FOLDER

    def records(self) -> dict[str, Record]:
        """Return the finished images' records by id; of an image that was done twice the later one.

        Raises:
            InputError: A file cannot be read.
        """
        paths = sorted(self.folder.glob("*.records"))
        return {record.facts["id"]: record for path in paths for record in read_records(path)}

    def count(self) -> int:
        """Return about how many images are finished, without reading what is said of them."""
        count = 0
        for path in self.folder.glob("*.records"):
            # The run may end meanwhile, and its journal with it.
            with suppress(OSError):
                count += count_records(path)
        return count

    def begin(self, identity: Mapping[str, Any]) -> None:
        """Make an empty journal of a run."""
        self.remove()
        with atomic_file(self.folder / _IDENTITY) as draft:
            draft.write_text(json.dumps(identity, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def check(self, identity: Mapping[str, Any]) -> None:
        """Refuse to go on with another run.

        Raises:
            InputError: The journal is of another run; the message names what differs.
        """
        path = self.folder / _IDENTITY
        try:
            was: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read ({error}); {_AGAIN}") from error
        differences = describe_differences(was, json.loads(json.dumps(identity)))
        if differences:
            raise InputError(
                f"{self.folder} is of another run: {differences}; give what it was begun with, another --output_dir, "
                f"or {_AGAIN}"
            )

    def exists(self) -> bool:
        """Tell whether there is a journal."""
        return self.folder.is_dir()

    def next_attempt(self) -> int:
        """Return a number above those of all attempts so far."""
        return 1 + max((int(path.name[:4]) for path in self.folder.glob("*.records")), default=0)

    def open(self, attempt: int, process: int) -> RecordFile:
        """Return the file that one process appends to; what was cut off in an earlier one is never written behind."""
        return RecordFile(self.folder / _RECORDS.format(attempt, process))

    def remove(self) -> None:
        """Delete the journal."""
        shutil.rmtree(self.folder, ignore_errors=True)
