"""Several runs over the same images in one table."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError
from lit_samseg.metrics.significance import compare_pair, correct
from lit_samseg.results.cause_tables import cause_tables
from lit_samseg.results.evidence import Evidence
from lit_samseg.results.numbers import finite
from lit_samseg.results.other_metrics import Numbers
from lit_samseg.results.record import RunRecord
from lit_samseg.results.row_contents import LadderStep, RecognitionFacts
from lit_samseg.results.rows import RESAMPLES, describe_rows
from lit_samseg.results.run_tables import METRIC, harm_table, images_of, interval, points, scores_table
from lit_samseg.results.text_table import TextTable


class Also(TypedDict, total=False):
    """What a row has that is not computed again here."""

    ladder: list[LadderStep]
    recognition: RecognitionFacts
    metrics: Numbers


PER_ROW = ("before", "after", "trimap", "mba")
"""Boundary counts that each row has its own of."""


def compare_runs(folders: Sequence[Path]) -> list[TextTable]:
    """Compare runs: all rows against the first run's baseline, and rows of one name with each other.

    Args:
        folders: Output folders of finished tests.

    Raises:
        InputError: A folder holds no run, or the runs' images, ground truth or classes differ; it says which.
    """
    if len(folders) < 2:
        raise InputError("compare needs two or more runs; give their output folders")
    runs = [RunRecord.read(folder) for folder in folders]
    for folder, run in zip(folders[1:], runs[1:], strict=True):
        _check_comparable(folders[0], runs[0], folder, run)
    names = _short_names(folders)
    combined, kept = _combine(names, runs)
    rows = describe_rows(combined, runs[0].class_names, ())
    for row in rows:
        also = kept[row["name"]]
        if "ladder" in also:
            row["ladder"] = also["ladder"]
        if "recognition" in also:
            row["recognition"] = also["recognition"]
        if "metrics" in also:
            row["metrics"] = also["metrics"]
    metrics = {metric["word"]: metric for run in reversed(runs) for metric in run.facts.get("metrics", ())}
    first = runs[0].results_of([])
    scores = scores_table({**first, "metrics": list(metrics.values()), "rows": rows})
    title = f"{first['dataset']['name']}, {images_of(first)}, against {rows[0]['name']}"
    tables = [TextTable(title, scores.header, scores.rows, scores.notes)]
    if pairs := _pairs(names, runs):
        tables.append(pairs)
    return [*tables, *cause_tables(rows), harm_table(rows)]


def _check_comparable(first: Path, a: RunRecord, other: Path, b: RunRecord) -> None:
    if list(a.class_names) != list(b.class_names):
        raise InputError(f"{first} and {other} have different classes; compare runs on one data set")
    only_a, only_b = (
        sorted(set(a.evidence.ids) - set(b.evidence.ids)),
        sorted(set(b.evidence.ids) - set(a.evidence.ids)),
    )
    if only_a or only_b:
        parts = [
            f"{len(ids)} only in {folder} ({', '.join(ids[:3])}{', ...' if len(ids) > 3 else ''})"
            for folder, ids in ((first, only_a), (other, only_b))
            if ids
        ]
        raise InputError(f"the runs' images differ: {' and '.join(parts)}; give both runs the same --data.ids")
    if list(a.evidence.ids) != list(b.evidence.ids):
        raise InputError(f"{first} and {other} have the same images in another order; run one of them again")
    if not np.array_equal(a.evidence.counts[0, 1], b.evidence.counts[0, 1]):
        raise InputError(f"{first} and {other} were scored against different ground truth")


def _short_names(folders: Sequence[Path]) -> list[str]:
    """Name runs by as much of the ends of their paths as tells them apart."""
    parts = [folder.resolve().parts for folder in folders]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(path[-length:]) for path in parts]
        if len(set(names)) == len(names):
            return names
    raise InputError("a run is given twice; compare different ones")


def _combine(names: Sequence[str], runs: Sequence[RunRecord]) -> tuple[Evidence, dict[str, Also]]:
    """Put all rows into one evidence, equal baselines once; and take over their ladders and further metrics."""
    rows: list[str] = []
    counts, kept = [], []
    also: dict[str, Also] = {}
    first = runs[0].evidence
    for name, run in zip(names, runs, strict=True):
        own = run.evidence
        analysed = own.ladder is not None or own.recognition is not None
        described = {row["name"]: row for row in run.results()["rows"]} if analysed else {}
        for index, row in enumerate(own.rows):
            if index == 0 and run is not runs[0] and np.array_equal(own.counts[0], first.counts[0]):
                continue
            label = row if index == 0 and run is runs[0] else f"{name}: {row}"
            rows.append(label)
            counts.append(own.counts[index])
            kept.append((own, index))
            also[label] = {}
            if row in described and "ladder" in described[row]:
                also[label]["ladder"] = described[row]["ladder"]
            if row in described and "recognition" in described[row]:
                also[label]["recognition"] = described[row]["recognition"]
            if numbers := run.metric_scores.get(row):
                also[label]["metrics"] = numbers
    return Evidence(rows, first.ids, np.stack(counts), _join_boundaries(kept)), also


def _join_boundaries(rows: Sequence[tuple[Evidence, int]]) -> dict[str, NDArray[np.int64]] | None:
    """Put rows' boundary counts together; None where one has none."""
    found = [(own.boundary, index) for own, index in rows if own.boundary is not None]
    if len(found) < len(rows):
        return None
    joined = {key: np.stack([arrays[key][index] for arrays, index in found]) for key in PER_ROW}
    return joined | {"trimap_void": found[0][0]["trimap_void"]}


def _pairs(names: Sequence[str], runs: Sequence[RunRecord]) -> TextTable | None:
    """Compare each run's rows with the first run's rows of the same name."""
    first, found = runs[0].evidence, []
    for name, run in zip(names[1:], runs[1:], strict=True):
        for index, row in enumerate(run.evidence.rows):
            if row in first.rows:
                theirs = first.counts[list(first.rows).index(row)]
                if index == 0 and np.array_equal(theirs, run.evidence.counts[0]):
                    continue
                tests = compare_pair(theirs, run.evidence.counts[index], RESAMPLES)
                found.append((f"{name}: {row}", next(test for test in tests if test.metric == METRIC)))
    tests = correct([test for _, test in found])
    cells = [
        [
            label,
            points(test.difference),
            interval({"low": finite(test.low), "high": finite(test.high)}),
            f"{test.p_holm:.4f}",
            test.verdict,
        ]
        for (label, _), test in zip(found, tests, strict=True)
    ]
    header = ["row", "diff.", "95 %", "p (Holm)", "verdict"]
    return TextTable(f"Against the same row of {names[0]}, mIoU*", header, cells) if cells else None
