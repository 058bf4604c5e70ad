"""All that a run leaves behind: one folder, one lock, one journal, and writers that take turns."""

import shlex
import shutil
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.evaluation.label_maps import LabelMaps
from lit_samseg.journal import FolderLock
from lit_samseg.runtime.shard import Shard
from lit_samseg.writing.journal_keeper import JournalKeeper
from lit_samseg.writing.replacing import MARK, PICTURES, remove_others
from lit_samseg.writing.run_plan import RunPlan
from lit_samseg.writing.writer import Writer

_MOMENT = 60.0
"""Seconds that a shard waits for others to begin."""


class RunOutput:
    """Has a run's writers take turns, and keeps a journal of the images that all of them have written.

    The calls, on every process: `open` before any image is loaded, `begin`, `add` for each batch, `finish`, `publish`;
    whatever fails, `abort` takes the place of what is left.

    Args:
        run: The run.
        writers: In the order of their turns.
        resume: Go on with what an interrupted run left in the folder; without it such a run is not overwritten.
        overwrite: Replace a finished run, or begin an unfinished one again.
    """

    def __init__(self, run: RunPlan, writers: Sequence[Writer], resume: bool = False, overwrite: bool = False) -> None:
        self.run, self.writers, self.resume, self.overwrite = run, writers, resume, overwrite
        self._folders = [writer.pictures for writer in writers if writer.pictures is not None]
        self._journal = JournalKeeper(run, self._folders)
        self._lock: FolderLock | None = None
        self._kept: Collection[str] = ()
        self._is_ours = False

    def open(self) -> None:
        """Take the folder for this run; find what an interrupted one finished there, or begin a journal.

        Raises:
            InputError: Another process writes there; or there is a finished run that is not to be replaced, or an
                unfinished one that is not to be gone on with or is another; or files there are not a run's.
        """
        run = self.run
        for folder in self._folders:
            folder.check_replaceable()
        self._check_baseline()
        self._check_shard()
        if self.resume and not run.is_whole:
            raise InputError("--resume true needs the whole run; leave out trainer.limit_* and fast_dev_run")
        attempt, self._kept = self._take_folder()
        self._is_ours = True
        if run.is_whole:
            run.data.leave_out(self._left_out())
            run.module.scoring.resumed = run.data.finished
            self._journal.open(attempt)

    def begin(self) -> None:
        """Clear what a dead run left, and add up what an interrupted one finished; the networks are on their device."""
        if self.run.command == "test":
            self._journal.add_up()
        if self.run.is_first:
            own = {folder.name for folder in self._folders}
            for name in PICTURES:
                if name not in own:
                    shutil.rmtree(self.run.output_dir / f"{name}.partial", ignore_errors=True)
        for writer in self.writers:
            writer.begin(self._kept)
        self.run.processes.barrier()

    def add(self, samples: Sequence[Sample], results: Sequence[LabelMaps]) -> None:
        """Write a batch's images, and take down those of which all is written.

        Args:
            samples: The images.
            results: What they came to.

        Raises:
            OSError: Something cannot be written, of these images or of earlier ones.
        """
        for sample, maps in zip(samples, results, strict=True):
            writing = [future for writer in self.writers for future in writer.add(sample, maps)]
            self._journal.add(maps, writing)
        self._commit()

    def finish(self) -> None:
        """The last image was added: wait until all is counted, written and taken down."""
        self.run.module.counting.finish()
        for writer in self.writers:
            writer.finish()
        self._commit()
        self._journal.close()

    def publish(self) -> None:
        """Give everything its final name, remove the journal, give the folder back, and say where things are."""
        run = self.run
        run.processes.barrier()
        if run.shard is not None:
            self._leave(run.shard)
            return
        for writer in self.writers:
            writer.publish()
        run.processes.barrier()
        if run.is_first:
            # Those of a run that this one replaces are not of its numbers.
            remove_others(run.output_dir, [folder.name for folder in self._folders if folder.is_published])
            self._journal.remove()
            if run.is_whole:
                # Lightning's, of a job that was queued again; it holds nothing.
                for checkpoint in run.output_dir.glob("hpc_ckpt_*.ckpt"):
                    checkpoint.unlink()
        self._give_back()
        self._tell()

    def abort(self) -> None:
        """Keep what is finished, and say how to go on; leave nothing behind where nothing is."""
        try:
            if self._is_ours:
                keep = self._settle()
                for writer in self.writers:
                    writer.abort(keep)
            self.run.module.counting.cancel()
        finally:
            self._give_back()
        # Where the results are there, and something later went wrong, as with the report.
        self._tell()

    def _left_out(self) -> list[int]:
        """Return the positions of images that are finished, or another shard's."""
        run = self.run
        # Before any is left out, so that shares are the same whoever asks, and when.
        own = range(len(run.data.ids)) if run.shard is None else run.data.share(run.shard.number - 1, run.shard.count)
        mine = set(own)
        return [n for n, image_id in enumerate(run.data.ids) if image_id in self._kept or n not in mine]

    def _leave(self, shard: Shard) -> None:
        """Leave a shard's images to the run that goes on with all of them."""
        for writer in self.writers:
            writer.abort(keep=True)
        done, images = self._journal.done(), len(self.run.data.ids)
        self._give_back()
        print(
            f"lit-samseg: {shard} is done, {done} of {images} images in all; when all shards are, the same command "
            "without --shard and with --resume true finishes the run",
            file=sys.stderr,
        )

    def _check_shard(self) -> None:
        """Refuse what a shard cannot have.

        Raises:
            InputError: It is to stop early, has several processes, or does not go on with what is in the folder.
        """
        run = self.run
        if run.shard is None:
            return
        if not run.is_whole:
            raise InputError("--shard takes a share of the whole run; leave out trainer.limit_* and fast_dev_run")
        if run.processes.count > 1:
            raise InputError("--shard is for one process; give --trainer.devices 1, or more shards")
        if not self.resume:
            raise InputError("--shard needs --resume true, since its images join those of other shards in --output_dir")

    def _check_baseline(self) -> None:
        """Refuse to replace what the baseline reads."""
        baseline = self.run.module.baseline
        # Scores may have label maps beside them.
        roots = [getattr(reader, "root", None) for reader in (baseline, getattr(baseline, "label_maps", None))]
        own = {folder.name for folder in self._folders}
        finals = [self.run.output_dir / name for name in PICTURES]
        replaced = [final.resolve() for final in finals if final.name in own or (final / MARK).is_file()]
        for root in roots:
            if isinstance(root, Path) and any(root.resolve().is_relative_to(final) for final in replaced):
                raise InputError(f"{root}, which the baseline reads, would be replaced; give another --output_dir")

    def _take_folder(self) -> tuple[int, Collection[str]]:
        """Return the number of this attempt and the ids of finished images, the same on every process."""
        error, attempt, kept = None, 0, set[str]()
        # The first process alone reads and decides: the others would find half of what it changes.
        if self.run.is_first:
            try:
                attempt, kept = self._begin_journal()
            except (InputError, OSError) as problem:
                # Told to all: raised here alone, a full disk would have the others wait for ever.
                error = str(problem)
        error, attempt, kept = self.run.processes.broadcast((error, attempt, kept))
        if error is not None:
            raise InputError(error)
        return attempt, kept

    def _begin_journal(self) -> tuple[int, set[str]]:
        run, whole = self.run, FolderLock(self.run.output_dir)
        if run.shard is not None:
            # A shard has the folder to itself for a moment only.
            self._lock = FolderLock(run.output_dir, shard=run.shard)
            self._lock.acquire()
            whole.acquire(_MOMENT)
        else:
            self._lock = whole
            whole.acquire()
            whole.check_no_shards()
        try:
            self._journal.check_free(self.resume, self.overwrite)
            return self._journal.begin() if run.is_whole else (0, set())
        finally:
            if run.shard is not None:
                whole.release()

    def _commit(self) -> None:
        if self._lock is not None:
            self._lock.check()
        self._journal.commit()

    def _settle(self) -> bool:
        """Take down what can be, and tell whether what was written is of use to a run that goes on."""
        run = self.run
        if not run.is_whole:
            return False
        self._journal.wait()
        # An error: the disk is full, say, which is most likely what ended the run already.
        with suppress(InputError):
            self._commit()
        self._journal.close()
        if not run.is_first:
            return True
        if done := self._journal.done():
            print(
                f"lit-samseg: {done} of {len(run.data.ids)} images are done and kept; go on by the same command with "
                f"--output_dir {shlex.quote(str(run.output_dir))} --resume true",
                file=sys.stderr,
            )
        elif run.processes.count == 1:
            self._journal.remove()
            return False
        return True

    def _give_back(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _tell(self) -> None:
        for writer in self.writers:
            writer.tell()
