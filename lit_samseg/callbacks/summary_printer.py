"""What a test says at its end."""

import sys

from lightning import Callback, LightningModule, Trainer
from rich.console import Console

from lit_samseg.callbacks.report_writer import ReportWriter
from lit_samseg.callbacks.results_writer import ResultsWriter
from lit_samseg.results.run_tables import summary_of_run
from lit_samseg.results.truth import missing_in_truth


class SummaryPrinter(Callback):
    """Prints the tables and where the files are; stands after all that write: whoever reads may stop in the middle.

    Args:
        results: Has the results.
        report: Has the report's path, if one is made.
    """

    def __init__(self, results: ResultsWriter, report: ReportWriter | None) -> None:
        self.results, self.report = results, report

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print."""
        self._print()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Print where the results are there, and something later went wrong, as with the report."""
        self._print()

    def _print(self) -> None:
        results, self.results.results = self.results.results, None
        if results is None:
            return
        for table in summary_of_run(results):
            table.print()
        if (missing := missing_in_truth(results)) is not None:
            print(f"lit-samseg: {missing}", file=sys.stderr)
        # soft_wrap: a path is for copying, in one piece.
        console = Console()
        console.print(f"Written to {self.results.output_dir}", soft_wrap=True, highlight=False, markup=False)
        if self.report is not None and self.report.path is not None:
            console.print(f"Report: {self.report.path}", soft_wrap=True, highlight=False, markup=False)
