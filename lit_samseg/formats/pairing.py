"""Which mask belongs to which picture: by their paths, by what all names end in, or by a CSV file."""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.formats.listing import counted, in_words
from lit_samseg.formats.source import MaskSource

_BOUNDARIES = "_-. "
"""What an ending of names begins with; else ``a_1`` would be the beginning of ``a_10``."""


@dataclass(frozen=True)
class Pairs:
    """Which masks belong to pictures.

    Attributes:
        masks: A mask's file by its picture's name.
        endings: What stands behind what both names have in common: the picture's, the mask's.
        strangers: Masks to which no picture belongs.
    """

    masks: dict[str, Path]
    endings: tuple[str, str] = ("", "")
    strangers: tuple[Path, ...] = ()

    def said(self) -> list[str]:
        """Say what was found out: endings, and masks that are left over."""
        lines = []
        if any(self.endings):
            of_pictures, of_masks = (ending or "nothing" for ending in self.endings)
            lines.append(f"names end in {of_pictures} (pictures) and {of_masks} (masks)")
        if self.strangers:
            names = in_words([path.name for path in self.strangers])
            lines.append(f"{counted(len(self.strangers), 'mask')} without a picture left out ({names})")
        return lines


def pair(source: MaskSource, files: Sequence[Path]) -> Pairs:
    """Find the masks of pictures.

    Args:
        source: Where they lie, and what was said of their names.
        files: Those that may be masks.

    Raises:
        InputError: There is no pair; a picture may have two masks; or both pictures and masks are left over.
    """
    if source.options.pairs is not None:
        return _by_table(source, Path(source.options.pairs).expanduser())
    stems = _stems(source, files)
    if len(source.keys) == len(files) == 1 and source.path.is_file():
        # Both were named.
        return Pairs({source.keys[0]: files[0]})
    found = _best(source, stems)
    if not found.masks:
        names = in_words([source.relative(path).as_posix() for path in files]) or "none"
        raise InputError(
            f"masks {source.path}: none belongs to a picture (pictures {in_words(source.keys)}; masks {names}); their "
            "paths must be equal but for an ending, else give --masks.pairs a CSV file of pictures and masks"
        )
    lacking = [key for key in source.keys if key not in found.masks]
    if lacking and found.strangers:
        raise InputError(
            f"masks {source.path}: {counted(len(lacking), 'picture')} without a mask ({in_words(lacking)}) and "
            f"{counted(len(found.strangers), 'mask')} without a picture "
            f"({in_words([source.relative(path).as_posix() for path in found.strangers])}); rename or remove them, or "
            "give --masks.pairs a CSV file of pictures and masks"
        )
    of_pictures, of_masks = found.endings
    return replace(found, endings=(of_pictures, of_masks + (source.options.suffix or "")))


def _stems(source: MaskSource, files: Sequence[Path]) -> dict[str, Path]:
    """Return files by their paths without suffix; of those alone that end as the user says, without that."""
    suffix = source.options.suffix
    found: dict[str, Path] = {}
    for path in files:
        inside = source.relative(path)
        stem, whole = inside.with_suffix("").as_posix(), inside.as_posix()
        if suffix is not None:
            ended = next((text for text in (whole, stem) if text.lower().endswith(suffix.lower())), None)
            if ended is None:
                continue
            stem = ended[: -len(suffix)]
        if stem in found:
            raise InputError(
                f"masks: {found[stem]} and {path.name} are both masks of {stem}; set --masks.suffix to "
                f"{found[stem].suffix} or {path.suffix}, or remove one"
            )
        found[stem] = path
    if suffix is not None and files and not found:
        names = in_words([path.name for path in files])
        raise InputError(f"masks {source.path}: no name ends in --masks.suffix {suffix} ({names}); give their ending")
    return found


def _best(source: MaskSource, stems: Mapping[str, Path]) -> Pairs:
    """Return the pairs by the one ending that gives most of them; the shortest of pictures' endings goes first."""
    best, rivals = Pairs({}), list[Pairs]()
    for of_pictures in _common_endings(source.keys):
        bases = {key[: len(key) - len(of_pictures)]: key for key in source.keys}
        by_ending: dict[str, dict[str, Path]] = defaultdict(dict)
        for stem, path in stems.items():
            base = next((stem[:end] for end in _cuts(stem) if stem[:end] in bases), None)
            if base is not None:
                by_ending[stem[len(base) :]][bases[base]] = path
        # No ending at all is not doubted by a longer one beside it.
        for of_masks in sorted(by_ending, key=lambda ending: (-len(by_ending[ending]), ending)):
            masks = by_ending[of_masks]
            if len(masks) > len(best.masks):
                best, rivals = Pairs(masks, (of_pictures, of_masks)), []
            elif len(masks) == len(best.masks) and best.endings[0] == of_pictures and best.endings[1]:
                rivals.append(Pairs(masks, (of_pictures, of_masks)))
    if rivals:
        key = next(iter(best.masks))
        both = [best, *rivals]
        endings = [f"{one.endings[1]}{next(iter(one.masks.values())).suffix}" for one in both]
        names = in_words([one.masks.get(key, next(iter(one.masks.values()))).name for one in both])
        raise InputError(
            f"masks {source.path}: picture {key} may have several ({names}); set --masks.suffix to one of "
            f"{in_words(endings, 6)}"
        )
    taken = set(best.masks.values())
    return Pairs(dict(sorted(best.masks.items())), best.endings, tuple(p for p in stems.values() if p not in taken))


def _cuts(stem: str) -> list[int]:
    """Return where a name may end and an ending begin; the whole name first."""
    start = stem.rfind("/") + 1
    return [len(stem), *(place for place in range(len(stem) - 1, start, -1) if stem[place] in _BOUNDARIES)]


def _common_endings(keys: Sequence[str]) -> list[str]:
    """Return what all names end in, nothing included, shortest first."""
    if not keys:
        return []
    endings = [keys[0][place:] for place in _cuts(keys[0])]
    return [ending for ending in endings if all(key.endswith(ending) for key in keys)]


def _by_table(source: MaskSource, table: Path) -> Pairs:
    """Read a CSV file of pictures and masks, with or without a heading.

    Pictures are named as in the folder of pictures; masks from the folder of masks, or from that of the table.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"--masks.pairs: {table} is no readable CSV file ({error}); give picture,mask") from error
    masks: dict[str, Path] = {}
    strangers = []
    for number, row in rows:
        if len(row) < 2:
            raise InputError(f"--masks.pairs: {table}, line {number} has one column only; give picture,mask")
        picture, named = row[0].strip().replace("\\", "/"), row[1].strip().replace("\\", "/")
        mask = next((base / named for base in _bases(source, table) if (base / named).is_file()), None)
        if mask is None:
            if number == rows[0][0] and "." not in picture + named:
                continue
            raise InputError(f"--masks.pairs: {table}, line {number}: no such mask: {named!a} in {source.path}")
        key = _key_of(picture, source.keys)
        if key is None:
            strangers.append(mask)
        elif key in masks:
            raise InputError(f"--masks.pairs: {table}, line {number}: {key} has a mask already; leave one of them")
        else:
            masks[key] = mask
    if not masks:
        raise InputError(
            f"--masks.pairs: {table} names none of the pictures ({in_words(source.keys)}); give picture,mask a line"
        )
    return Pairs(dict(sorted(masks.items())), strangers=tuple(strangers))


def _bases(source: MaskSource, table: Path) -> tuple[Path, Path]:
    return (source.path if source.path.is_dir() else source.path.parent), table.parent


def _key_of(picture: str, keys: Sequence[str]) -> str | None:
    """Return the one name that is meant by a path, which may have a suffix, folders in front, or too few of them."""
    for name in (picture, str(Path(picture).with_suffix("")) if picture else ""):
        if name in keys:
            return name
        alike = [key for key in keys if f"/{name}".endswith(f"/{key}") or f"/{key}".endswith(f"/{name}")]
        if len(alike) == 1:
            return alike[0]
    return None
