"""The trials of a search and the file that keeps them."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.runtime.atomic import atomic_file

BASELINE = "baseline"


@dataclass(frozen=True)
class Trial:
    """One row's figures on the tuning images; fractions.

    Attributes:
        number: From 1 on in the order of trying; the baseline, which is none, has 0.
        name: The row's.
        miou: As in ``results.json``.
        miou_gt_present: As there.
        difference: Of ``miou_gt_present`` to the baseline's: what is searched for, as it is what every table of this
            package calls the difference.
        boundary_iou: ``iou_before`` of ``results.json``, the one in the tables; nan where there is none.
        seconds: Per image, beyond baseline and encoder (`seconds_by_row`).
        run: The run it is a row of, below the search's folder.
    """

    number: int
    name: str
    miou: float
    miou_gt_present: float
    difference: float
    boundary_iou: float
    seconds: float
    run: str


COLUMNS = tuple(field.name for field in fields(Trial))


def write_trials(path: Path, trials: Iterable[Trial]) -> None:
    """Write trials as CSV, numbers in full; the file is there whole or as it was."""
    with atomic_file(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *map(astuple, trials)])


def read_trials(path: Path) -> list[Trial]:
    """Read what `write_trials` wrote; nothing where there is no file.

    Raises:
        InputError: The file is another one.
    """
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *lines = csv.reader(file)
        if tuple(header) != COLUMNS:
            raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
        return [_trial(*line) for line in lines]
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} is not the trials of a search ({error}); give another --output_dir") from error


def _trial(number: str, name: str, *rest: str) -> Trial:
    miou, miou_gt_present, difference, boundary_iou, seconds = map(float, rest[:-1])
    return Trial(int(number), name, miou, miou_gt_present, difference, boundary_iou, seconds, rest[-1])


def best_of(trials: Sequence[Trial]) -> Trial:
    """Return the trial with the largest difference, of equal ones the first; the baseline is none."""
    return max((trial for trial in trials if trial.number), key=lambda trial: (trial.difference, -trial.number))


def front_of(trials: Sequence[Trial]) -> list[Trial]:
    """Return what no other beats in quality and seconds, the fastest first.

    One beats another if it is not worse in either and better in one. The baseline, which takes no seconds, takes part:
    a trial that is worse than it is not worth any.
    """
    front: list[Trial] = []
    for trial in sorted(trials, key=lambda trial: (trial.seconds, -trial.difference, trial.number)):
        if not front or trial.difference > front[-1].difference:
            front.append(trial)
    return front
