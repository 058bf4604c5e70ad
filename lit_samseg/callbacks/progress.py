"""A progress bar that counts images."""

from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _ImagesPerSecond(ProgressColumn):
    def render(self, task: Task) -> Text:
        # Over the whole run: rich's own estimate jumps with every large image.
        seconds = task.finished_time or task.elapsed
        return Text(f"{task.completed / seconds:.2f} images/s" if seconds else "- images/s")


class ImageProgressBar(ProgressBar):
    """Images done, images per second and time left, on standard error, by the first process."""

    def __init__(self) -> None:
        super().__init__()
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._enabled = True

    def enable(self) -> None:
        """Show the bar."""
        self._enabled = True

    def disable(self) -> None:
        """Show nothing; Lightning calls this on every process but the first."""
        self._enabled = False

    def _start(self, trainer: Trainer, what: str) -> None:
        if not self._enabled:
            return
        data = trainer.datamodule  # type: ignore[attr-defined]
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _ImagesPerSecond(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        share = len(data.share(trainer.global_rank, trainer.world_size))
        self._task = self._progress.add_task(what, total=share)
        self._progress.start()

    def _advance(self, batch: Any) -> None:
        if self._progress is not None:
            self._progress.advance(self._task, len(batch))

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the bar."""
        self._start(trainer, "test")

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count the batch's images."""
        self._advance(batch)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the bar."""
        self._start(trainer, "predict")

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count the batch's images."""
        self._advance(batch)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """End the bar, also after an error or Ctrl-C."""
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the terminal back before a message is printed."""
        self._stop()
