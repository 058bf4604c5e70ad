"""Takes down every finished image, so that a run which was killed goes on where it was."""

import shlex
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from lightning import Callback, LightningModule, Trainer
from numpy.typing import NDArray

from lit_samseg.callbacks.finished_images import digest_files, find_finished, take_back
from lit_samseg.callbacks.folder_writer import FolderWriter
from lit_samseg.callbacks.limits import is_whole
from lit_samseg.callbacks.output_folder import prepare_output_folder
from lit_samseg.callbacks.replacing import check_replaceable, finished_command, remove_others
from lit_samseg.errors import InputError
from lit_samseg.evaluation.image_counts import ImageCounts
from lit_samseg.evaluation.label_maps import LabelMaps
from lit_samseg.journal import FolderLock, Journal, Record, RecordFile, identity_of_run
from lit_samseg.module import SamSegEvaluation


@dataclass
class _Pending:
    """An image whose pictures may not be written yet; the marks are of the writers."""

    image_id: str
    arrays: dict[str, NDArray[np.generic]]
    marks: Sequence[int]


class JournalWriter(Callback):
    """Keeps ``journal/`` in the output folder while a run goes on; stands after all other writers.

    Each process appends the numbers of every image to a file of its own, when the image's pictures are written, and
    waits for the disk. At the end of the run the folder is removed.

    Args:
        output_dir: The run's folder.
        config: The full configuration as YAML.
        resume: Go on with what an interrupted run left there; without it such a run is not overwritten.
        overwrite: Replace a finished run, or begin an unfinished one again.
    """

    def __init__(self, output_dir: Path, config: str, resume: bool, overwrite: bool = False) -> None:
        self.output_dir, self.config, self.resume, self.overwrite = output_dir, config, resume, overwrite
        self._lock: FolderLock | None = None
        self._writers: list[FolderWriter] = []
        self._pending: deque[_Pending] = deque()
        self._finished: dict[str, Record] = {}
        self._file: RecordFile | None = None

    @property
    def journal(self) -> Journal:
        """The journal."""
        return Journal(self.output_dir)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Take the folder for this run; find what an interrupted one finished there, or begin a journal.

        Raises:
            InputError: Another process writes there; or there is a finished run that is not to be replaced, or an
                unfinished one that is not to be gone on with or is another.
        """
        assert isinstance(pl_module, SamSegEvaluation)
        self.output_dir = prepare_output_folder(trainer, self.output_dir)
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        self._writers = [writer for writer in callbacks if isinstance(writer, FolderWriter)]
        self._file, self._finished = None, {}
        self._pending.clear()
        if self.resume and not is_whole(trainer):
            raise InputError("--resume true needs the whole run; leave out trainer.limit_* and fast_dev_run")
        error, attempt = None, 0
        if trainer.is_global_zero:
            try:
                self._lock = FolderLock(self.output_dir)
                self._lock.acquire()
                self._check_free(trainer)
                attempt = self._begin(trainer, pl_module) if is_whole(trainer) else 0
            except (InputError, OSError) as problem:
                # Told to all: raised here alone, a full disk would have the others wait for ever.
                error = str(problem)
        data = trainer.datamodule  # type: ignore[attr-defined]
        # The first process alone reads and decides: the others would find half of what it changes.
        error, attempt, ids = trainer.strategy.broadcast((error, attempt, set(self._finished)))
        if error is not None:
            raise InputError(error)
        if not is_whole(trainer):
            return
        data.leave_out([n for n, image_id in enumerate(data.ids) if image_id in ids])
        pl_module.scoring.resumed = data.finished
        for writer in self._writers:
            writer.keep, writer.finished = True, ids
        self._file = self.journal.open(attempt, trainer.global_rank)

    def _begin(self, trainer: Trainer, module: SamSegEvaluation) -> int:
        data = trainer.datamodule  # type: ignore[attr-defined]
        weights = {
            "baseline": module.baseline.identity or module.baseline.sha256,
            "sam": module.sam.identity or module.sam.sha256,
            "adapter": module.sam.adapter.sha256 if module.sam.adapter else None,
            "gate": module.gate.sha256 if module.gate else None,
        }
        command = "predict" if trainer.predicting else "test"
        config = yaml.safe_load(self.config)
        classes = {type(data), type(data.source), *map(type, [*module.modules(), *module.scoring.others])}
        identity = identity_of_run(command, config, weights, data.ids, trainer.strategy.root_device, classes)
        records = self.journal.records()
        for draft in self.output_dir.glob(".draft-*"):
            draft.unlink()
        if not records:
            self.journal.begin(identity)
            return 1
        self.journal.check(identity)
        self._finished = find_finished(records, self._writers, trainer, module)
        if self._finished:
            take_back(self._writers)
            print(f"lit-samseg: {len(self._finished)} of {len(data.ids)} images are done already", file=sys.stderr)
        return self.journal.next_attempt()

    def _check_free(self, trainer: Trainer) -> None:
        """See that nothing is lost which nobody said may be."""
        records = self.journal.records()
        if self.resume and self.journal.exists():
            return
        if records and not self.overwrite:
            raise InputError(
                f"{self.output_dir} holds an unfinished run, {len(records)} of its images are done; go on with it by "
                "--resume true, give another --output_dir, or begin again by --overwrite true"
            )
        if records:
            self.journal.remove()
            return
        command = "predict" if trainer.predicting else "test"
        if self.resume and finished_command(self.output_dir) == command:
            raise InputError(
                f"nothing to resume: the run in {self.output_dir} is finished; to run it again, give --overwrite true "
                "in place of --resume"
            )
        check_replaceable(self.output_dir, command, self.overwrite)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add up what was found, on the first process."""
        assert isinstance(pl_module, SamSegEvaluation)
        positions = {image_id: n for n, image_id in enumerate(trainer.datamodule.ids)}  # type: ignore[attr-defined]
        for image_id, record in self._finished.items():
            pl_module.scoring.add(positions[image_id], ImageCounts.of_arrays(record.arrays(), pl_module.device))
        self._finished = {}

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Take down the batch's images, as far as their pictures are written."""
        self._take_down(trainer, pl_module, outputs)

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Take down the batch's images, as far as their pictures are written."""
        self._take_down(trainer, pl_module, outputs)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take down the last images, before results are gathered."""
        self._complete(trainer, pl_module)

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take down the last images."""
        self._complete(trainer, pl_module)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remove the journal: all else is written."""
        self._remove(trainer)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remove the journal: all else is written."""
        self._remove(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Take down what the writers have ended meanwhile, and say how to go on; nothing stays where none is."""
        try:
            if self._file is not None:
                self._keep(self._file, trainer, pl_module)
        finally:
            self._give_up_lock()

    def _keep(self, file: RecordFile, trainer: Trainer, module: LightningModule) -> None:
        # An error: the disk is full, say, which is most likely what the exception tells already.
        with suppress(InputError):
            self._commit(trainer, module)
        file.close()
        if not trainer.is_global_zero:
            return
        if done := len(self.journal.records()):
            images = len(trainer.datamodule.ids)  # type: ignore[attr-defined]
            print(
                f"lit-samseg: {done} of {images} images are done and kept; go on by the same command with "
                f"--output_dir {shlex.quote(str(self.output_dir))} --resume true",
                file=sys.stderr,
            )
        elif trainer.world_size == 1:
            self.journal.remove()
            for writer in self._writers:
                writer.discard()

    def _take_down(self, trainer: Trainer, module: LightningModule, outputs: Sequence[LabelMaps]) -> None:
        if self._file is None:
            return
        marks = [writer.mark() for writer in self._writers]
        for maps in outputs:
            self._pending.append(_Pending(maps.id, {} if maps.counts is None else maps.counts.arrays(), marks))
        self._commit(trainer, module)

    def _commit(self, trainer: Trainer, module: LightningModule) -> None:
        assert self._file is not None
        assert isinstance(module, SamSegEvaluation)
        if self._lock is not None:
            self._lock.check()
        while self._pending and all(map(FolderWriter.is_written, self._writers, self._pending[0].marks)):
            image = self._pending[0]
            facts = {"id": image.image_id, **digest_files(image.image_id, self._writers, trainer, module)}
            self._file.append(facts, image.arrays)
            self._pending.popleft()

    def _complete(self, trainer: Trainer, module: LightningModule) -> None:
        if self._file is None:
            return
        for writer in self._writers:
            writer.finish()
        self._commit(trainer, module)
        self._file.close()

    def _remove(self, trainer: Trainer) -> None:
        trainer.strategy.barrier()
        if trainer.is_global_zero:
            # Those of a run that this one replaces are not of its numbers.
            remove_others(self.output_dir, [writer.folder for writer in self._writers if writer.wrote])
            if self._file is not None:
                self.journal.remove()
                # Lightning's, of a job that was queued again; it holds nothing.
                for checkpoint in self.output_dir.glob("hpc_ckpt_*.ckpt"):
                    checkpoint.unlink()
        self._give_up_lock()

    def _give_up_lock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None
