"""A progress bar that counts images."""

from typing import Any

import torch
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

from lit_samseg.runtime.memory import peak_memory_mb


class _ImagesPerSecond(ProgressColumn):
    def render(self, task: Task) -> Text:
        # Over the whole run: rich's own estimate jumps with every large image.
        seconds = task.finished_time or task.elapsed
        return Text(f"{task.completed / seconds:.2f} images/s" if seconds else "- images/s")


class _PeakMemory(ProgressColumn):
    """Of this process, and on its GPU."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device

    def render(self, task: Task) -> Text:
        peaks = peak_memory_mb(self.device)
        return Text(", ".join(f"{megabytes / 1024:.1f} GB {kind}" for kind, megabytes in peaks.items()))


class ImageProgressBar(ProgressBar):
    """Images done, images per second, time left and peak memory, on standard error, by the first process."""

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
            _PeakMemory(trainer.strategy.root_device),
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
