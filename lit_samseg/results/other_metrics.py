"""Metrics beside pixels and borders: what ``results.json`` says of them, and how it is computed again."""

import sys
from collections.abc import Iterable, Sequence

from lit_samseg.errors import InputError
from lit_samseg.metrics.metric import METRICS, Metric
from lit_samseg.results.contents import MetricFacts, Results
from lit_samseg.results.evidence import Evidence
from lit_samseg.results.numbers import finite

Numbers = dict[str, dict[str, float | None]]
"""Scores of a row by a metric's word and a column's key."""


def describe_metrics(metrics: Iterable[Metric]) -> list[MetricFacts]:
    """Return what tells a reader of a finished run about its metrics, so that none needs their classes."""
    return [
        {
            "word": metric.word,
            "path": f"{type(metric).__module__}:{type(metric).__qualname__}",
            "columns": [
                {
                    "key": column.key,
                    "heading": column.heading,
                    "unit": column.unit,
                    "higher_is_better": column.higher_is_better,
                    "shown": list(column.shown),
                    "note": column.note,
                }
                for column in metric.columns
            ],
        }
        for metric in metrics
    ]


def score_metrics(metrics: Sequence[Metric], evidence: Evidence) -> dict[str, Numbers]:
    """Return every row's scores by metrics whose counts are there."""
    scored: dict[str, Numbers] = {row: {} for row in evidence.rows}
    for metric in metrics:
        counts = evidence.metrics[metric.word]
        for n, row in enumerate(evidence.rows):
            scores = metric.score_images({name: array[n] for name, array in counts.items()})
            scored[row][metric.word] = {column.key: finite(float(scores[column.key])) for column in metric.columns}
    return scored


def score_again(results: Results, evidence: Evidence) -> dict[str, Numbers]:
    """Score a finished run's metrics again; one whose class is not to be had keeps its numbers, and a line says so.

    Args:
        results: ``results.json``.
        evidence: The run's.
    """
    scored: dict[str, Numbers] = {row: {} for row in evidence.rows}
    stored = {row["name"]: row.get("metrics", {}) for row in results["rows"]}
    for described in results.get("metrics", ()):
        word = described["word"]
        try:
            found = score_metrics([METRICS.find(described["path"])()], evidence)
        except Exception as error:
            # Of code that is not ours, and may have changed since.
            reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            print(f"lit-samseg: metric {word} keeps the run's numbers; not computed again ({reason})", file=sys.stderr)
            found = {row: {word: stored[row][word]} for row in scored if word in stored.get(row, {})}
        for row, numbers in found.items():
            scored[row] |= numbers
    return scored
