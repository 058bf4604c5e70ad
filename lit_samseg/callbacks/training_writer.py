"""What a training leaves behind: its options, its learning curve, its weights."""

import csv
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from rich.console import Console

from lit_samseg.callbacks.termination import take_first_sigterm_only
from lit_samseg.callbacks.training_cost import TrainingCost
from lit_samseg.errors import InputError
from lit_samseg.finetune.validated import ValidatedModule
from lit_samseg.journal import FolderLock
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.writing.output_folder import prepare_output_folder
from lit_samseg.writing.replacing import check_replaceable

CURVE = "curve.csv"


class TrainingWriter(Callback):
    """Writes ``config.yaml`` and ``curve.csv`` as the training goes on, and the trained weights at its end.

    Args:
        output_dir: The folder.
        config: The full configuration as YAML.
        goes_on_with: The checkpoint that the training goes on with, or None.
        overwrite: Replace a training that is there.
    """

    def __init__(self, output_dir: Path, config: str, goes_on_with: str | None = None, overwrite: bool = False) -> None:
        self.output_dir, self.config, self.overwrite = output_dir, config, overwrite
        self._checkpoint = None if goes_on_with is None else Path(goes_on_with).expanduser()
        self._lock: FolderLock | None = None
        self._rows: list[dict[str, float]] = []
        self._started = 0.0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Make the folder before anything is computed, and take it for this training.

        Raises:
            InputError: Another process writes there, or there is a run that is not to be replaced.
        """
        # The first process decides, since a default name holds the time.
        self.output_dir = trainer.strategy.broadcast(self.output_dir)
        prepare_output_folder(self.output_dir)
        error = None
        if trainer.is_global_zero:
            try:
                self._take_folder()
            except InputError as problem:
                # Told to all: the others would wait for ever.
                error = str(problem)
        error = trainer.strategy.broadcast(error)
        if error is not None:
            raise InputError(error)

    def _take_folder(self) -> None:
        self._lock = FolderLock(self.output_dir)
        self._lock.acquire()
        own = self._checkpoint is not None and self._checkpoint.resolve().is_relative_to(self.output_dir.resolve())
        if not own:
            check_replaceable(self.output_dir, "fit", self.overwrite)

    def _give_up_lock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the options."""
        take_first_sigterm_only()
        self._started = time.monotonic()
        if trainer.is_global_zero:
            with atomic_file(self.output_dir / "config.yaml") as path:
                path.write_text(self.config, encoding="utf-8")

    def state_dict(self) -> dict[str, list[dict[str, float]]]:
        """Keep the curve in the checkpoint."""
        return {"rows": self._rows}

    def load_state_dict(self, state_dict: dict[str, list[dict[str, float]]]) -> None:
        """Go on with the curve of the run that is gone on with."""
        self._rows = list(state_dict["rows"])

    def on_sanity_check_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the curve with the untrained weights, if all validation images were looked at."""
        assert isinstance(pl_module, ValidatedModule)
        if trainer.num_sanity_val_steps == float("inf") and not self._rows:
            self._add(trainer, 0, pl_module.validated)
        pl_module.validated = {}

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add an epoch to the curve."""
        assert isinstance(pl_module, ValidatedModule)
        # Every process asks: epoch means are gathered.
        loss = trainer.callback_metrics.get("train/loss_epoch")
        values = {} if loss is None else {"train/loss": float(loss)}
        self._add(trainer, trainer.current_epoch + 1, values | pl_module.validated)
        # Epochs without a validation have no scores, not those of an earlier one.
        pl_module.validated = {}

    def _add(self, trainer: Trainer, epoch: int, values: dict[str, float]) -> None:
        row = {"epoch": epoch, "step": trainer.global_step, "seconds": round(time.monotonic() - self._started, 1)}
        self._rows.append(row | values)
        if not trainer.is_global_zero:
            return
        names = list(dict.fromkeys(name for row in self._rows for name in row))
        with atomic_file(self.output_dir / CURVE) as path, path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave nothing behind that was for this run alone, and say how to go on."""
        self._give_up_lock()
        pl_module.teardown("fit")
        last = self.output_dir / "checkpoints" / "last.ckpt"
        if trainer.is_global_zero and last.is_file() and not isinstance(exception, InputError):
            Console(stderr=True).print(
                f"To go on: the same command with --ckpt_path {last}", soft_wrap=True, markup=False
            )

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the weights as they are at the end."""
        assert isinstance(pl_module, ValidatedModule)
        if not trainer.is_global_zero or trainer.interrupted:
            self._give_up_lock()
            return
        # Where nothing was left to train, the training did not end.
        pl_module.settle()
        path = pl_module.write(self.output_dir, pl_module.images.whole())
        self._give_up_lock()
        Console().print(f"Written to {path}", soft_wrap=True, highlight=False, markup=False)


def check_trainable(module: LightningModule) -> None:
    """Refuse to fit what does not learn.

    Raises:
        InputError: The module is an evaluation's.
    """
    if not isinstance(module, ValidatedModule):
        raise InputError(
            f"{type(module).__name__} has nothing to train; use lit_samseg.finetune.SamRefinerFinetune, "
            "SegmenterFinetune, GateFinetune, MemoryFinetune, HeadFinetune or TextCalibration, for example with "
            "--config voc_finetune_decoder"
        )


def training_callbacks(output_dir: Path, config: str, options: Any, chosen: Sequence[Callback]) -> list[Callback]:
    """Return the callbacks of a training: progress, checkpoints, and what it leaves behind.

    Args:
        output_dir: The folder.
        config: The full configuration as YAML.
        options: Those of the command, as parsed: ``trainer``, ``ckpt_path``, ``overwrite``.
        chosen: Callbacks of the user's; a checkpoint among them takes the place of these.
    """
    trainer = options.trainer
    callbacks: list[Callback] = [] if trainer.enable_progress_bar is False else [RichProgressBar()]
    if trainer.enable_checkpointing is not False and not any(isinstance(c, ModelCheckpoint) for c in chosen):
        folder = output_dir / "checkpoints"
        if trainer.limit_val_batches != 0:
            # Else Lightning would look for the score in vain.
            callbacks.append(
                ModelCheckpoint(folder, "best", monitor="val/miou", mode="max", enable_version_counter=False)
            )
        # One for each epoch in turn: save_last would do it at a new best only.
        callbacks.append(ModelCheckpoint(folder, "last", save_on_train_epoch_end=True, enable_version_counter=False))
    writer = TrainingWriter(output_dir, config, options.ckpt_path, options.overwrite)
    return [*callbacks, writer, TrainingCost(lambda: writer.output_dir)]
