"""``study.html``: a finished study as one page, from ``study.json`` and the pairs' runs."""

import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from matplotlib.figure import Figure

from lit_samseg.plots import plotting
from lit_samseg.plots.classes import MOST
from lit_samseg.plots.shared_classes import shared_classes_plot
from lit_samseg.plots.study_forest import pooled_plot, study_forest_plot
from lit_samseg.plots.study_relations import baseline_plot, borders_plot, cost_plot, slopes_plot
from lit_samseg.pooling.contents import RowFacts, StudyResults
from lit_samseg.pooling.study_file import read_study
from lit_samseg.pooling.study_tables import (
    above_table,
    dependence_table,
    left_out_table,
    pairs_table,
    pooled_table,
    row_table,
)
from lit_samseg.report.forest import forest_of_study
from lit_samseg.report.rendering import Plot, as_plots, fill_in
from lit_samseg.report.shared_classes import SharedClasses
from lit_samseg.report.study_contents import (
    because,
    borders_table,
    cost_table,
    facts_table,
    warnings,
)
from lit_samseg.report.study_verdict import ENOUGH, StudyVerdict, find_study_verdict
from lit_samseg.results.layout import REPORT
from lit_samseg.results.text_table import TextTable
from lit_samseg.runtime.atomic import atomic_file

STUDY_PAGE = "study.html"


def write_study_page(folder: Path, output_dir: Path | None = None) -> Path:
    """Write a finished study's ``study.html``; the same files give the same page.

    Args:
        folder: The study's.
        output_dir: Where the file goes; None writes it into the study's folder.

    Returns:
        The file.

    Raises:
        InputError: The folder holds no study, or one of a later release.
    """
    results = read_study(folder)
    path = (folder if output_dir is None else output_dir) / STUDY_PAGE
    base = Path(os.path.relpath(folder.resolve(), path.parent.resolve())).as_posix()
    page = render_study(results, folder, base)
    with atomic_file(path) as draft:
        draft.write_text(page, encoding="utf-8")
    return path


def render_study(results: StudyResults, folder: Path, base: str = ".") -> str:
    """Return the page as HTML.

    Args:
        results: ``study.json``.
        folder: The study's; ``study.yaml`` and the pairs' runs are read where they are.
        base: The way from the page's folder to the study's, for links.
    """
    verdict = find_study_verdict(results)
    best = None if verdict.best is None else verdict.best["name"]
    rows = sorted(results["rows"], key=lambda row: row["name"] != best)
    classes = SharedClasses.read(folder, results)
    plan = folder / "study.yaml"
    start = "" if base == "." else f"{base}/"
    pages = {
        pair["name"]: quote(f"{start}{pair['folder']}/{REPORT}")
        for pair in results["pairs"]
        if (folder / pair["folder"] / REPORT).is_file()
    }
    return fill_in(
        "study.html.j2",
        ["report.css", "study.css"],
        ["copy.js", "tables.js"],
        results=results,
        verdict=verdict,
        best=best,
        because="" if verdict.best is None else because(verdict.best),
        enough=ENOUGH,
        warnings=warnings(results),
        pages=pages,
        forest=forest_of_study(results, verdict, pages),
        plots=make_plots(results, verdict, classes),
        pooled=pooled_table(results),
        by_pair=pairs_table(results),
        by_row=[(row["name"], row_table(results, row)) for row in rows],
        above=above_table(results) if any("above" in row for row in results["rows"]) else None,
        slopes=[_slopes(results, row) for row in rows if row["depends_on"]],
        classes=classes.table(),
        cost=cost_table(results),
        borders=borders_table(results),
        facts=facts_table(results),
        left_out=left_out_table(results) if any(row["left_out"] for row in results["rows"]) else None,
        versions=_versions(results),
        plan=plan.read_text(encoding="utf-8-sig") if plan.is_file() else None,
    )


def make_plots(results: StudyResults, verdict: StudyVerdict, classes: SharedClasses) -> dict[str, list[Plot]]:
    """Draw the plots that the study has numbers for, by the section that they are in."""
    best = None if verdict.best is None else verdict.best["name"]
    names = sorted((row["name"] for row in results["rows"]), key=lambda name: name != best)
    of_row = {} if best is None else classes.of_row(best)
    many = "Classes that pairs share" if len(of_row) <= MOST else f"The {MOST} of {len(of_row)} that change most"
    drawn: dict[str, list[tuple[str, str, Figure | None]]] = {}
    with plotting():
        drawn["pooled"] = [
            (
                "Pooled gain of each row",
                "Pooled gain of each row with its interval, the interval for the next pair, and the gain on each pair; "
                "the numbers are in the table.",
                pooled_plot(results),
            )
        ]
        drawn["pairs"] = [
            (name, f"Forest plot of {name}: its gain on each pair and pooled.", study_forest_plot(results, [name]))
            for name in names
        ]
        drawn["depends"] = [
            (
                "Gain and the baseline's quality",
                "Gain of each row on each pair against the mIoU* of the pair's baseline; numbers are in the tables.",
                baseline_plot(results),
            ),
            (
                "Gain and facts about the image",
                "Standardised slopes of each row's gain with intervals; the numbers are in the tables.",
                slopes_plot(results),
            ),
        ]
        drawn["classes"] = [
            (f"{many}, {best}", f"{many}: mean gain and range over pairs.", shared_classes_plot(of_row, best or ""))
        ]
        drawn["cost"] = [
            ("Cost and gain", "Pooled gain of each row against its seconds per image.", cost_plot(results)),
            ("At borders", "Gain of each row in Boundary IoU on each pair, and the mean.", borders_plot(results)),
        ]
        return {section: as_plots(figures) for section, figures in drawn.items()}


def _slopes(results: StudyResults, row: RowFacts) -> TextTable:
    """Lay out what one row's gain depends on."""
    table = dependence_table({**results, "rows": [row]})
    return replace(table, title=f"What the gain of {row['name']} depends on", notes=[])


def _versions(results: StudyResults) -> list[tuple[str, list[str]]]:
    """Return each package with its versions, more than one where pairs differ."""
    found: dict[str, list[str]] = {}
    for pair in results["pairs"]:
        for name, version in pair["versions"].items():
            found.setdefault(name, [])
            if version not in found[name]:
                found[name].append(version)
    return list(found.items())
