"""Pictures of every image and row: label maps as PNG, and drawn over the image."""

import sys
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from lightning import LightningModule, Trainer
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from lit_samseg.baselines import Baseline
from lit_samseg.callbacks.folder_writer import FolderWriter
from lit_samseg.callbacks.limits import is_whole, limiting_option
from lit_samseg.data import SegmentationDataModule
from lit_samseg.drawing import class_colours, draw_overlay
from lit_samseg.module import SamSegEvaluation
from lit_samseg.results.layout import prediction_path
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.void import VOID

Labels = NDArray[np.integer]
Pixels = NDArray[np.uint8]


class PictureWriter(FolderWriter):
    """Writes one picture per image and row.

    Args:
        output_dir: The run's folder.
        alone: Write the last row only, and its pictures directly into the folder.
    """

    suffix: ClassVar[str]

    def __init__(self, output_dir: Path, alone: bool = False) -> None:
        super().__init__(output_dir)
        self.alone = alone

    def files(self, image_id: str, trainer: Trainer, module: LightningModule) -> list[str]:
        """Return the image's pictures, one a row."""
        assert isinstance(module, SamSegEvaluation)
        if not self.writes(trainer, module):
            return []
        return [f"{stem}{self.suffix}" for stem in self._stems(module.rows, image_id).values()]

    def writes(self, trainer: Trainer, module: LightningModule) -> bool:
        """Tell whether this run is one that has such pictures."""
        return bool(trainer.predicting)

    @abstractmethod
    def write(
        self, stem: Path, label_map: Labels, image: Pixels, data: SegmentationDataModule, void: int | None
    ) -> None:
        """Write one picture, in a thread.

        Args:
            stem: Its path without a suffix.
            label_map: Class ids, integer ``[H, W]``.
            image: uint8 ``[H, W, 3]``.
            data: The data set.
            void: What stands for `lit_samseg.void.VOID` in files, if there is any.
        """

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
        self._write(trainer, pl_module, outputs, batch)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the files their final name and say where they are."""
        final = self._publish(trainer)
        if final is not None:
            if not is_whole(trainer):
                print(
                    f"lit-samseg: {limiting_option(trainer)} stopped this run early; {final} does not have all images",
                    file=sys.stderr,
                )
            Console().print(f"Written to {final}", soft_wrap=True, highlight=False, markup=False)

    def _stems(self, rows: Sequence[str], image_id: str) -> dict[str, Path]:
        """Return the paths of an image's pictures in the folder, without suffix, by row."""
        if self.alone:
            return {rows[-1]: Path(image_id)}
        return {row: prediction_path(Path(), row, image_id) for row in rows}

    def _write(self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any) -> None:
        data = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(module, SamSegEvaluation)
        void = written_void(module.baseline, data)
        for maps, sample in zip(outputs, batch, strict=True):
            stems = self._stems(list(maps.rows), maps.id)
            # One copy from the device for all rows.
            label_maps = torch.stack([maps.rows[row] for row in stems]).cpu().numpy()
            image = sample.image.permute(1, 2, 0).cpu().numpy()
            for stem, label_map in zip(stems.values(), label_maps, strict=True):
                self._submit(self.write, self.partial / stem, label_map, image, data, void)


class PredictionWriter(PictureWriter):
    """Writes label maps, ``predictions/<row>/<id>.png``, as palette indices; as 16-bit grey where 8 are too few.

    In ``test`` only where the module's ``save_predictions`` is set; ``predict`` is run for the files.
    """

    folder = "predictions"
    suffix = ".png"

    def writes(self, trainer: Trainer, module: LightningModule) -> bool:
        """In ``predict``, and where the module asks for it."""
        return bool(trainer.predicting or getattr(module, "save_predictions", False))

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
        if self.writes(trainer, pl_module):
            self._write(trainer, pl_module, outputs, batch)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the files their final name."""
        self._publish(trainer)

    def write(
        self, stem: Path, label_map: Labels, image: Pixels, data: SegmentationDataModule, void: int | None
    ) -> None:
        """Write a label map, in the data set's own numbers."""
        numbers = label_map.astype(np.int32) + data.label_offset
        if void is not None:
            numbers[label_map == VOID] = void
        palette = None if needs_16_bits(data) else data.palette
        write_label_map(stem.with_name(f"{stem.name}{self.suffix}"), numbers, palette, needs_16_bits(data))


class RefinedWriter(PredictionWriter):
    """In ``predict``: the label maps of the one row that was asked for, ``refined/<id>.png``.

    Args:
        output_dir: The run's folder.
    """

    folder = "refined"

    def __init__(self, output_dir: Path) -> None:
        super().__init__(output_dir, alone=True)


class OverlayWriter(PictureWriter):
    """In ``predict``: the label maps drawn over their images, ``overlays/<row>/<id>.jpg``, or ``overlays/<id>.jpg``."""

    folder = "overlays"
    suffix = ".jpg"

    def write(
        self, stem: Path, label_map: Labels, image: Pixels, data: SegmentationDataModule, void: int | None
    ) -> None:
        """Draw and write one overlay."""
        colours = class_colours(data.num_classes, data.palette, data.label_offset)
        drawn = draw_overlay(image, label_map, colours, data.background)
        with atomic_file(stem.with_name(f"{stem.name}{self.suffix}")) as draft:
            Image.fromarray(drawn).save(draft, quality=90)


def needs_16_bits(data: SegmentationDataModule) -> bool:
    """Tell whether a data set's numbers and one for void are more than 8 bits hold."""
    return data.num_classes + data.label_offset > np.iinfo(np.uint8).max


def written_void(baseline: Baseline, data: SegmentationDataModule) -> int | None:
    """Return what written label maps have where there is no class; None where the baseline always gives one.

    It is what the baseline's own files have, or the data set's void value where that number is a class here or too
    large.
    """
    void = baseline.ignore_index
    if void is None:
        return None
    classes = range(data.label_offset, data.label_offset + data.num_classes)
    most = np.iinfo(np.uint16 if needs_16_bits(data) else np.uint8).max
    return void if void <= most and void not in classes else data.ignore_index


def write_label_map(path: Path, label_map: Labels, palette: list[int] | None, wide: bool = False) -> None:
    """Write labels ``[H, W]`` as an 8-bit PNG, with a palette (flat RGB) where there is one, or as 16-bit grey."""
    picture = Image.fromarray(label_map.astype(np.uint16 if wide else np.uint8))
    if palette is not None:
        picture.putpalette(palette)
    with atomic_file(path) as draft:
        picture.save(draft)
