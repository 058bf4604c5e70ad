"""Label maps as PNG, one per image and row."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from lightning import Callback, LightningModule, Trainer
from PIL import Image
from torch import Tensor

from lit_samseg.callbacks.output_folder import prepare_output_folder
from lit_samseg.results.atomic import atomic_file


def folder_of_row(row: str) -> str:
    """Return a row's folder name: ``/`` would be a sub-folder."""
    return row.replace("/", "__")


class PredictionWriter(Callback):
    """Writes ``predictions/<row>/<id>.png`` under the output folder, as palette indices.

    In ``test`` only where the module's ``save_predictions`` is set; ``predict`` is run for the files. While the run
    goes on they are in ``predictions.partial``, which takes the final name at the end: a run that dies leaves the
    label maps of an earlier one alone.

    Args:
        output_dir: The run's folder.
    """

    def __init__(self, output_dir: Path) -> None:
        self.output_dir = output_dir

    @property
    def partial(self) -> Path:
        """Where the files are while the run goes on."""
        return self.output_dir / "predictions.partial"

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Agree on the folder; clear what a dead run left."""
        self.output_dir = prepare_output_folder(trainer, self.output_dir)
        if trainer.is_global_zero:
            shutil.rmtree(self.partial, ignore_errors=True)
        trainer.strategy.barrier()

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the files their final name."""
        self._publish(trainer)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the files their final name."""
        self._publish(trainer)

    def _publish(self, trainer: Trainer) -> None:
        trainer.strategy.barrier()
        if trainer.is_global_zero and self.partial.is_dir():
            final = self.output_dir / "predictions"
            shutil.rmtree(final, ignore_errors=True)
            self.partial.rename(final)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write the batch's label maps where asked to."""
        if getattr(pl_module, "save_predictions", False):
            self._write(trainer, outputs)

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write the batch's label maps."""
        self._write(trainer, outputs)

    def _write(self, trainer: Trainer, outputs: Any) -> None:
        data = trainer.datamodule  # type: ignore[attr-defined]
        for maps in outputs:
            for row, label_map in maps.rows.items():
                path = self.partial / folder_of_row(row) / f"{maps.id}.png"
                write_label_map(path, label_map + data.label_offset, data.palette)


def write_label_map(path: Path, label_map: Tensor, palette: list[int] | None) -> None:
    """Write labels ``[H, W]`` in 0..255 as an 8-bit PNG, with a palette (flat RGB) where there is one."""
    picture = Image.fromarray(label_map.cpu().numpy().astype(np.uint8))
    if palette is not None:
        picture.putpalette(palette)
    with atomic_file(path) as draft:
        picture.save(draft)
