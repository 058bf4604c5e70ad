"""What YOLO's class numbers mean: the names in data.yaml or classes.txt, wherever these lie."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from lit_samseg.errors import InputError

LISTS = ("classes.txt", "obj.names")
"""Files of names, one a line, the first of class 0."""

_TABLES = ("data.yaml", "data.yml", "dataset.yaml")


def names_file(folder: Path) -> Path | None:
    """Return the file of names for a folder of masks: in it or, where it lies in ``labels``, beside that."""
    for place in _places(folder):
        for name in (*_TABLES, *LISTS):
            if (place / name).is_file():
                return place / name
    return None


def read_names(path: Path) -> dict[int, str]:
    """Read names by class number.

    Raises:
        InputError: It cannot be read, or has no names.
    """
    where = f"class names {path}"
    try:
        text = path.read_bytes().decode("utf-8-sig")
        content: Any = text.splitlines() if path.name in LISTS else _names_of(yaml.safe_load(text))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = str(error).splitlines()[0] if isinstance(error, ValueError) else "broken"
        raise InputError(f"{where} cannot be read ({reason[:80]}); correct it") from error
    if isinstance(content, list):
        content = dict(enumerate(content))
    # YAML takes a bare yes or 3 for another thing than a name.
    odd = next((key for key in content if isinstance(key, bool) or not isinstance(key, int) or key < 0), None)
    if not content or odd is not None:
        what = "no 'names'" if odd is None else f"{odd!r} for a class number"
        raise InputError(f"{where} has {what}; list the names, or give each its number")
    return {number: str(name).strip() for number, name in content.items()}


def _names_of(content: Any) -> Any:
    found = content.get("names") if isinstance(content, dict) else None
    return found if isinstance(found, list | dict) else {}


def _places(folder: Path) -> Iterator[Path]:
    whole = folder.absolute()
    yield whole
    if "labels" in whole.parts:
        for parent in whole.parents:
            yield parent
            if "labels" not in parent.parts:
                return
