"""What classes are called, which of them is background, and which names are no class at all."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.formats.class_list import read_class_list

_BACKGROUND = ("background", "_background_", "__background__", "bg", "unlabeled", "unlabelled")
_VOID = ("void", "ignore", "ignored", "__ignore__", "_ignore_")


def said_names(classes: int | list[str] | str | None) -> tuple[str, ...] | None:
    """Return the names that a user gives by ``--masks.classes``, made up where only their number is given; or None.

    Raises:
        InputError: There is none, or a name is there twice.
    """
    if classes is None:
        return None
    if isinstance(classes, int):
        if classes < 1:
            raise InputError(f"--masks.classes is {classes}; how many classes do the masks have?")
        return tuple(f"class {number}" for number in range(classes))
    where = f"--masks.classes: {classes}" if isinstance(classes, str) else "--masks.classes"
    if isinstance(classes, str):
        names = read_class_list(Path(classes).expanduser(), 0, "--masks.classes").names
    else:
        names = tuple(classes)
    twice = [name for name, times in Counter(names).items() if times > 1]
    if not names or twice:
        what = f"has {twice[0]!r} more than once" if twice else "is empty"
        raise InputError(f"{where} {what}; give at least one name and none twice")
    return names


def background_of(names: Sequence[str], said: str | None, otherwise: int | None = None) -> int | None:
    """Return the class that is background.

    Args:
        names: By class id.
        said: ``--masks.background``: an id, a name, None for none, or ``auto``.
        otherwise: The class where that is ``auto`` and no name says so.

    Raises:
        InputError: There is no such class.
    """
    if said is None:
        return None
    if said == "auto":
        named = [number for number, name in enumerate(names) if name.strip().lower() in _BACKGROUND]
        return named[0] if named else otherwise
    if said in names:
        return names.index(said)
    if said.isdecimal() and int(said) < len(names):
        return int(said)
    raise InputError(f"--masks.background is {said!r}; give a class's name, or its id of 0..{len(names) - 1}")


def is_void(name: str) -> bool:
    """Tell whether a name is that of pixels of no class."""
    return name.strip().lower() in _VOID


def said_void(void: str) -> int | None:
    """Return the number that a user gives by ``--masks.void``; None for ``none`` and ``auto``.

    Raises:
        InputError: It is no number.
    """
    if void in ("none", "auto"):
        return None
    if not void.isdecimal():
        raise InputError(f"--masks.void is {void!r}; give the masks' own number for pixels of no class, or none")
    return int(void)
