"""Small pictures of every image, for the report."""

import shutil
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer

from lit_samseg.callbacks.folder_writer import FolderWriter
from lit_samseg.callbacks.output_folder import prepare_output_folder
from lit_samseg.callbacks.replacing import MARK
from lit_samseg.drawing import class_colours
from lit_samseg.gallery import ASKED, GalleryLegend, GalleryPrompts, entry_files, key_of, shrink, write_entry
from lit_samseg.module import SamSegEvaluation


class GalleryWriter(FolderWriter):
    """In ``test``: each image, its ground truth, all rows' label maps and errors, and the prompts, under ``gallery``.

    About 60 kB an image of VOC with eight rows. Beside a GPU threads write them; only small pictures wait there.

    Args:
        output_dir: The run's folder.
        enabled: Without, an earlier run's gallery is removed at the end: its pictures are not of the new results.
    """

    folder = "gallery"

    def __init__(self, output_dir: Path, enabled: bool = True) -> None:
        super().__init__(output_dir)
        self.enabled = enabled

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Agree on the folder, which is nobody else's; a folder that will not be written is left alone."""
        if self.enabled:
            super().setup(trainer, pl_module, stage)
        else:
            self.output_dir = prepare_output_folder(trainer, self.output_dir)

    def files(self, image_id: str, trainer: Trainer, module: LightningModule) -> list[str]:
        """Return the image's pictures and prompts."""
        return entry_files(image_id) if self.enabled else []

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write the batch's pictures."""
        if not self.enabled:
            return
        data = trainer.datamodule  # type: ignore[attr-defined]
        colours = class_colours(data.num_classes, data.palette, data.label_offset)
        for maps, sample in zip(outputs, batch, strict=True):
            pictures = shrink(sample.image, sample.target, list(maps.rows.values()), data.ignore_index)
            height, width = sample.target.shape
            prompts = GalleryPrompts.of(height, width, maps.prompts)
            entry = (self.partial, maps.id, pictures, prompts, colours, data.background)
            if pl_module.device.type == "cpu":
                # A thread beside networks that use all cores costs twice what it saves.
                write_entry(*entry)
            else:
                self._submit(write_entry, *entry)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the files their final name."""
        assert isinstance(pl_module, SamSegEvaluation)
        data = trainer.datamodule  # type: ignore[attr-defined]
        if not self.enabled:
            # Only one that a run wrote: a folder of the user's may have that name.
            if trainer.is_global_zero and (self.output_dir / self.folder / MARK).is_file():
                shutil.rmtree(self.output_dir / self.folder)
            return
        # Gathered by all processes, once: torchmetrics keeps what it computed.
        positions, counts = pl_module.scoring.pixels()
        if trainer.is_global_zero:
            key = key_of([data.ids[n] for n in positions], pl_module.rows, counts)
            colours = class_colours(data.num_classes, data.palette, data.label_offset)
            rows: list[dict[str, Any]] = [{"name": "baseline", "region": "", "recipe": []}]
            rows += [
                {"name": v.name, "region": v.region, "recipe": list(v.recipe), "rounds": v.rounds}
                for v in pl_module.variants
            ]
            hexadecimal = [f"#{bytes(colour).hex()}" for colour in colours]
            GalleryLegend(key, hexadecimal, data.background, rows, ASKED).write(self.partial)
        self._publish(trainer)
