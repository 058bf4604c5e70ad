"""Images that were left out since they could not be read: never silently."""

import sys
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer

NAMED = 10
"""Images named at the end; all are in ``results.json``."""


class SkippedImages(Callback):
    """Gathers what each process skipped (``data.on_error``) and, on the first, names it on standard error."""

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let every process know all that was skipped, before results are written."""
        gather_skipped(trainer)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Name the images."""
        name_skipped(trainer)

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let every process know all that was skipped."""
        gather_skipped(trainer)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Name the images."""
        name_skipped(trainer)


def gather_skipped(trainer: Trainer) -> None:
    """Unite ``data.skipped`` of all processes, sorted by id; all of them must call it."""
    data = trainer.datamodule  # type: ignore[attr-defined]
    everywhere: list[Any] = [data.skipped]
    if trainer.world_size > 1:
        everywhere = [None] * trainer.world_size
        torch.distributed.all_gather_object(everywhere, data.skipped)
    data.skipped = dict(sorted(item for skipped in everywhere for item in skipped.items()))


def name_skipped(trainer: Trainer) -> None:
    """Print a line for each of the first skipped images, by the first process."""
    skipped = trainer.datamodule.skipped  # type: ignore[attr-defined]
    if not skipped or not trainer.is_global_zero:
        return
    lines = [f"  {' '.join(error.split())}" for error in list(skipped.values())[:NAMED]]
    lines += [f"  and {len(skipped) - NAMED} more"] if len(skipped) > NAMED else []
    print(f"lit-samseg: {len(skipped)} images were skipped:", *lines, sep="\n", file=sys.stderr)
