"""Pictures of every image and row: label maps as PNG, and drawn over the image."""

import sys
from abc import abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from lit_samseg.baselines import Baseline
from lit_samseg.data import Sample, SegmentationDataModule
from lit_samseg.drawing import class_colours, draw_overlay
from lit_samseg.evaluation.label_maps import LabelMaps
from lit_samseg.results.layout import prediction_path
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.void import VOID
from lit_samseg.writing.folder_writer import FolderWriter
from lit_samseg.writing.run_plan import RunPlan

Labels = NDArray[np.integer]
Pixels = NDArray[np.uint8]


class PictureWriter(FolderWriter):
    """Writes one picture per image and row.

    Args:
        run: The run.
        alone: Write the last row only, and its pictures directly into the folder.
    """

    suffix: ClassVar[str]

    def __init__(self, run: RunPlan, alone: bool = False) -> None:
        super().__init__(run)
        self.alone = alone

    def files(self, image_id: str) -> list[str]:
        """Return the image's pictures, one a row."""
        return [f"{stem}{self.suffix}" for stem in self._stems(image_id).values()]

    @abstractmethod
    def write(self, stem: Path, label_map: Labels, image: Pixels) -> None:
        """Write one picture, in a thread.

        Args:
            stem: Its path without a suffix.
            label_map: Class ids, integer ``[H, W]``.
            image: uint8 ``[H, W, 3]``.
        """

    def add(self, sample: Sample, maps: LabelMaps) -> Sequence[Future[None]]:
        """Write the image's pictures."""
        stems = self._stems(maps.id)
        # One copy from the device for all rows.
        label_maps = torch.stack([maps.rows[row] for row in stems]).cpu().numpy()
        image = sample.image.permute(1, 2, 0).cpu().numpy()
        return [
            self._submit(self.write, self.pictures.partial / stem, label_map, image)
            for stem, label_map in zip(stems.values(), label_maps, strict=True)
        ]

    def tell(self) -> None:
        """Say where they are: ``predict`` is run for them."""
        if self.run.command != "predict" or not self.pictures.is_published:
            return
        final = self.pictures.final
        if self.run.stopped_by is not None:
            early = f"{self.run.stopped_by} stopped this run early; {final} does not have all images"
            print(f"lit-samseg: {early}", file=sys.stderr)
        # soft_wrap: a path is for copying, in one piece.
        Console().print(f"Written to {final}", soft_wrap=True, highlight=False, markup=False)

    def _stems(self, image_id: str) -> dict[str, Path]:
        """Return the paths of an image's pictures in the folder, without suffix, by row."""
        rows = self.run.module.rows
        if self.alone:
            return {rows[-1]: Path(image_id)}
        return {row: prediction_path(Path(), row, image_id) for row in rows}


class PredictionWriter(PictureWriter):
    """Writes label maps, ``predictions/<row>/<id>.png``, as palette indices; as 16-bit grey where 8 are too few."""

    folder = "predictions"
    suffix = ".png"

    def write(self, stem: Path, label_map: Labels, image: Pixels) -> None:
        """Write a label map, in the data set's own numbers."""
        data = self.run.data
        numbers = label_map.astype(np.int32) + data.label_offset
        void = written_void(self.run.module.baseline, data)
        if void is not None:
            numbers[label_map == VOID] = void
        palette = None if needs_16_bits(data) else data.palette
        write_label_map(stem.with_name(f"{stem.name}{self.suffix}"), numbers, palette, needs_16_bits(data))


class RefinedWriter(PredictionWriter):
    """The label maps of the one row that was asked for, ``refined/<id>.png``.

    Args:
        run: The run.
    """

    folder = "refined"

    def __init__(self, run: RunPlan) -> None:
        super().__init__(run, alone=True)


class OverlayWriter(PictureWriter):
    """The label maps drawn over their images, ``overlays/<row>/<id>.jpg``, or ``overlays/<id>.jpg``."""

    folder = "overlays"
    suffix = ".jpg"

    def write(self, stem: Path, label_map: Labels, image: Pixels) -> None:
        """Draw and write one overlay."""
        data = self.run.data
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
