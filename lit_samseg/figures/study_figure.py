"""Figures of a study: its page's plots, as files for print."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from lit_samseg.errors import InputError
from lit_samseg.plots.shared_classes import shared_classes_plot
from lit_samseg.plots.study_forest import pooled_plot, study_forest_plot
from lit_samseg.plots.study_relations import baseline_plot, borders_plot, cost_plot, slopes_plot
from lit_samseg.pooling.contents import StudyResults
from lit_samseg.pooling.study_file import read_study
from lit_samseg.report.shared_classes import SharedClasses
from lit_samseg.report.study_verdict import find_study_verdict

_Draw = Callable[[Path, StudyResults, Sequence[str] | None], Figure | None]


def _of_classes(folder: Path, results: StudyResults, rows: Sequence[str] | None) -> Figure | None:
    verdict = find_study_verdict(results)
    row = rows[0] if rows else "" if verdict.best is None else verdict.best["name"]
    return shared_classes_plot(SharedClasses.read(folder, results).of_row(row), row)


def _chosen(results: StudyResults, rows: Sequence[str] | None) -> StudyResults:
    return results if rows is None else {**results, "rows": [own for own in results["rows"] if own["name"] in rows]}


DRAWN: dict[str, tuple[_Draw, str]] = {
    "forest": (lambda _, results, rows: study_forest_plot(results, rows), "no row was scored"),
    "pooled": (lambda _, results, rows: pooled_plot(_chosen(results, rows)), "no row was scored"),
    "baseline": (lambda _, results, rows: baseline_plot(_chosen(results, rows)), "it takes two pairs"),
    "cost": (lambda _, results, rows: cost_plot(_chosen(results, rows)), "rows were not timed; see --probe"),
    "borders": (lambda _, results, rows: borders_plot(_chosen(results, rows)), "borders were not measured"),
    "slopes": (lambda _, results, rows: slopes_plot(_chosen(results, rows)), "no slopes were found"),
    "classes": (_of_classes, "no two pairs share a class, or their runs cannot be read"),
}
"""Plots by name, and why there may be none."""


def draw_study(folder: Path, name: str, rows: Sequence[str] | None) -> Figure:
    """Draw a figure of a study; call it within ``plotting()``.

    Args:
        folder: The study's.
        name: One of `DRAWN`.
        rows: Names of rows; None draws all, and of ``classes`` the best. There is no more than one for ``classes``.

    Raises:
        InputError: There is no such study or row, or no numbers for the figure.
    """
    results = read_study(folder)
    known = [row["name"] for row in results["rows"]]
    strangers = [row for row in rows or () if row not in known]
    if strangers:
        raise InputError(f"--row: the study has no row {strangers[0]!r}; there are {', '.join(known) or 'none'}")
    draw, why_none = DRAWN[name]
    figure = draw(folder, results, rows)
    if figure is None:
        raise InputError(f"{folder} has no numbers for {name}: {why_none}")
    return figure
