"""Label maps as PNG, one per image and row."""

from pathlib import Path
from typing import Any

import numpy as np
from lightning import Callback, LightningModule, Trainer
from PIL import Image
from torch import Tensor

from lit_samseg.results.atomic import atomic_file


def folder_of_row(row: str) -> str:
    """Return a row's folder name: ``/`` would be a sub-folder."""
    return row.replace("/", "__")


class PredictionWriter(Callback):
    """Writes ``predictions/<row>/<id>.png`` under the output folder, as palette indices.

    In ``test`` only where the module's ``save_predictions`` is set; ``predict`` is run for the files.

    Args:
        output_dir: The run's folder.
    """

    def __init__(self, output_dir: Path) -> None:
        self.folder = output_dir / "predictions"

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
                path = self.folder / folder_of_row(row) / f"{maps.id}.png"
                write_label_map(path, label_map + data.label_offset, data.palette)


def write_label_map(path: Path, label_map: Tensor, palette: list[int] | None) -> None:
    """Write labels ``[H, W]`` in 0..255 as an 8-bit PNG, with a palette (flat RGB) where there is one."""
    picture = Image.fromarray(label_map.cpu().numpy().astype(np.uint8))
    if palette is not None:
        picture.putpalette(palette)
    with atomic_file(path) as draft:
        picture.save(draft)
