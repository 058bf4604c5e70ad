"""A folder of pictures that fills while a run goes on and appears when it is done."""

import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.writing.replacing import MARK


class PictureFolder:
    """Pictures of all images of a run, in the output folder.

    While the run goes on they are in ``<name>.partial``, which takes the final name at the end: a run that dies leaves
    the files of an earlier one alone.

    Args:
        output_dir: The run's folder.
        name: The folder's name there.
        files: Returns an image's files, relative to the folder, by its id.

    Attributes:
        final: Where the files are at the end.
        partial: Where they are until then.
        is_published: Whether this run's files have their final name, on the first process.
    """

    def __init__(self, output_dir: Path, name: str, files: Callable[[str], Sequence[str]]) -> None:
        self.name, self.files = name, files
        self.final, self.partial = output_dir / name, output_dir / f"{name}.partial"
        self.is_published = False

    def check_replaceable(self) -> None:
        """Refuse to replace what is not ours.

        Raises:
            InputError: The final folder holds files that no run wrote.
        """
        if self.final.is_dir() and any(self.final.iterdir()) and not (self.final / MARK).exists():
            raise InputError(
                f"{self.final} was not written by lit-samseg and would be replaced; give another --output_dir"
            )

    def unpublished(self) -> Path:
        """Return where an interrupted run's files are: it may have been killed after it gave them their final name."""
        return self.final if not self.partial.is_dir() and (self.final / MARK).is_file() else self.partial

    def take_back(self) -> None:
        """Have files that an interrupted run published be in the unpublished folder again."""
        if self.unpublished() != self.partial:
            self.unpublished().rename(self.partial)

    def clear(self, kept: Collection[str]) -> None:
        """Remove what a dead run left, drafts too, but for the files of images that are kept."""
        stay = {self.partial / file for image_id in kept for file in self.files(image_id)}
        if not stay:
            self.discard()
        for path in [path for path in self.partial.rglob("*") if path.is_file() and path not in stay]:
            path.unlink()

    def publish(self) -> None:
        """Give the files their final name, where any were written."""
        if not self.partial.is_dir():
            return
        (self.partial / MARK).touch()
        shutil.rmtree(self.final, ignore_errors=True)
        self.partial.rename(self.final)
        self.is_published = True

    def discard(self) -> None:
        """Remove what was written."""
        shutil.rmtree(self.partial, ignore_errors=True)
