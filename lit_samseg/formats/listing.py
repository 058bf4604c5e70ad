"""What lies in a folder of pictures: what is taken, what is passed over, and what is in sub-folders."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PICTURE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm",
)  # fmt: skip

FOREIGN_SUFFIXES = (
    ".gif", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".apng", ".tga", ".psd", ".exr", ".hdr", ".svg", ".dng",
    ".raw", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".dcm", ".npy",
)  # fmt: skip
"""Of pictures too, but not of those that are read: who has such files in a folder may miss them."""

_LITTER = ("thumbs.db", "desktop.ini")
"""What systems leave in folders, beside names with a dot in front."""

_MOST_LOOKED_AT = 1000
"""Entries of sub-folders that are looked at to find pictures there."""


@dataclass(frozen=True)
class Listing:
    """The files that lie directly in a folder.

    Attributes:
        found: Those whose names end as asked, in upper or lower case, by what stands before the ending.
        passed_over: Names of the others.
        subfolders: Sub-folders that hold such files, relative to the folder; one of each branch.
    """

    found: dict[str, list[Path]]
    passed_over: list[str]
    subfolders: list[str]

    @property
    def kinds(self) -> dict[str, int]:
        """How many files were passed over, by their suffix in lower case; most first."""
        return dict(Counter(Path(name).suffix.lower() for name in self.passed_over).most_common())

    @property
    def foreign(self) -> list[str]:
        """Names of passed-over files that are pictures by their suffix."""
        return [name for name in self.passed_over if Path(name).suffix.lower() in FOREIGN_SUFFIXES + PICTURE_SUFFIXES]


def list_folder(folder: Path, suffix: str | None, suffixes: Sequence[str]) -> Listing:
    """List a folder.

    Args:
        folder: It must be there.
        suffix: How the names end that are wanted. One in the very case wins over one in another.
        suffixes: Where that is None: all endings that are wanted.

    Raises:
        OSError: The folder cannot be read.
    """
    wanted = suffixes if suffix is None else (suffix,)
    found: dict[str, list[Path]] = {}
    passed_over, subfolders = [], []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if is_litter(entry.name):
                continue
            # Not the entry's own methods, which raise at a link to itself.
            path = Path(entry.path)
            if path.is_dir():
                subfolders.append(entry.name)
            elif path.is_file():
                stem = _stem(entry.name, wanted)
                if stem is None:
                    passed_over.append(entry.name)
                else:
                    found.setdefault(stem, []).append(folder / entry.name)
    if suffix is not None:
        for stem, paths in found.items():
            found[stem] = [path for path in paths if path.name.endswith(suffix)] or paths
    return Listing(found, passed_over, _with_pictures(folder, subfolders, wanted))


def is_litter(name: str) -> bool:
    """Tell whether a file or folder is what systems and programs leave behind: names with a dot in front, and a few."""
    return name.startswith(".") or name.lower() in _LITTER


def in_words(names: Sequence[str], most: int = 3) -> str:
    """Name the first few of some files, as Python's ASCII form where they would upset a terminal."""
    shown = [name if name.isprintable() else ascii(name) for name in names[:most]]
    return ", ".join(shown) + (", ..." if len(names) > most else "")


def counted(number: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _stem(name: str, wanted: Sequence[str]) -> str | None:
    for suffix in wanted:
        if len(name) > len(suffix) and name[-len(suffix) :].lower() == suffix.lower():
            return name[: -len(suffix)]
    return None


def _with_pictures(folder: Path, subfolders: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Return the first folder of each branch that holds files as wanted; not all of a large tree is looked at."""
    looked_at, holding = 0, []
    for name in subfolders:
        for here, below, files in os.walk(folder / name):
            below.sort()
            looked_at += 1 + len(files)
            if any(_stem(file, wanted) is not None for file in files if not file.startswith(".")):
                holding.append(Path(here).relative_to(folder).as_posix())
                break
            if looked_at > _MOST_LOOKED_AT:
                return holding
    return holding
