"""What a training has written by the end of its first epoch, as one that was stopped there leaves it."""

import shutil
from pathlib import Path

from lightning import Callback, LightningModule, Trainer


class Snapshot(Callback):
    """Copies the output folder to a sister named ``parts`` when the second epoch begins."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch == 1 and not self.folder(trainer).exists():
            shutil.copytree(
                trainer.default_root_dir, self.folder(trainer), ignore=shutil.ignore_patterns("frozen*", ".lock")
            )

    @staticmethod
    def folder(trainer: Trainer) -> Path:
        return Path(trainer.default_root_dir).parent / "parts"


SNAPSHOT = ("--trainer.callbacks+=tests.finetune.snapshots.Snapshot",)
