"""What writes pictures of every image, beside the computation."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from typing import Any, ClassVar

from lit_samseg.runtime.beside import Beside
from lit_samseg.writing.picture_folder import PictureFolder
from lit_samseg.writing.run_plan import RunPlan
from lit_samseg.writing.writer import Writer


class FolderWriter(Writer, ABC):
    """Writes pictures under a folder of its own; threads encode and write them while the next images are computed.

    Args:
        run: The run.
    """

    folder: ClassVar[str]

    def __init__(self, run: RunPlan) -> None:
        super().__init__(run)
        self.pictures: PictureFolder = PictureFolder(run.output_dir, self.folder, self.files)
        self._pool = self.pool()

    def pool(self) -> Beside:
        """Return what writes."""
        return Beside()

    @abstractmethod
    def files(self, image_id: str) -> Sequence[str]:
        """Return the files of an image, relative to the folder."""

    def begin(self, kept: Collection[str]) -> None:
        """Clear what a dead run left; other shards may be writing there."""
        if self.run.is_first and self.run.shard is None:
            self.pictures.clear(kept)

    def finish(self) -> None:
        """Wait until everything is written, or raise the first error."""
        self._pool.finish()

    def publish(self) -> None:
        """Give the files their final name."""
        self._pool.cancel()
        if self.run.is_first:
            self.pictures.publish()

    def abort(self, keep: bool) -> None:
        """End the threads; remove what they wrote if nobody will go on with it."""
        self._pool.cancel()
        if not keep:
            self.pictures.discard()

    def _submit(self, write: Callable[..., None], *args: Any) -> Future[None]:
        """Have a thread call ``write(*args)``."""
        return self._pool.submit(write, *args)
