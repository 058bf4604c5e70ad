"""A folder of pictures that fills while a run goes on and appears when it is done."""

import shutil
from abc import abstractmethod
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, ClassVar

from lightning import Callback, LightningModule, Trainer

from lit_samseg.callbacks.output_folder import prepare_output_folder
from lit_samseg.callbacks.replacing import MARK
from lit_samseg.callbacks.writer_pool import WriterPool
from lit_samseg.errors import InputError


class FolderWriter(Callback):
    """Writes files under a folder of its own in the output folder.

    While the run goes on they are in ``<folder>.partial``, which takes the final name at the end: a run that dies
    leaves the files of an earlier one alone. Threads encode and write them while the next images are computed.

    Args:
        output_dir: The run's folder.

    Attributes:
        finished: Ids of images whose files an interrupted run left; these are kept.
        keep: Keep the files when this run is interrupted.
        wrote: Whether this run's files have their final name, on the first process.
    """

    folder: ClassVar[str]

    def __init__(self, output_dir: Path) -> None:
        self.output_dir = output_dir
        self.finished: Collection[str] = ()
        self.keep = False
        self.wrote = False
        self._begun = False
        self._pool: WriterPool | None = None

    @abstractmethod
    def files(self, image_id: str, trainer: Trainer, module: LightningModule) -> list[str]:
        """Return the files of an image, relative to the folder; none where this run writes none."""

    @property
    def partial(self) -> Path:
        """Where the files are while the run goes on."""
        return self.output_dir / f"{self.folder}.partial"

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Agree on the folder."""
        self.output_dir = prepare_output_folder(trainer, self.output_dir)
        self._check_replaceable(pl_module)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Clear what a dead run left."""
        self._clear(trainer, pl_module)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Clear what a dead run left."""
        self._clear(trainer, pl_module)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """End the threads."""
        self._end_threads()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Let the threads end what waits; remove what they wrote if nobody will go on with it."""
        if self.keep and self._pool is not None:
            self._pool.wait()
        elif not self.keep:
            self._end_threads()
            # Before, the files there are another run's.
            if self._begun:
                self.discard()

    def unpublished(self) -> Path:
        """Return where an interrupted run's files are: it may have been killed after it gave them their final name."""
        final = self.output_dir / self.folder
        return final if not self.partial.is_dir() and (final / MARK).is_file() else self.partial

    def mark(self) -> int:
        """Return a number for what was submitted up to now, see `is_written`."""
        return 0 if self._pool is None else self._pool.submitted

    def is_written(self, mark: int) -> bool:
        """Tell whether everything that was submitted before a mark is written."""
        return self._pool is None or self._pool.written() >= mark

    def finish(self) -> None:
        """Wait until everything is written, or raise the first error."""
        if self._pool is not None:
            self._pool.finish()

    def discard(self) -> None:
        """Remove what was written."""
        shutil.rmtree(self.partial, ignore_errors=True)

    def _clear(self, trainer: Trainer, module: LightningModule) -> None:
        self._begun = True
        if trainer.is_global_zero:
            kept = {self.partial / file for image_id in self.finished for file in self.files(image_id, trainer, module)}
            if not kept:
                self.discard()
            # Drafts of a process that was killed, and images that it had not finished.
            for path in [path for path in self.partial.rglob("*") if path.is_file() and path not in kept]:
                path.unlink()
        trainer.strategy.barrier()

    def _check_replaceable(self, module: LightningModule) -> None:
        """Refuse to replace what is not ours, or what the baseline reads."""
        final = self.output_dir / self.folder
        if final.is_dir() and any(final.iterdir()) and not (final / MARK).exists():
            raise InputError(f"{final} was not written by lit-samseg and would be replaced; give another --output_dir")
        root = getattr(getattr(module, "baseline", None), "root", None)
        if isinstance(root, Path) and root.resolve().is_relative_to(final.resolve()):
            raise InputError(f"the baseline's label maps {root} would be replaced; give another --output_dir")

    def _submit(self, write: Callable[..., None], *args: Any) -> None:
        """Have a thread call ``write(*args)``."""
        if self._pool is None:
            self._pool = WriterPool()
        self._pool.submit(write, *args)

    def _publish(self, trainer: Trainer) -> Path | None:
        """Give the files their final name; return it on the first process, where any were written."""
        self.finish()
        trainer.strategy.barrier()
        if not trainer.is_global_zero or not self.partial.is_dir():
            return None
        (self.partial / MARK).touch()
        final = self.output_dir / self.folder
        shutil.rmtree(final, ignore_errors=True)
        self.partial.rename(final)
        self.wrote = True
        return final

    def _end_threads(self) -> None:
        if self._pool is not None:
            self._pool.cancel()
            self._pool = None
