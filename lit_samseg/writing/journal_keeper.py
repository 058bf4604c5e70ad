"""Takes down every finished image, so that a run which was killed goes on where it was."""

import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError
from lit_samseg.evaluation.image_counts import ImageCounts
from lit_samseg.evaluation.label_maps import LabelMaps
from lit_samseg.journal import Journal, Record, RecordFile
from lit_samseg.writing.finished_images import digest_files, find_finished
from lit_samseg.writing.picture_folder import PictureFolder
from lit_samseg.writing.replacing import check_replaceable, finished_command
from lit_samseg.writing.run_plan import RunPlan


@dataclass
class _Pending:
    """An image of which some things may not be counted or written yet."""

    image_id: str
    counts: Future[ImageCounts] | None
    writing: Sequence[Future[None]]

    def waits_for(self) -> list[Future[Any]]:
        return [*self.writing] if self.counts is None else [self.counts, *self.writing]

    def is_written(self) -> bool:
        return all(f.done() and not f.cancelled() and f.exception() is None for f in self.waits_for())

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        return {} if self.counts is None else self.counts.result().arrays()


class JournalKeeper:
    """Keeps ``journal/`` in the output folder while a run goes on.

    Each process appends the numbers of every image to a file of its own, when all writers have written the image, and
    waits for the disk. A run that is to stop early keeps none.

    Args:
        run: The run.
        folders: Those of the pictures that the run writes.
    """

    def __init__(self, run: RunPlan, folders: Sequence[PictureFolder]) -> None:
        self.run, self.folders = run, folders
        self._journal = Journal(run.output_dir)
        self._found: dict[str, Record] = {}
        self._pending: deque[_Pending] = deque()
        self._file: RecordFile | None = None

    def check_free(self, resume: bool, overwrite: bool) -> None:
        """See that nothing in the folder is lost which nobody said may be.

        Args:
            resume: The run goes on with what an interrupted one left.
            overwrite: A finished run may be replaced, and an unfinished one begun again.

        Raises:
            InputError: There is such a run.
        """
        folder, command = self.run.output_dir, self.run.command
        records = self._journal.records()
        if resume and self._journal.exists():
            return
        if records and not overwrite:
            raise InputError(
                f"{folder} holds an unfinished run, {len(records)} of its images are done; go on with it by "
                "--resume true, give another --output_dir, or begin again by --overwrite true"
            )
        if records:
            self._journal.remove()
            return
        if resume and finished_command(folder) == command:
            raise InputError(
                f"nothing to resume: the run in {folder} is finished; to run it again, give --overwrite true "
                "in place of --resume"
            )
        check_replaceable(folder, command, overwrite)

    def begin(self) -> tuple[int, set[str]]:
        """Find what an interrupted run finished, or begin a journal; on the first process alone.

        Returns:
            The number of this attempt, and the ids of the finished images.

        Raises:
            InputError: The journal is of another run, or an image has changed.
        """
        identity = self.run.identity()
        records = self._journal.records()
        if self.run.shard is None:
            for draft in self.run.output_dir.glob(".draft-*"):
                draft.unlink()
        if not records:
            # Another shard's has none yet.
            if self.run.shard is None or not self._journal.exists():
                self._journal.begin(identity)
            self._journal.check(identity)
            return 1, set()
        self._journal.check(identity)
        self._found = find_finished(self.run, records, self.folders)
        if self._found:
            for folder in self.folders:
                folder.take_back()
            images = len(self.run.data.ids)
            print(f"lit-samseg: {len(self._found)} of {images} images are done already", file=sys.stderr)
        return self._journal.next_attempt(), set(self._found)

    def open(self, attempt: int) -> None:
        """Be ready to take down this process's images."""
        shard = self.run.shard
        self._file = self._journal.open(attempt, self.run.processes.rank if shard is None else shard.number)

    def add_up(self) -> None:
        """Add the numbers of the finished images to the run's, on the process that found them."""
        positions = {image_id: n for n, image_id in enumerate(self.run.data.ids)}
        for image_id, record in self._found.items():
            self.run.module.scoring.add(positions[image_id], ImageCounts.of_arrays(record.arrays(), self.run.device))
        self._found = {}

    def add(self, maps: LabelMaps, writing: Sequence[Future[None]]) -> None:
        """Take an image, which is finished when it is counted and ``writing`` is done."""
        if self._file is not None:
            self._pending.append(_Pending(maps.id, maps.counts, writing))

    def commit(self) -> None:
        """Take down the first images, up to one that is not written.

        Raises:
            InputError: The disk does not take it.
        """
        while self._file is not None and self._pending and self._pending[0].is_written():
            image = self._pending[0]
            facts = {"id": image.image_id, **digest_files(self.run, image.image_id, self.folders)}
            self._file.append(facts, image.arrays())
            self._pending.popleft()

    def close(self) -> None:
        """Close this process's file."""
        if self._file is not None:
            self._file.close()

    def wait(self) -> None:
        """Wait until what was begun has ended, with or without an error."""
        wait([future for image in self._pending for future in image.waits_for()])

    def done(self) -> int:
        """Return how many images of the run are on disk, by all processes and attempts.

        Raises:
            InputError: A file cannot be read.
        """
        return len(self._journal.records())

    def remove(self) -> None:
        """Remove the journal: all else is written."""
        if self._file is not None:
            self._journal.remove()
