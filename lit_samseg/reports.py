"""Commands beside Lightning's: ``analyse``, ``compare``, ``report``, ``figure`` of finished runs, and ``search``."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from lit_samseg.description import COMMANDS
from lit_samseg.results.compare import compare_runs
from lit_samseg.results.record import RunRecord
from lit_samseg.results.run_tables import tables_of_run
from lit_samseg.results.text_table import write_tables


def run_report(words: Sequence[str]) -> None:
    """Run one of the commands.

    Args:
        words: The command line after the program's name; the first is one of those above.

    Raises:
        InputError: A folder holds no run, or runs cannot be compared.
        SystemExit: The words are wrong, or help was asked for.
    """
    command = words[0]
    if command == "figure":
        # Here, since matplotlib takes half a second to import. It has more words than the others together.
        from lit_samseg.figures import run_figure

        run_figure(words[1:])
        return
    if command == "search":
        # Here, since it runs tests, and the command line imports this.
        from lit_samseg.search import run_search

        run_search(words[1:])
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
    folder = parser.parse_args(words).run.expanduser()
    results = RunRecord.read(folder).write_results(folder)
    tables = tables_of_run(results)
    write_tables(tables, folder, "tables")
    for table in tables:
        table.print()
    print(f"Written to {folder}")


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
    from lit_samseg.report import write_report

    parser.add_argument("runs", type=Path, metavar="RUN", nargs="+", help="output folders of finished tests")
    parser.add_argument(
        "--pictures",
        choices=("auto", "embed", "link"),
        default="auto",
        help="embed them: one file, whatever its size; link: leave them in RUN/gallery beside it, which also suits "
        "thousands of images; auto (default): embed up to 10.5 MB of them",
    )
    options = parser.parse_args(words)
    for run in options.runs:
        print(f"Report: {write_report(run.expanduser(), options.pictures)}")
