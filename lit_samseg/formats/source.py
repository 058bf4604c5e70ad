"""Where masks lie, of which pictures they are, and what was said of them: all that a format is recognised by."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import MaskOptions
from lit_samseg.formats.listing import is_litter


# Equal to itself only: what was found out of one source is kept by it.
@dataclass(frozen=True, eq=False)
class MaskSource:
    """What somebody calls their masks, before anybody knows the format.

    Attributes:
        path: A folder, or a single file.
        keys: The pictures' names, sorted: paths without suffix, with ``/``, relative to the folder of pictures.
        options: What was said of the masks.
    """

    path: Path
    keys: tuple[str, ...]
    options: MaskOptions

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """All files of the folder and of folders in it, sorted; or the single file.

        Raises:
            InputError: There is nothing of that name.
        """
        if self.path.is_file():
            return (self.path,)
        if not self.path.is_dir():
            raise InputError(f"masks: no such file or folder: {self.path}; give what holds the masks")
        return tuple(walk(self.path))

    def ending_in(self, *suffixes: str) -> list[Path]:
        """Return the files whose names end in one of some suffixes, in upper or lower case.

        Raises:
            InputError: One has a name that no line of text could hold.
        """
        chosen = [path for path in self.files if path.suffix.lower() in suffixes]
        odd = next((path for path in chosen if not self.relative(path).as_posix().isprintable()), None)
        if odd is not None:
            raise InputError(f"mask {odd.name!a} in {self.path} has a character that cannot be printed; rename it")
        return chosen

    def relative(self, path: Path) -> Path:
        """Return a file's path from the folder of masks; its name, where it is the single file or lies elsewhere."""
        return path.relative_to(self.path) if path != self.path and path.is_relative_to(self.path) else Path(path.name)


def walk(folder: Path) -> Iterator[Path]:
    """Yield all files of a folder and of those in it, sorted; links are followed, each folder is looked at once.

    What systems and programs leave behind, and everything whose name begins with a dot, is left out.
    """
    seen: set[str] = set()
    for here, below, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        below[:] = sorted(name for name in below if not is_litter(name))
        yield from (Path(here, name) for name in sorted(names) if not is_litter(name))
