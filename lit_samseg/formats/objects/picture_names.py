"""Which picture an annotation means that names a file: by its whole path, or by as much of it as both have."""

from collections.abc import Iterable, Sequence

from lit_samseg.errors import InputError
from lit_samseg.formats.listing import FOREIGN_SUFFIXES, PICTURE_SUFFIXES


def key_of(name: str) -> str:
    """Return a file's name as a picture's: with ``/``, and without a picture's suffix."""
    name = name.replace("\\", "/").removeprefix("./")
    dot = name.rfind(".")
    is_suffix = dot > name.rfind("/") + 1 and name[dot:].lower() in PICTURE_SUFFIXES + FOREIGN_SUFFIXES
    return name[:dot] if is_suffix else name


def matched(names: Sequence[str], pictures: Iterable[str], where: str) -> dict[str, str]:
    """Return the picture's key of each name, its own where there is no such picture.

    A name means a picture if one of both paths is the end of the other: ``images/7.jpg``, ``7.jpg`` and
    ``/home/me/7.jpg`` all mean the picture ``7``, and ``a/7`` where there is no other. The closest one counts.

    Args:
        names: Without suffix, as `key_of` returns them.
        pictures: The pictures' keys.
        where: Whose names they are, for messages.

    Raises:
        InputError: A name means two pictures, or two names one.
    """
    by_stem: dict[str, list[list[str]]] = {}
    for picture in pictures:
        parts = picture.split("/")
        by_stem.setdefault(parts[-1], []).append(parts)
    found: dict[str, str] = {}
    taken: dict[str, str] = {}
    for name in names:
        key = _closest(name, by_stem, where)
        if key in taken:
            raise InputError(f"{where}: {taken[key]!r} and {name!r} both mean the picture {key}; give them two names")
        found[name], taken[key] = key, name
    return found


def _closest(name: str, by_stem: dict[str, list[list[str]]], where: str) -> str:
    parts = [part for part in name.split("/") if part]
    fitting = []
    for other in by_stem.get(parts[-1] if parts else "", []):
        common = min(len(parts), len(other))
        if parts[-common:] == other[-common:]:
            fitting.append((abs(len(parts) - len(other)), "/".join(other)))
    fitting.sort()
    if not fitting:
        return "/".join(parts) or name
    if len(fitting) > 1 and fitting[0][0] == fitting[1][0]:
        raise InputError(
            f"{where}: {name!r} may mean the pictures {fitting[0][1]} and {fitting[1][1]}; give names with folders"
        )
    return fitting[0][1]
