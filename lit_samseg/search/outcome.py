"""What a search leaves behind beside its trials: the front, the winner, and what is said of both."""

import csv
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from lit_samseg.results.contents import Results
from lit_samseg.results.run_tables import METRIC, interval, per_cent, points
from lit_samseg.results.text_table import TextTable
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.search.trials import COLUMNS, Trial, best_of, front_of


def write_front(folder: Path, trials: Sequence[Trial]) -> TextTable:
    """Write ``front.csv``, with numbers as in ``trials.csv``, and ``front.md``; return the table."""
    front = front_of(trials)
    with atomic_file(folder / "front.csv") as draft, draft.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *map(astuple, front)])
    table = TextTable(
        f"Front of {len(trials) - 1} trials on the tuning images",
        ["row", "mIoU", "mIoU*", "diff.", "bIoU", "s/image"],
        [
            [
                trial.name,
                *map(per_cent, (trial.miou, trial.miou_gt_present)),
                points(trial.difference),
                per_cent(trial.boundary_iou),
                f"{trial.seconds:.3f}",
            ]
            for trial in front
        ],
        [
            "Every other trial is beaten by one of these in mIoU* and seconds. mIoU*: over the classes of the ground "
            "truth; diff.: mIoU* against the baseline's. s/image: each row alone, beyond baseline and encoder."
        ],
    )
    _write_text(folder / "front.md", table.markdown())
    return table


def write_winner(folder: Path, config: str, winner: Trial, tried: int) -> None:
    """Write ``best.yaml``: the configuration with the winner as its only row."""
    note = f"# {winner.name}: the best of {tried} recipes that were tried by lit-samseg search.\n"
    _write_text(folder / "best.yaml", note + config)


def write_summary(folder: Path, trials: Sequence[Trial], tuning_images: int, results: Results) -> TextTable:
    """Write ``summary.md``, the winner on both lists, and return the table.

    Args:
        folder: The search's.
        trials: With the baseline as the first.
        tuning_images: How many there are.
        results: Of the run over the reporting images.
    """
    winner = best_of(trials)
    tuned = {trial.name: trial for trial in trials}
    reported = len(results["dataset"]["ids"])
    cells = []
    for row in results["rows"]:
        trial = tuned.get(row["name"])
        test = row["difference"][METRIC] if "difference" in row else None
        said = ["", "", ""] if test is None else [points(test["value"]), interval(test), test["verdict"]]
        seconds = "-" if trial is None else f"{trial.seconds:.3f}"
        tuning = "-" if trial is None else points(trial.difference) if trial.number else ""
        cells.append([row["name"], tuning, *said, per_cent(row.get("boundary", {}).get("iou_before")), seconds])
    notes = [
        f"{winner.name} is the best of {len(trials) - 1} recipes tried on the {tuning_images} tuning images. Its "
        f"difference there was chosen to be large and is optimistic; the one on the {reported} reporting images, which "
        "took no part in the choice, is the result, and so is its 95 % interval.",
        "Differences are of mIoU over the classes of the ground truth against the baseline's, in points. s/image: each "
        "row alone, beyond baseline and encoder, on the tuning images.",
    ]
    if winner.difference <= 0:
        notes.insert(0, "No recipe that was tried beats the baseline on the tuning images.")
    header = ["row", "tuning (optimistic)", "reporting", "95 %", "verdict", "bIoU", "s/image"]
    table = TextTable("The winner on images that it was not chosen on", header, cells, notes)
    _write_text(folder / "summary.md", table.markdown())
    return table


def _write_text(path: Path, text: str) -> None:
    with atomic_file(path) as draft:
        draft.write_text(text, encoding="utf-8")
