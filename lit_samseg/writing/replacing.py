"""What a folder holds already, and whether a run may replace it."""

import shutil
from collections.abc import Collection
from pathlib import Path

from lit_samseg.errors import InputError

MARK = ".lit_samseg"
"""An empty file in folders that a later run may replace."""

PICTURES = ("refined", "predictions", "overlays", "gallery", "scores")
"""Folders of pictures, or scores, that runs write."""

TRAINED = ("curve.csv", "adapter.safetensors", "gate.json", "memory.safetensors")
"""What trainings leave behind, finished or not."""


def finished_command(folder: Path) -> str | None:
    """Return the command whose finished run a folder holds, ``test``, ``predict`` or ``fit``; None for none."""
    if (folder / "results.json").is_file():
        return "test"
    if any((folder / name / MARK).is_file() for name in PICTURES):
        return "predict"
    return "fit" if any((folder / name).exists() for name in TRAINED) else None


def check_replaceable(folder: Path, command: str, overwrite: bool) -> None:
    """Refuse to replace a run unless that was asked for, and another command's run in any case.

    Args:
        folder: The output folder.
        command: ``test``, ``predict`` or ``fit``.
        overwrite: Whether the run may be replaced.

    Raises:
        InputError: The folder holds a run that must stay.
    """
    held = finished_command(folder)
    if held is not None and held != command:
        raise InputError(f"{folder} holds what lit-samseg {held} wrote; give another --output_dir")
    if held is not None and not overwrite:
        go_on = ", go on with the training by --ckpt_path" if held == "fit" else ""
        raise InputError(
            f"{folder} holds a run of lit-samseg {held} already; give another --output_dir{go_on}, or replace it by "
            "--overwrite true"
        )


def remove_others(folder: Path, written: Collection[str]) -> None:
    """Remove folders of pictures that an earlier run left and that this one did not write."""
    for name in PICTURES:
        if name not in written and (folder / name / MARK).is_file():
            shutil.rmtree(folder / name)
