"""Whether an image that a journal calls finished still is: its pictures whole, its files those it was made of."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning import Trainer

from lit_samseg.callbacks.folder_writer import FolderWriter
from lit_samseg.errors import InputError
from lit_samseg.journal import Record
from lit_samseg.module import SamSegEvaluation


def digest_files(
    image_id: str, writers: Sequence[FolderWriter], trainer: Trainer, module: SamSegEvaluation
) -> dict[str, Any]:
    """Return the digests of the files an image was made of (``inputs``), and of its pictures by path (``pictures``)."""
    return {
        "inputs": _digest(_inputs(image_id, trainer, module)),
        "pictures": {
            f"{writer.folder}/{file}": _digest([writer.partial / file])
            for writer in writers
            for file in writer.files(image_id, trainer, module)
        },
    }


def find_finished(
    records: Mapping[str, Record], writers: Sequence[FolderWriter], trainer: Trainer, module: SamSegEvaluation
) -> dict[str, Record]:
    """Return the records of images that need not be done again: every picture that this run wants is there, and whole.

    Raises:
        InputError: An image's own files are no longer what they were.
    """
    finished = {}
    for image_id, record in records.items():
        inputs = _inputs(image_id, trainer, module)
        if not _is_whole(inputs, record.facts["inputs"]):
            paths = ", ".join(map(str, inputs))
            raise InputError(
                f"image {image_id} has changed since the interrupted run ({paths}); put the files back, give another "
                "--output_dir, or begin again by --overwrite true in place of --resume"
            )
        pictures = record.facts["pictures"]
        if all(
            _is_whole([writer.unpublished() / file], pictures.get(f"{writer.folder}/{file}"))
            for writer in writers
            for file in writer.files(image_id, trainer, module)
        ):
            finished[image_id] = record
    return finished


def take_back(writers: Sequence[FolderWriter]) -> None:
    """Have pictures that were already published when the run was killed be in the unpublished folder again."""
    for writer in writers:
        if writer.unpublished() != writer.partial:
            writer.unpublished().rename(writer.partial)


def _inputs(image_id: str, trainer: Trainer, module: SamSegEvaluation) -> list[Path]:
    data = trainer.datamodule  # type: ignore[attr-defined]
    return [*data.source.files(image_id, not trainer.predicting), *module.baseline.files(image_id)]


def _is_whole(paths: Sequence[Path], digest: str | None) -> bool:
    return digest is not None and digest == _digest(paths)


def _digest(paths: Sequence[Path]) -> str | None:
    """Return the SHA-256 over files' contents; None if one cannot be read."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError:
            return None
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()
