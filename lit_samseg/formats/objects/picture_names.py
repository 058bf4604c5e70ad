"""Which picture an annotation means that names a file: by its whole path, or by as much of it as both have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.formats.listing import FOREIGN_SUFFIXES, PICTURE_SUFFIXES, counted, in_words
from lit_samseg.formats.pairing import pair
from lit_samseg.formats.source import MaskSource


@dataclass(frozen=True)
class Named:
    """The pictures that names mean.

    Attributes:
        keys: The picture's key of each name.
        strangers: Names that mean no picture.
    """

    keys: dict[str, str]
    strangers: tuple[str, ...]

    def said(self) -> list[str]:
        """Say what is left out."""
        if not self.strangers:
            return []
        return [f"left out masks of {counted(len(self.strangers), 'picture')} not there ({in_words(self.strangers)})"]


def key_of(name: str) -> str:
    """Return a file's name as a picture's: with ``/``, and without a picture's suffix."""
    name = name.replace("\\", "/").removeprefix("./")
    dot = name.rfind(".")
    is_suffix = dot > name.rfind("/") + 1 and name[dot:].lower() in PICTURE_SUFFIXES + FOREIGN_SUFFIXES
    return name[:dot] if is_suffix else name


def matched(names: Sequence[str], source: MaskSource) -> Named:
    """Return the pictures that names mean.

    A name means a picture if one of both paths is the end of the other: ``images/7.jpg``, ``7.jpg`` and
    ``/home/me/7.jpg`` all mean the picture ``7``, and ``a/7`` where there is no other. The closest one counts.

    Args:
        names: Without suffix, as `key_of` returns them.
        source: Whose names they are, and the pictures' keys.

    Raises:
        InputError: A name means two pictures, two names mean one, none means any, or both are left over.
    """
    where = f"masks {source.path}"
    by_stem: dict[str, list[list[str]]] = {}
    for picture in source.keys:
        parts = picture.split("/")
        by_stem.setdefault(parts[-1], []).append(parts)
    found: dict[str, str] = {}
    taken: dict[str, str] = {}
    for name in names:
        key = _closest(name, by_stem, where)
        if key in taken:
            raise InputError(f"{where}: {taken[key]!r} and {name!r} both mean the picture {key}; remove one")
        if key is not None:
            found[name], taken[key] = key, name
    strangers = tuple(name for name in names if name not in found)
    lacking = [key for key in source.keys if key not in taken]
    if strangers and lacking:
        raise InputError(
            f"{where}: pictures without masks ({in_words(lacking)}) and masks without pictures ({in_words(strangers)});"
            " rename or remove some"
        )
    return Named(found, strangers)


def said_by_file(source: MaskSource) -> None:
    """Refuse options that pair files, where one file names all its pictures.

    Raises:
        InputError: One is given.
    """
    if source.options.pairs is not None or source.options.suffix is not None:
        raise InputError(f"masks {source.path} name their pictures; leave --masks.pairs and --masks.suffix out")


def files_by_key(places: Mapping[str, Path], source: MaskSource) -> tuple[dict[str, Path], list[str]]:
    """Return the files of pictures, and what is to be said of it.

    Args:
        places: Files by their places without suffix, as pictures are named.
        source: Where they lie, the pictures' keys, and how names end where the user says it.

    Raises:
        InputError: See `matched` and `pair`.
    """
    if source.options.pairs is not None or source.options.suffix is not None:
        pairs = pair(source, list(places.values()))
        return pairs.masks, pairs.said()
    named = matched(list(places), source)
    return {key: places[name] for name, key in named.keys.items()}, named.said()


def _closest(name: str, by_stem: dict[str, list[list[str]]], where: str) -> str | None:
    parts = [part for part in name.split("/") if part]
    fitting = []
    for other in by_stem.get(parts[-1] if parts else "", []):
        common = min(len(parts), len(other))
        if parts[-common:] == other[-common:]:
            fitting.append((abs(len(parts) - len(other)), "/".join(other)))
    fitting.sort()
    if not fitting:
        return None
    if len(fitting) > 1 and fitting[0][0] == fitting[1][0]:
        raise InputError(
            f"{where}: {name!r} may mean the pictures {fitting[0][1]} and {fitting[1][1]}; give names with folders"
        )
    return fitting[0][1]
