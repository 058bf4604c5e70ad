"""The folder of a run is known to be writable before hours of work, not after."""

import tempfile
from pathlib import Path

from lit_samseg.errors import InputError


def prepare_output_folder(folder: Path) -> None:
    """Make the folder and try to write to it.

    Raises:
        InputError: It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"output_dir {folder} cannot be written ({error.strerror}); give another --output_dir"
        ) from error
