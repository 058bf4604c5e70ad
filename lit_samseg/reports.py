"""``lit-samseg analyse`` and ``lit-samseg compare``: commands that read finished runs and need no model."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from lit_samseg.results.compare import compare_runs
from lit_samseg.results.record import RunRecord
from lit_samseg.results.run_tables import tables_of_run
from lit_samseg.results.text_table import write_tables

COMMANDS = {
    "analyse": "compute a finished run's tables again from its counts and regions",
    "compare": "compare finished runs over the same images",
}


def run_report(words: Sequence[str]) -> None:
    """Run one of the commands.

    Args:
        words: The command line after the program's name; the first is one of ``COMMANDS``.

    Raises:
        InputError: A folder holds no run, or runs cannot be compared.
        SystemExit: The words are wrong, or help was asked for.
    """
    command = words[0]
    parser = argparse.ArgumentParser(f"lit-samseg {command}", description=COMMANDS[command].capitalize() + ".")
    if command == "analyse":
        parser.add_argument("run", type=Path, metavar="RUN", help="the output folder of a finished test")
        _analyse(parser.parse_args(words[1:]).run)
        return
    parser.add_argument("runs", type=Path, metavar="RUN", nargs="+", help="output folders of finished tests")
    parser.add_argument(
        "--output_dir", type=Path, default=None, help="write comparison.md, .tex and .csv there (default: only print)"
    )
    options = parser.parse_args(words[1:])
    tables = compare_runs([run.expanduser() for run in options.runs])
    # Files first: whoever reads along may stop reading.
    if options.output_dir is not None:
        write_tables(tables, options.output_dir.expanduser(), "comparison")
    for table in tables:
        table.print()
    if options.output_dir is not None:
        print(f"Written to {options.output_dir}")


def _analyse(run: Path) -> None:
    folder = run.expanduser()
    results = RunRecord.read(folder).write_results(folder)
    tables = tables_of_run(results)
    write_tables(tables, folder, "tables")
    for table in tables:
        table.print()
    print(f"Written to {folder}")
