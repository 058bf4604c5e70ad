"""Whether an image that a journal calls finished still is: its pictures whole, its files those it was made of."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lit_samseg.errors import InputError
from lit_samseg.journal import Record
from lit_samseg.writing.picture_folder import PictureFolder
from lit_samseg.writing.run_plan import RunPlan


def digest_files(run: RunPlan, image_id: str, folders: Sequence[PictureFolder]) -> dict[str, Any]:
    """Return the digests of the files an image was made of (``inputs``), and of its pictures by path (``pictures``)."""
    return {
        "inputs": _digest(run.inputs(image_id)),
        "pictures": {
            f"{folder.name}/{file}": _digest([folder.partial / file])
            for folder in folders
            for file in folder.files(image_id)
        },
    }


def find_finished(run: RunPlan, records: Mapping[str, Record], folders: Sequence[PictureFolder]) -> dict[str, Record]:
    """Return the records of images that need not be done again: every picture that this run wants is there, and whole.

    Raises:
        InputError: An image's own files are no longer what they were.
    """
    finished = {}
    for image_id, record in records.items():
        inputs = run.inputs(image_id)
        if not _is_whole(inputs, record.facts["inputs"]):
            paths = ", ".join(map(str, inputs))
            raise InputError(
                f"image {image_id} has changed since the interrupted run ({paths}); put the files back, give another "
                "--output_dir, or begin again by --overwrite true in place of --resume"
            )
        pictures = record.facts["pictures"]
        if all(
            _is_whole([folder.unpublished() / file], pictures.get(f"{folder.name}/{file}"))
            for folder in folders
            for file in folder.files(image_id)
        ):
            finished[image_id] = record
    return finished


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
