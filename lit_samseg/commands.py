"""Commands beside Lightning's: what is made of finished runs, ``search``, ``study``, ``classes``, ``configs``."""

import argparse
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path

from lit_samseg.cli.description import COMMANDS
from lit_samseg.errors import InputError
from lit_samseg.results.compare import compare_runs
from lit_samseg.results.record import RunRecord
from lit_samseg.results.tables_of_run import tables_of_run
from lit_samseg.results.text_table import write_tables

_LARGE = {
    "export": ("lit_samseg.export", "run_export"),
    "figure": ("lit_samseg.figures", "run_figure"),
    "refine": ("lit_samseg.refine_folder", "run_refine"),
    "search": ("lit_samseg.search", "run_search"),
}
"""Commands with networks: their rooms, where ``words`` reads the command line, and what runs them."""

_SMALL = {
    "classes": ("lit_samseg.ontologies.command", "run_classes"),
    "configs": ("lit_samseg.configurations.command", "run_configs"),
    "study": ("lit_samseg.study.command", "run_study"),
}
"""Commands that are quick to import: their modules, and what runs them."""


def run_report(words: Sequence[str]) -> None:
    """Run one of the commands.

    Args:
        words: The command line after the program's name; the first is one of those above.

    Raises:
        InputError: A folder holds no run, or runs cannot be compared.
        SystemExit: The words are wrong, or help was asked for.
    """
    command = words[0]
    if command in _LARGE:
        # Here, since its libraries take seconds to import; help and wrong words need none of them.
        room, run_it = _LARGE[command]
        importlib.import_module(f"{room}.words").check_words(words[1:])
        getattr(importlib.import_module(f"{room}.command"), run_it)(words[1:])
        return
    if command in _SMALL:
        module, run_it = _SMALL[command]
        getattr(importlib.import_module(module), run_it)(words[1:])
        return
    parser = argparse.ArgumentParser(f"lit-samseg {command}", description=COMMANDS[command].capitalize() + ".")
    run: dict[str, Callable[[argparse.ArgumentParser, Sequence[str]], None]] = {
        "analyse": _analyse,
        "compare": _compare,
        "report": _report,
    }
    run[command](parser, words[1:])


def _analyse(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="the output folder of a finished test")
    parser.add_argument("--output_dir", type=Path, default=None, metavar="DIR", help="write there (default: to RUN)")
    options = parser.parse_args(words)
    folder = options.run.expanduser()
    output = folder if options.output_dir is None else options.output_dir.expanduser()
    if (output / "counts.npz").exists() and not output.samefile(folder):
        raise InputError(f"--output_dir {output} holds a run of its own; give another folder")
    results = RunRecord.read(folder).write_results(output)
    tables = tables_of_run(results)
    write_tables(tables, output, "tables")
    for table in tables:
        table.print()
    print(f"Written to {output}")


def _compare(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    parser.add_argument("runs", type=Path, metavar="RUN", nargs="+", help="output folders of finished tests")
    parser.add_argument(
        "--output_dir", type=Path, default=None, help="write comparison.md, .tex and .csv there (default: only print)"
    )
    options = parser.parse_args(words)
    tables = compare_runs([run.expanduser() for run in options.runs])
    # Files first: whoever reads along may stop reading.
    if options.output_dir is not None:
        write_tables(tables, options.output_dir.expanduser(), "comparison")
    for table in tables:
        table.print()
    if options.output_dir is not None:
        print(f"Written to {options.output_dir}")


def _report(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    # Here, since matplotlib takes half a second to import.
    from lit_samseg.pooling.study_file import is_study
    from lit_samseg.report import write_report
    from lit_samseg.report.cards import Pictures
    from lit_samseg.report.study_page import write_study_page

    parser.add_argument(
        "runs", type=Path, metavar="RUN", nargs="+", help="output folders of finished tests, or of a study (study.html)"
    )
    parser.add_argument(
        "--pictures",
        choices=("auto", "embed", "link"),
        default=None,
        help="embed them: one file, whatever its size; link: leave them in RUN/gallery beside it, which also suits "
        "thousands of images; auto (default): embed up to 10.5 MB of them",
    )
    parser.add_argument(
        "--output_dir",
        type=Path,
        default=None,
        metavar="DIR",
        help="write report.html of one run there; pictures it does not embed stay in RUN/gallery (default: to RUN)",
    )
    options = parser.parse_args(words)
    if options.output_dir is not None and len(options.runs) > 1:
        parser.error(f"--output_dir is for one run, not {len(options.runs)}: each would replace the other's report")
    output = None if options.output_dir is None else options.output_dir.expanduser()
    folders = [run.expanduser() for run in options.runs]
    studies = [folder for folder in folders if is_study(folder)]
    if studies and options.pictures is not None:
        parser.error(f"--pictures has no meaning for {studies[0]}: the page of a study has none")
    pictures: Pictures = "auto" if options.pictures is None else options.pictures
    paths = [
        write_study_page(folder, output) if folder in studies else write_report(folder, pictures, output)
        for folder in folders
    ]
    for path in paths:
        print(f"Report: {path}")
