"""Published archives: one folder or file of a zip is unpacked, and has its name when it is whole."""

import tempfile
import zipfile
import zlib
from pathlib import Path

from filelock import FileLock

from lit_samseg.errors import InputError


def unpack_part(archive: Path, part: str, target: Path) -> None:
    """Unpack a folder or a file of a zip, unless it is there; of several processes one does.

    Args:
        archive: The zip.
        part: The folder's or the file's name in it.
        target: What it becomes.

    Raises:
        InputError: The archive is broken, or holds no such part; or the disk is full.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{archive}.lock"):
            if not target.exists():
                _unpack(archive, part, target)
    except OSError as error:
        raise InputError(f"{archive} could not be unpacked to {target} ({error.strerror or error})") from error


def _unpack(archive: Path, part: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpacking") as draft:
        try:
            with zipfile.ZipFile(archive) as content:
                members = [name for name in content.namelist() if name == part or name.startswith(f"{part}/")]
                content.extractall(draft, members)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise InputError(f"{archive} is broken ({error}); delete it and run again") from error
        if not members:
            raise InputError(f"{archive} is not the published archive: it has no {part}; delete it and run again")
        Path(draft, part).rename(target)
