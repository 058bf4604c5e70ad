"""A pair whose test is done, and which images pairs have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lit_samseg.errors import InputError
from lit_samseg.results.record import RunRecord


@dataclass(frozen=True)
class FinishedPair:
    """A pair whose test is done.

    Attributes:
        name: The pair's.
        folder: Of its run, below the study's folder.
        record: The run.
        asked: Names by which its rows are pooled, in the order of the run, without the baseline.
        seconds: Per image of each row alone, by its name in the run; of some rows, or none.
    """

    name: str
    folder: str
    record: RunRecord
    asked: Sequence[str]
    seconds: Mapping[str, float]

    @classmethod
    def read(
        cls, name: str, study: Path, folder: str, asked: Sequence[str], seconds: Mapping[str, float]
    ) -> "FinishedPair":
        """Read a pair's run.

        Raises:
            InputError: There is none, or it has other rows than it was asked for.
        """
        record = RunRecord.read(study / folder)
        if len(record.evidence.rows) != 1 + len(asked):
            raise InputError(f"{study / folder} has other rows than pair {name!r} now has; give another --output_dir")
        return cls(name, folder, record, asked, seconds)

    def place_of(self, row: str) -> int | None:
        """Return where a row is in the run; None where the pair has none of that name."""
        return 1 + list(self.asked).index(row) if row in self.asked else None


def image_keys(pairs: Sequence[FinishedPair]) -> list[str]:
    """Name the data set of each pair, so that equal ids of one name are one image.

    Folders of one's own all have one name. Where two pairs have the same classes, and an image of both has another
    ground truth in each, their ids are not the same images.
    """
    keys: list[str] = []
    for n, pair in enumerate(pairs):
        name = pair.record.facts["dataset"]["name"]
        others = [m for m in range(n) if pairs[m].record.facts["dataset"]["name"] == name]
        same = next((m for m in others if _agree(pairs[m].record, pair.record)), None)
        keys.append(keys[same] if same is not None else f"{name} {n}" if others else name)
    return keys


def _agree(a: RunRecord, b: RunRecord) -> bool:
    if list(a.class_names) != list(b.class_names):
        # The same pictures with other labels, for all that is known.
        return True
    where = {image: n for n, image in enumerate(b.evidence.ids)}
    common = [(n, where[image]) for n, image in enumerate(a.evidence.ids) if image in where]
    return all(np.array_equal(a.evidence.counts[0, 1, n], b.evidence.counts[0, 1, m]) for n, m in common)
