"""The page itself: what it shows, and the file."""

import os
from pathlib import Path

from matplotlib.figure import Figure

from lit_samseg.drawing import ERROR_KINDS, VOID_COLOUR
from lit_samseg.errors import InputError
from lit_samseg.gallery.store import ERROR_COLOURS
from lit_samseg.plots import MOST, classes_plot, ladder_plot, plotting, trimap_plot
from lit_samseg.report.cards import Pictures, make_cards, read_legend
from lit_samseg.report.example import find_example
from lit_samseg.report.forest import forest_of_run
from lit_samseg.report.prompts import describe_prompts
from lit_samseg.report.rendering import Plot, as_plots, fill_in
from lit_samseg.report.verdict import Verdict, find_verdict
from lit_samseg.results import run_tables
from lit_samseg.results.cause_tables import cause_tables
from lit_samseg.results.contents import Results
from lit_samseg.results.evidence import Evidence
from lit_samseg.results.layout import REPORT
from lit_samseg.results.record import SCHEMA_VERSION, read_results
from lit_samseg.results.text_table import TextTable
from lit_samseg.results.timing_table import timing_table
from lit_samseg.runtime.atomic import atomic_file


def write_report(folder: Path, pictures: Pictures = "auto", output_dir: Path | None = None) -> Path:
    """Write a finished run's ``report.html``; the same files give the same page.

    Args:
        folder: The run's.
        pictures: ``embed`` makes one file of it whatever its size, ``link`` leaves the pictures in ``gallery`` beside
            it, ``auto`` embeds up to 10.5 MB of them.
        output_dir: Where the file goes; None writes it into the run's folder.

    Returns:
        The file.

    Raises:
        InputError: The folder holds no run, a broken one, or one of a release before reports.
    """
    results = read_results(folder)
    if results["schema_version"] < SCHEMA_VERSION:
        raise InputError(f"{folder} is of an earlier release; run 'lit-samseg analyse' on it first")
    evidence = Evidence.read(folder)
    if [row["name"] for row in results["rows"]] != list(evidence.rows) or results["dataset"]["ids"] != evidence.ids:
        raise InputError(f"{folder}: results.json and counts.npz are of different runs; run the test again")
    path = (folder if output_dir is None else output_dir) / REPORT
    base = Path(os.path.relpath(folder.resolve(), path.parent.resolve())).as_posix()
    page = render_page(results, evidence, folder, pictures, base)
    with atomic_file(path) as draft:
        draft.write_text(page, encoding="utf-8")
    return path


def render_page(results: Results, evidence: Evidence, folder: Path, pictures: Pictures, base: str = ".") -> str:
    """Return the page as HTML.

    Args:
        results: ``results.json``.
        evidence: The run's counts and regions.
        folder: The run's; its gallery and ``config.yaml`` are read where they are.
        pictures: As in `write_report`.
        base: The way from the page's folder to the run's.
    """
    verdict = find_verdict(results)
    legend = read_legend(folder, evidence)
    cards = make_cards(evidence, folder, pictures if legend is not None else None, legend, base)
    rows = results["rows"]
    best = next((row for row in rows if row["name"] == verdict.best), None)
    shown = rows.index(best) if best is not None else min(1, len(rows) - 1)
    config = folder / "config.yaml"
    return fill_in(
        "report.html.j2",
        ["report.css"],
        ["copy.js", "tables.js", "zoomable.js", "address.js", "report.js"],
        results=results,
        verdict=verdict,
        images=run_tables.images_of(results),
        scores=run_tables.scores_table(results),
        further=_further_columns(results),
        plots=make_plots(results, verdict),
        causes=cause_tables(rows),
        tags=_best_first([(row["name"], run_tables.tags_table(row)) for row in rows if "tags" in row], verdict.best),
        harm=run_tables.harm_table(rows) if len(rows) > 1 else None,
        ends=_best_first([(row["name"], run_tables.ends_table(row)) for row in rows if "harm" in row], verdict.best),
        classes=run_tables.classes_table(rows),
        timing=timing_table(results),
        cards=cards,
        card_data=[card.data() for card in cards],
        legend=legend,
        asks=[describe_prompts(row, legend) for row in legend.rows] if legend is not None else [],
        shown=shown,
        example=find_example(cards, shown, verdict),
        forest=forest_of_run(results, verdict),
        errors=[(kind, f"#{bytes(colour[:3]).hex()}") for kind, colour in zip(ERROR_KINDS, ERROR_COLOURS, strict=True)],
        void=f"#{bytes(VOID_COLOUR).hex()}",
        config=config.read_text(encoding="utf-8") if config.is_file() else None,
    )


def make_plots(results: Results, verdict: Verdict) -> list[Plot]:
    """Draw the plots that the run has numbers for; the forest is the page's own, on its first screen."""
    scored = sum(own["iou"] is not None for own in results["rows"][0]["per_class"])
    classes = "Classes" if scored <= MOST else f"The {MOST} of {scored} classes that change most"
    with plotting():
        drawn: list[tuple[str, str, Figure | None]] = [
            (
                "Near borders",
                "mIoU of each row within 1 to 20 pixels of a border of the ground truth.",
                trimap_plot(results),
            ),
            (
                "What would be gained",
                "What each row would gain if one thing were made perfect; the numbers are in the table of causes.",
                ladder_plot(results),
            ),
            (
                classes if verdict.best is None else f"{classes}, baseline and {verdict.best}",
                f"{classes}: the IoU of each; the numbers of all are in the table of classes.",
                classes_plot(results, verdict.best),
            ),
        ]
        return as_plots(drawn)


def _further_columns(results: Results) -> dict[str, str]:
    """Return what the columns of the run's metrics are, by head."""
    return {
        column["heading"]: f"{column['note'] or metric['word']}{', in per cent' * (column['unit'] == 'per cent')}."
        for metric in results.get("metrics", ())
        for column in metric["columns"]
    }


def _best_first(tables: list[tuple[str, TextTable]], best: str | None) -> list[tuple[str, TextTable]]:
    return sorted(tables, key=lambda table: table[0] != best)
