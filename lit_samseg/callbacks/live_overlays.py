"""Pictures of a few images, sent to the user's logger while a test runs."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from lightning import Callback, LightningModule, Trainer
from numpy.typing import NDArray

from lit_samseg.callbacks.picture_loggers import PictureLogger, find_picture_loggers, log_picture
from lit_samseg.data import Sample, SegmentationDataModule
from lit_samseg.drawing import class_colours, draw_overlay
from lit_samseg.drawing.sheet import draw_sheet
from lit_samseg.errors import InputError
from lit_samseg.evaluation.label_maps import LabelMaps
from lit_samseg.gallery import shrink


class OverlayLogger(Callback):
    """In ``test``: sends a few images with all their label maps to TensorBoard, Weights & Biases or MLflow.

    A picture, ``overlays/<id>``, has the image, the ground truth, the baseline and every row side by side. It goes to
    each of the trainer's loggers that can show pictures; without one nothing is drawn.

    Loggers write on the first process only, so of several processes only the first one's share of the images can be
    sent.

    Args:
        ids: The images; None takes ``count`` of the run's, always the same ones of the same data and number of
            processes.
        count: So many spread evenly over the sorted ids, where ``ids`` is None; all if there are fewer.

    Raises:
        InputError: ``count`` is negative.
    """

    def __init__(self, ids: Sequence[str] | None = None, count: int = 4) -> None:
        if count < 0:
            raise InputError(f"OverlayLogger: count is {count}; it cannot be negative, 0 sends no picture")
        self.ids, self.count = ids, count
        self._loggers: list[PictureLogger] = []
        self._chosen: frozenset[str] = frozenset()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Choose the images, if there is a logger for them.

        Raises:
            InputError: One of ``ids`` is not among the run's.
        """
        self._chosen = frozenset()
        self._loggers = find_picture_loggers(trainer.loggers)
        if not self._loggers:
            return
        data = trainer.datamodule  # type: ignore[attr-defined]
        share = [data.ids[position] for position in data.share(0, trainer.world_size)]
        chosen = self.ids
        if chosen is None:
            # limit_test_batches and fast_dev_run stop early.
            chosen = choose_ids(share[: sum(trainer.num_test_batches) * data.batch_size], self.count)
        # On every process: if one ended here alone, the others would wait for it.
        check_ids(chosen, data.ids)
        if not trainer.is_global_zero:
            return
        self._chosen = frozenset(chosen)
        elsewhere = sorted(self._chosen.difference(share))
        if elsewhere:
            warnings.warn(
                f"OverlayLogger: no picture of {', '.join(elsewhere)}; other processes evaluate them", stacklevel=2
            )

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Draw and send those of the batch's images that were chosen."""
        if not self._chosen:
            return
        data = trainer.datamodule  # type: ignore[attr-defined]
        for maps, sample in zip(outputs, batch, strict=True):
            if maps.id in self._chosen:
                picture = draw_maps(maps, sample, data)
                for logger in self._loggers:
                    log_picture(logger, f"overlays/{maps.id}", picture, trainer.global_step)


def choose_ids(share: Sequence[str], count: int) -> list[str]:
    """Return ``count`` ids spread evenly: the middles of as many equal parts.

    Args:
        share: The first process's ids, sorted.
        count: Fewer are returned where the share is smaller.
    """
    count = min(count, len(share))
    return [share[(2 * part + 1) * len(share) // (2 * count)] for part in range(count)]


def check_ids(wanted: Sequence[str], ids: Sequence[str]) -> None:
    """Refuse an id that the run does not have.

    Raises:
        InputError: It names the first such id.
    """
    known = set(ids)
    unknown = [image_id for image_id in wanted if image_id not in known]
    if unknown:
        raise InputError(
            f"OverlayLogger: {unknown[0]!r} is none of this run's {len(ids)} images; its ids are like {ids[0]!r}, "
            "ids.txt of a run over the same data lists them"
        )


def draw_maps(maps: LabelMaps, sample: Sample, data: SegmentationDataModule) -> NDArray[np.uint8]:
    """Draw the image, the ground truth and every row's label map side by side.

    Args:
        maps: The rows, on any device.
        sample: The image and its ground truth, on any device.
        data: The data set, for its colours.

    Returns:
        RGB, uint8 ``[H, W, 3]``.
    """
    assert sample.target is not None, "a test refuses images without ground truth"
    small = shrink(sample.image, sample.target, list(maps.rows.values()), data.ignore_index)
    colours = class_colours(data.num_classes, data.palette, data.label_offset)
    names = ("ground truth", *maps.rows)
    overlays = {
        name: draw_overlay(small.photo, labels, colours, data.background)
        for name, labels in zip(names, small.labels, strict=True)
    }
    return draw_sheet({"image": small.photo} | overlays)
