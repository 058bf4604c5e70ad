"""Pictures of every image and row: label maps as PNG, and drawn over the image."""

import shutil
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from lit_samseg.atomic import atomic_file
from lit_samseg.callbacks.output_folder import prepare_output_folder
from lit_samseg.callbacks.writer_pool import WriterPool
from lit_samseg.data import SegmentationDataModule
from lit_samseg.errors import InputError
from lit_samseg.results.overlay import draw_overlay

Labels = NDArray[np.integer]
Pixels = NDArray[np.uint8]

MARK = ".lit_samseg"
"""An empty file in folders that a later run may replace."""


def folder_of_row(row: str) -> str:
    """Return a row's folder name: ``/`` would be a sub-folder."""
    return row.replace("/", "__")


class PictureWriter(Callback):
    """Writes one picture per image and row under a folder of its own in the output folder.

    While the run goes on they are in ``<folder>.partial``, which takes the final name at the end: a run that dies
    leaves the pictures of an earlier one alone. Threads encode and write them while the next images are computed.

    Args:
        output_dir: The run's folder.
    """

    folder: ClassVar[str]

    def __init__(self, output_dir: Path) -> None:
        self.output_dir = output_dir
        self._pool: WriterPool | None = None

    @abstractmethod
    def write(self, stem: Path, label_map: Labels, image: Pixels, data: SegmentationDataModule) -> None:
        """Write one picture, in a thread.

        Args:
            stem: Its path without a suffix.
            label_map: Class ids, integer ``[H, W]``.
            image: uint8 ``[H, W, 3]``.
            data: The data set.
        """

    @property
    def partial(self) -> Path:
        """Where the files are while the run goes on."""
        return self.output_dir / f"{self.folder}.partial"

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Agree on the folder; clear what a dead run left."""
        self.output_dir = prepare_output_folder(trainer, self.output_dir)
        self._check_replaceable(pl_module)
        if trainer.is_global_zero:
            shutil.rmtree(self.partial, ignore_errors=True)
        trainer.strategy.barrier()

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write the batch's pictures."""
        self._write(trainer, outputs, batch)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the files their final name and say where they are."""
        final = self._publish(trainer)
        if final is not None:
            Console().print(f"Written to {final}", soft_wrap=True, highlight=False, markup=False)

    def _check_replaceable(self, module: LightningModule) -> None:
        """Refuse to replace what is not ours, or what the baseline reads."""
        final = self.output_dir / self.folder
        if final.is_dir() and any(final.iterdir()) and not (final / MARK).exists():
            raise InputError(f"{final} was not written by lit-samseg and would be replaced; give another --output_dir")
        root = getattr(getattr(module, "baseline", None), "root", None)
        if isinstance(root, Path) and root.resolve().is_relative_to(final.resolve()):
            raise InputError(f"the baseline's label maps {root} would be replaced; give another --output_dir")

    def _write(self, trainer: Trainer, outputs: Any, batch: Any) -> None:
        data = trainer.datamodule  # type: ignore[attr-defined]
        if self._pool is None:
            self._pool = WriterPool()
        for maps, sample in zip(outputs, batch, strict=True):
            # One copy from the device for all rows.
            label_maps = torch.stack(list(maps.rows.values())).cpu().numpy()
            image = sample.image.permute(1, 2, 0).cpu().numpy()
            for row, label_map in zip(maps.rows, label_maps, strict=True):
                self._pool.submit(self.write, self.partial / folder_of_row(row) / maps.id, label_map, image, data)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """End the threads."""
        self._end_threads()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End the threads; nothing that they have not begun will be published."""
        self._end_threads()

    def _end_threads(self) -> None:
        if self._pool is not None:
            self._pool.cancel()
            self._pool = None

    def _publish(self, trainer: Trainer) -> Path | None:
        if self._pool is not None:
            self._pool.finish()
        trainer.strategy.barrier()
        if not trainer.is_global_zero or not self.partial.is_dir():
            return None
        (self.partial / MARK).touch()
        final = self.output_dir / self.folder
        shutil.rmtree(final, ignore_errors=True)
        self.partial.rename(final)
        return final


class PredictionWriter(PictureWriter):
    """Writes label maps, ``predictions/<row>/<id>.png``, as palette indices.

    In ``test`` only where the module's ``save_predictions`` is set; ``predict`` is run for the files.

    Args:
        output_dir: The run's folder.
    """

    folder = "predictions"

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
            self._write(trainer, outputs, batch)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the files their final name."""
        self._publish(trainer)

    def write(self, stem: Path, label_map: Labels, image: Pixels, data: SegmentationDataModule) -> None:
        """Write a label map, in the data set's own numbers."""
        write_label_map(stem.with_name(f"{stem.name}.png"), label_map + data.label_offset, data.palette)


class OverlayWriter(PictureWriter):
    """In ``predict``: the label maps drawn over their images, ``overlays/<row>/<id>.jpg``.

    Args:
        output_dir: The run's folder.
    """

    folder = "overlays"

    def write(self, stem: Path, label_map: Labels, image: Pixels, data: SegmentationDataModule) -> None:
        """Draw and write one overlay."""
        drawn = draw_overlay(image, label_map, data.palette, data.label_offset, data.background)
        with atomic_file(stem.with_name(f"{stem.name}.jpg")) as draft:
            Image.fromarray(drawn).save(draft, quality=90)


def write_label_map(path: Path, label_map: Labels, palette: list[int] | None) -> None:
    """Write labels ``[H, W]`` in 0..255 as an 8-bit PNG, with a palette (flat RGB) where there is one."""
    picture = Image.fromarray(label_map.astype(np.uint8))
    if palette is not None:
        picture.putpalette(palette)
    with atomic_file(path) as draft:
        picture.save(draft)
