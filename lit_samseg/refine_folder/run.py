"""All pictures of a folder, one after the other: read ahead, refined, written; what is done is not done again."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from lit_samseg.baselines import ScoreFolder
from lit_samseg.drawing import class_colours
from lit_samseg.formats.interface import LabelMap, MaskWriter
from lit_samseg.formats.objects.objects_after import objects_after, vanished
from lit_samseg.refine_folder.inputs import Inputs
from lit_samseg.refine_folder.one_picture import Refined, Ways, refine_picture
from lit_samseg.refiner import Refiner
from lit_samseg.review.pictures import write_pictures
from lit_samseg.review.records import PictureRecord, read_record, write_record

"""Folders in that of the output."""

_BEHIND = 4
"""Pictures that may wait to be written: each is some megabytes."""


Read = tuple[Tensor, LabelMap, Tensor | None]
"""A picture, its masks and its class scores."""


class FolderRun:
    """Refines the masks of a folder.

    Args:
        inputs: Pictures and masks.
        refiner: What refines.
        writer: Writes masks.
        folder: Of the review's files.
        scores: The pictures' class scores; None where there are none.
        ways: How it is done; None for the defaults.
    """

    def __init__(
        self,
        inputs: Inputs,
        refiner: Refiner,
        writer: MaskWriter,
        folder: Path,
        scores: ScoreFolder | None = None,
        ways: Ways | None = None,
    ) -> None:
        self.inputs, self.refiner, self.writer, self.folder, self.scores = inputs, refiner, writer, folder, scores
        self.ways = ways
        classes = inputs.masks.classes
        palette = None if classes.colours is None else [part for colour in classes.colours for part in colour]
        self.colours = class_colours(len(classes), palette)

    def done(self, key: str) -> PictureRecord | None:
        """Return what is known of a picture that an earlier run finished; None where it did not."""
        return read_record(self.folder, key) if self.writer.is_written(key) else None

    def run(self, keys: Sequence[str]) -> Iterator[PictureRecord]:
        """Refine pictures; yields each when its files are written.

        Args:
            keys: Their names.

        Raises:
            InputError: A picture, its masks or its scores cannot be read, or masks cannot be written.
            OSError: The disk does not take a file.
        """
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(2) as writers:
            writing: list[Future[PictureRecord]] = []
            for key, (image, masks, scores) in self._read_ahead(reader, keys):
                refined = refine_picture(self.refiner, key, image, masks, self.inputs.masks.classes, scores, self.ways)
                writing.append(writers.submit(self._write, key, image, masks, refined))
                while writing and (len(writing) > _BEHIND or writing[0].done()):
                    yield writing.pop(0).result()
            while writing:
                yield writing.pop(0).result()

    def _read_ahead(self, reader: Executor, keys: Sequence[str]) -> Iterator[tuple[str, Read]]:
        """Yield what was read of each picture while the next one is being read."""
        ahead = None if not keys else reader.submit(self._read, keys[0])
        for key, following in zip(keys, [*keys[1:], None], strict=True):
            assert ahead is not None
            read = ahead.result()
            ahead = None if following is None else reader.submit(self._read, following)
            yield key, read

    def _read(self, key: str) -> Read:
        image = self.inputs.image(key)
        height, width = image.shape[1:]
        masks = self.inputs.masks.read(key, height, width)
        return image, masks, None if self.scores is None else self.scores.cells(image, key)

    def _write(self, key: str, image: Tensor, masks: LabelMap, refined: Refined) -> PictureRecord:
        """Write a picture's files, its record last."""
        background = self.inputs.masks.classes.background
        after, lost = LabelMap(refined.after), 0
        if masks.objects is not None:
            after = objects_after(masks, refined.after, background)
            lost = len(vanished(masks, after))
        self.writer.write(key, after)
        pixels = image.permute(1, 2, 0).numpy()
        maps = (masks.labels, refined.after)
        write_pictures(self.folder, key, pixels, maps, self.colours, background)
        record = replace(refined.record, lost=lost)
        write_record(self.folder, record)
        return record
