"""The pictures that masks belong to: all of a folder and of folders in it, one file, or a list of files."""

import os
from collections.abc import Sequence
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.formats.listing import FOREIGN_SUFFIXES, PICTURE_SUFFIXES, in_words
from lit_samseg.formats.source import walk


def list_pictures(
    pictures: Path | Sequence[Path], suffix: str | None = None, option: str = "images"
) -> dict[str, Path]:
    """Return the files of pictures by their names: paths without suffix, with ``/``.

    Args:
        pictures: A folder, a file, or a list of files. Names are relative to the folder, or to what a list's files have
            in common.
        suffix: How the files' names end, as ``_leftImg8bit.png``, which names are without; None takes every picture.
        option: The option that names them, for messages.

    Raises:
        InputError: There is none, two have one name, or one has a name that no line of text could hold.
    """
    if isinstance(pictures, Path) and pictures.is_dir():
        folder, files = pictures, list(walk(pictures))
        chosen = [path for path in files if _name(path.name, suffix)]
        if not chosen:
            foreign = [path.name for path in files if path.suffix.lower() in FOREIGN_SUFFIXES + PICTURE_SUFFIXES]
            there = in_words(foreign or [path.name for path in files]) or "it is empty"
            kinds = suffix or f"{', '.join(PICTURE_SUFFIXES[:6])}, ..."
            raise InputError(f"{option}: no picture ({kinds}) in {pictures}: {there}; give a folder of pictures")
    else:
        chosen = [pictures] if isinstance(pictures, Path) else list(pictures)
        missing = next((path for path in chosen if not path.is_file()), None)
        if missing is not None or not chosen:
            raise InputError(f"{option}: no such file or folder: {missing}; give a folder of pictures, or pictures")
        folder = Path(os.path.commonpath([path.absolute().parent for path in chosen]))
    found: dict[str, Path] = {}
    for path in chosen:
        inside = path if path.is_relative_to(folder) else path.absolute()
        key = inside.relative_to(folder).with_name(_name(path.name, suffix) or path.stem).as_posix()
        if not key.isprintable():
            raise InputError(f"{option}: {key!a} has a character that cannot be printed; rename it")
        if key in found:
            raise InputError(
                f"{option}: {found[key]} and {path.name} have one name, {key}; rename one, or say a suffix"
            )
        found[key] = path
    return dict(sorted(found.items()))


def _name(file: str, suffix: str | None) -> str:
    """Return what stands before a wanted ending, in upper or lower case; nothing where there is none."""
    for ending in PICTURE_SUFFIXES if suffix is None else (suffix,):
        if len(file) > len(ending) and file.lower().endswith(ending.lower()):
            return file[: -len(ending)]
    return ""
