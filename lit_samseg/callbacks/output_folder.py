"""The folder of a run, the same for all its processes and known to be writable before hours of work."""

import tempfile
from pathlib import Path

from lightning import Trainer

from lit_samseg.errors import InputError


def prepare_output_folder(trainer: Trainer, folder: Path) -> Path:
    """Make the folder and try to write to it.

    Args:
        trainer: Of this process.
        folder: As this process was told; the first process decides, since a default name holds the time.

    Returns:
        The first process's folder.

    Raises:
        InputError: It cannot be made or written.
    """
    agreed: Path = trainer.strategy.broadcast(folder)
    try:
        agreed.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=agreed):
            pass
    except OSError as error:
        raise InputError(
            f"output_dir {agreed} cannot be written ({error.strerror}); give another --output_dir"
        ) from error
    return agreed
