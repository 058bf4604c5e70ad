"""Small pictures of every image, for the report."""

import shutil
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import torch
from torch import Tensor

from lit_samseg.data import Sample
from lit_samseg.drawing import class_colours
from lit_samseg.evaluation.label_maps import LabelMaps
from lit_samseg.gallery import ASKED, GalleryLegend, GalleryPrompts, entry_files, key_of, shrink, write_entry
from lit_samseg.runtime.amounts import threads_beside
from lit_samseg.runtime.beside import THREADS, Beside
from lit_samseg.writing.folder_writer import FolderWriter
from lit_samseg.writing.replacing import MARK
from lit_samseg.writing.run_plan import RunPlan
from lit_samseg.writing.writer import Writer

FOLDER = "gallery"


class GalleryWriter(FolderWriter):
    """In ``test``: each image, its ground truth, all rows' label maps and errors, and the prompts, under ``gallery``.

    About 60 kB an image of VOC with eight rows. Beside a GPU, and beside a CPU with cores to spare, threads write them.

    Args:
        run: The run.
    """

    folder = FOLDER

    def __init__(self, run: RunPlan) -> None:
        super().__init__(run)
        self._colours = class_colours(run.data.num_classes, run.data.palette, run.data.label_offset)

    def pool(self) -> Beside:
        """Return threads, as many as the device leaves cores for; few images wait, since theirs is its memory."""
        return Beside(threads_beside(self.run.device, THREADS), backlog=2 * THREADS)

    def files(self, image_id: str) -> list[str]:
        """Return the image's pictures and prompts."""
        return entry_files(image_id)

    def add(self, sample: Sample, maps: LabelMaps) -> Sequence[Future[None]]:
        """Write the image's pictures."""
        assert sample.target is not None, "a test refuses images without ground truth"
        return [self._submit(self._write, sample.image, sample.target, maps)]

    @torch.inference_mode()
    def _write(self, image: Tensor, target: Tensor, maps: LabelMaps) -> None:
        data = self.run.data
        pictures = shrink(image, target, list(maps.rows.values()), data.ignore_index)
        height, width = target.shape
        prompts = GalleryPrompts.of(height, width, maps.prompts)
        write_entry(self.pictures.partial, maps.id, pictures, prompts, self._colours, data.background)

    def publish(self) -> None:
        """Add what all images share, and give the files their final name."""
        data, module = self.run.data, self.run.module
        # Gathered by all processes, once: torchmetrics keeps what it computed.
        positions, counts = module.scoring.pixels()
        if self.run.is_first:
            key = key_of([data.ids[n] for n in positions], module.rows, counts)
            rows: list[dict[str, Any]] = [{"name": "baseline", "region": "", "recipe": []}]
            rows += [variant.legend() for variant in module.variants]
            hexadecimal = [f"#{bytes(colour).hex()}" for colour in self._colours]
            GalleryLegend(key, hexadecimal, data.background, rows, ASKED).write(self.pictures.partial)
        super().publish()


class NoGallery(Writer):
    """Removes an earlier run's gallery, whose pictures are not of the new results."""

    def publish(self) -> None:
        """Remove it, if a run wrote it: a folder of the user's may have that name."""
        folder = self.run.output_dir / FOLDER
        if self.run.is_first and (folder / MARK).is_file():
            shutil.rmtree(folder)
