"""YAML files that the package has, found by their names."""

import difflib
from dataclasses import dataclass
from pathlib import Path

_SUFFIX = ".yaml"


@dataclass(frozen=True)
class ShippedFiles:
    """The YAML files of one folder.

    Attributes:
        folder: Where they are.
    """

    folder: Path

    def names(self) -> tuple[str, ...]:
        """Return the files' names without their suffix, sorted."""
        return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in self.folder.glob(f"*{_SUFFIX}")))

    def path(self, name: str) -> Path | None:
        """Return the file of a name, with or without its suffix; None where there is none."""
        bare = name.removesuffix(_SUFFIX)
        return self.folder / f"{bare}{_SUFFIX}" if bare in self.names() else None

    def hint(self, given: str, otherwise: str) -> str:
        """Return which name may have been meant.

        Args:
            given: A word that is none of the names. Of a path, the file's name is looked at.
            otherwise: What to say where no name is like it.
        """
        bare = Path(given).name.removesuffix(_SUFFIX)
        # All that begin alike are like it, however much longer they are.
        meant = difflib.get_close_matches(bare, self.names(), 1) or [
            name for name in self.names() if len(bare) > 1 and name.startswith(bare)
        ]
        return f"did you mean {meant[0]}?" if meant else otherwise
