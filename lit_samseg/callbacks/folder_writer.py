"""A folder of pictures that fills while a run goes on and appears when it is done."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from lightning import Callback, LightningModule, Trainer

from lit_samseg.callbacks.output_folder import prepare_output_folder
from lit_samseg.callbacks.writer_pool import WriterPool
from lit_samseg.errors import InputError

MARK = ".lit_samseg"
"""An empty file in folders that a later run may replace."""


class FolderWriter(Callback):
    """Writes files under a folder of its own in the output folder.

    While the run goes on they are in ``<folder>.partial``, which takes the final name at the end: a run that dies
    leaves the files of an earlier one alone. Threads encode and write them while the next images are computed.

    Args:
        output_dir: The run's folder.
    """

    folder: ClassVar[str]

    def __init__(self, output_dir: Path) -> None:
        self.output_dir = output_dir
        self._pool: WriterPool | None = None

    @property
    def partial(self) -> Path:
        """Where the files are while the run goes on."""
        return self.output_dir / f"{self.folder}.partial"

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Agree on the folder; clear what a dead run left."""
        self.output_dir = prepare_output_folder(trainer, self.output_dir)
        self._check_replaceable(pl_module)
        if trainer.is_global_zero:
            shutil.rmtree(self.partial, ignore_errors=True)
        trainer.strategy.barrier()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """End the threads."""
        self._end_threads()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End the threads and remove what they wrote, of which nothing will be published."""
        self._end_threads()
        shutil.rmtree(self.partial, ignore_errors=True)

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
        if self._pool is not None:
            self._pool.finish()
        trainer.strategy.barrier()
        if not trainer.is_global_zero or not self.partial.is_dir():
            return None
        (self.partial / MARK).touch()
        final = self.output_dir / self.folder
        shutil.rmtree(final, ignore_errors=True)
        self.partial.rename(final)
        return final

    def _end_threads(self) -> None:
        if self._pool is not None:
            self._pool.cancel()
            self._pool = None
