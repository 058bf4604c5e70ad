"""Which images of a split are evaluated."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from lit_samseg.errors import InputError


def draw_subset(ids: Sequence[str], size: int, seed: int) -> list[str]:
    """Draw ``size`` ids without replacement, the same on every machine and for every library version.

    The draw is a shuffle by SHA-256 of ``seed:position`` over the sorted ids, so nothing but the seed and the list
    decides it; a smaller subset of the same seed is contained in a larger one.

    Returns:
        The drawn ids, sorted.

    Raises:
        InputError: ``size`` is not between 1 and the number of ids.
    """
    if not 1 <= size <= len(ids):
        raise InputError(f"data.subset is {size}; the split has {len(ids)} images, give 1..{len(ids)}")
    ordered = sorted(ids)
    keys = [hashlib.sha256(f"{seed}:{i}".encode()).digest() for i in range(len(ordered))]
    drawn = sorted(range(len(ordered)), key=keys.__getitem__)[:size]
    return sorted(ordered[i] for i in drawn)


def read_ids(path: Path) -> list[str]:
    """Read a list of ids, one a line; blank lines are skipped.

    Raises:
        InputError: The file is missing, no text, empty, or names an id twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"list of ids {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"list of ids {path} is not a text file") from error
    ids = [line.strip() for line in lines if line.strip()]
    if not ids:
        raise InputError(f"list of ids {path} is empty; one id a line is expected")
    twice = {i for i in ids if ids.count(i) > 1} if len(set(ids)) < len(ids) else set()
    if twice:
        raise InputError(f"list of ids {path} names {sorted(twice)[0]} more than once")
    unsafe = [i for i in ids if "/" in i or "\\" in i or i.startswith(".")]
    if unsafe:
        raise InputError(f"list of ids {path}: {unsafe[0]!r} is a path, not an image id")
    return ids
