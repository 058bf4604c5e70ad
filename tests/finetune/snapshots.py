"""What a training has written by the end of its first epoch, as one that was stopped there leaves it."""

import shutil
from pathlib import Path

from lightning import Callback, LightningModule, Trainer


class Snapshot(Callback):
    """Copies the output folder to a sister named ``first`` when the second epoch begins."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        folder = Path(trainer.default_root_dir)
        # Of several processes the first alone writes.
        if trainer.current_epoch == 1 and trainer.is_global_zero:
            shutil.copytree(folder, folder.parent / "first", ignore=shutil.ignore_patterns("frozen*", ".lock"))


SNAPSHOT = ("--trainer.callbacks+=tests.finetune.snapshots.Snapshot",)


def put_back(folder: Path) -> None:
    """Move a finished training to a sister named ``whole``, and put what it had after an epoch into its place."""
    folder.rename(folder.parent / "whole")
    (folder.parent / "first").rename(folder)
