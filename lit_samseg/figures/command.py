"""``lit-samseg figure``: its words."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from lit_samseg.cli.configured_data import configured_data
from lit_samseg.cli.data_words import split_words
from lit_samseg.errors import InputError
from lit_samseg.figures.choice import Pick, check_ids, pick_images
from lit_samseg.figures.comparison import comparison_plate
from lit_samseg.figures.panels import draw_plate
from lit_samseg.figures.prompts import prompts_plate
from lit_samseg.figures.saving import check_format, is_vector, save_figure
from lit_samseg.figures.source import FigureSource
from lit_samseg.figures.words import PICTURES, STUDY_PLOTS, make_parser
from lit_samseg.plots import classes_plot, forest_plot, ladder_plot, plotting, trimap_plot
from lit_samseg.pooling.study_file import is_study
from lit_samseg.report.verdict import find_verdict
from lit_samseg.results.contents import Results
from lit_samseg.results.evidence import Evidence
from lit_samseg.results.record import SCHEMA_VERSION, read_results
from lit_samseg.results.row_contents import Row
from lit_samseg.results.row_parts import prompt_slots

PLOTS: dict[str, tuple[Callable[[Results, str | None], Figure | None], str]] = {
    "forest": (lambda results, _: forest_plot(results), "no row with SAM was scored; give --model.variants"),
    "trimap": (lambda results, _: trimap_plot(results), "borders were not measured"),
    "ladder": (lambda results, _: ladder_plot(results), "no analysis was made; give --model.analysis true"),
    "classes": (classes_plot, "no class was scored"),
}
"""Plots by name, and why there may be none."""


def run_figure(words: Sequence[str]) -> None:
    """Draw a figure of a finished run, or of a study, into a file.

    Args:
        words: The command line after ``lit-samseg figure``.

    Raises:
        InputError: The run, its data set, or what the figure needs of them, is not there, or is of another run.
        SystemExit: The words are wrong, or help was asked for.
    """
    own, about_data = split_words(words)
    parser = make_parser()
    options = parser.parse_args(own)
    folder = options.run.expanduser()
    of_study = is_study(folder)
    _check_words(parser, options, about_data, of_study=of_study)
    output = folder / f"figure_{options.name}.pdf" if options.output is None else options.output.expanduser()
    check_format(output)
    if of_study:
        # Here, since what pools pairs takes a while to import.
        from lit_samseg.figures.study_figure import draw_study

        with plotting():
            save_figure(draw_study(folder, options.name, options.row), output)
        print(f"Written to {output}")
        return
    results = read_results(folder)
    if results["schema_version"] < SCHEMA_VERSION:
        raise InputError(f"{folder} is of an earlier release; run 'lit-samseg analyse' on it first")
    with plotting():
        if options.name in PLOTS:
            figure = _plot(folder, results, options)
        else:
            figure = _pictures(folder, results, options, about_data, is_vector(output))
        save_figure(figure, output)
    print(f"Written to {output}")


def _check_words(
    parser: argparse.ArgumentParser, options: argparse.Namespace, about_data: Sequence[str], *, of_study: bool
) -> None:
    """Refuse words that would change nothing; whoever wrote them expects that they do."""
    given = {word for word in ("ids", "pick", "count", "seed", "row", "overlay") if getattr(options, word) is not None}
    given |= {"data"} if about_data else set()
    if options.name not in (STUDY_PLOTS if of_study else (*PICTURES, *PLOTS)):
        there = ", ".join(STUDY_PLOTS if of_study else (*PICTURES, *PLOTS))
        parser.error(f"{options.name} has no meaning for {'a study' if of_study else 'a run'}; there are {there}")
    if options.row is not None and len(options.row) > 1 and (not of_study or options.name == "classes"):
        parser.error(f"{len(options.row)} times --row; {options.name} is of one row")
    used = {"ids", "pick", "count", "seed", "row", "data"} | ({"overlay"} if options.name != "3" else set())
    if of_study:
        used = {"row"}
    elif options.name in PLOTS:
        used = {"row"} if options.name == "classes" else set()
    if given - used:
        parser.error(f"--{min(given - used)} has no meaning for {options.name}")
    if {"ids", "count"} <= given:
        parser.error("--count is for --pick; --ids says which images and so how many")
    if "seed" in given and options.pick != "random":
        parser.error("--seed is for --pick random")


def _plot(folder: Path, results: Results, options: argparse.Namespace) -> Figure:
    draw, why_none = PLOTS[options.name]
    row = _known_row(results, None if options.row is None else options.row[0])
    figure = draw(results, find_verdict(results).best if row is None else row)
    if figure is None:
        raise InputError(f"{folder} has no numbers for {options.name}: {why_none}, and run the test again")
    return figure


def _pictures(
    folder: Path, results: Results, options: argparse.Namespace, about_data: Sequence[str], vector: bool
) -> Figure:
    evidence = Evidence.read(folder)
    if [row["name"] for row in results["rows"]] != list(evidence.rows):
        raise InputError(f"{folder}: results.json and counts.npz have other rows; run 'lit-samseg analyse' on it first")
    row = _known_row(results, None if options.row is None else options.row[0])
    if options.name == "3":
        row = _row_with_prompts(results["rows"][1:], row)
    elif row is None:
        row = find_verdict(results).best
    if row is None and options.name == "4":
        raise InputError(f"{folder} has no row with SAM; figure 4 needs one, figure 1 does not")
    if options.ids is not None:
        ids, how = check_ids(evidence, options.ids), "given"
    else:
        pick: Pick = options.pick or "best"
        seed = options.seed or 0
        ids = pick_images(evidence, row, pick, 4 if options.count is None else options.count, seed)
        how = f"random, seed {seed}" if pick == "random" else f"{pick} of {row}"
    source = FigureSource(folder, results, evidence, configured_data(folder, about_data))
    source.check_files(ids)
    if options.name == "3":
        plate = prompts_plate(source, ids, str(row))
    else:
        plate = comparison_plate(source, ids, row if options.name == "4" else None, options.overlay == "true")
    # A caption has to say how images were chosen.
    print(f"Images ({how}): {', '.join(ids)}")
    return draw_plate(plate, vector)


def _known_row(results: Results, row: str | None) -> str | None:
    names = [own["name"] for own in results["rows"][1:]]
    if row is not None and row not in names:
        raise InputError(f"--row: the run has no row {row!r} with SAM; there are {', '.join(names) or 'none'}")
    return row


def _row_with_prompts(rows: Sequence[Row], row: str | None) -> str:
    """Return the row whose prompts figure 3 shows."""
    slots = {own["name"]: set(prompt_slots(own)) - {"mask"} for own in rows}
    drawn = [name for name in slots if slots[name]]
    if row is None and drawn:
        with_boxes = [name for name in drawn if "box" in slots[name]]
        return "box" if "box" in drawn else (with_boxes or drawn)[0]
    if row is None or row not in drawn:
        there = ", ".join(drawn) or "none; run the test again with --model.variants '[box]'"
        raise InputError(f"figure 3 shows boxes and points, and {row or 'the run'} has none; rows that have: {there}")
    return row
