"""The report, when everything else of a run is written."""

from pathlib import Path

from lightning import Callback, LightningModule, Trainer

from lit_samseg.callbacks.output_folder import prepare_output_folder


class ReportWriter(Callback):
    """At the end of a test, the first process makes ``report.html`` of the run's files; stands after their writers.

    Args:
        output_dir: The run's folder.

    Attributes:
        path: The report's, on the first process once it is written.
    """

    def __init__(self, output_dir: Path) -> None:
        self.output_dir = output_dir
        self.path: Path | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Agree on the folder."""
        self.output_dir = prepare_output_folder(trainer, self.output_dir)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write it."""
        if not trainer.is_global_zero:
            return
        # Here, since matplotlib takes half a second to import and other commands do without it.
        from lit_samseg.report import write_report

        self.path = write_report(self.output_dir)
