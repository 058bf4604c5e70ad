"""The report, when everything else of a run is written."""

from pathlib import Path

from rich.console import Console

from lit_samseg.writing.run_plan import RunPlan
from lit_samseg.writing.writer import Writer


class ReportWriter(Writer):
    """At the end of a test, the first process makes ``report.html`` of the run's files; comes after their writers.

    Args:
        run: The run.
    """

    def __init__(self, run: RunPlan) -> None:
        super().__init__(run)
        self._path: Path | None = None

    def publish(self) -> None:
        """Write it."""
        if self.run.is_first:
            # Here, since matplotlib takes half a second to import and other commands do without it.
            from lit_samseg.report import write_report

            self._path = write_report(self.run.output_dir)

    def tell(self) -> None:
        """Say where it is."""
        if self._path is not None:
            # soft_wrap: a path is for copying, in one piece.
            Console().print(f"Report: {self._path}", soft_wrap=True, highlight=False, markup=False)
