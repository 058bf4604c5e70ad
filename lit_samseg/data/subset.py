"""Which images of a split are evaluated."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lit_samseg.errors import InputError

LONGEST_ID = 251
"""File systems take names of 255 bytes; the shortest suffix has 4."""


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
    """Read a list of ids, one a line; blank lines and a byte-order mark are skipped.

    Raises:
        InputError: The file is missing, no text, empty, names an id twice, or has a line that is no id.
    """
    try:
        # Not splitlines(), which also ends lines at characters that may stand in a file's name.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise InputError(f"list of ids {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"list of ids {path} is not a text file in UTF-8") from error
    ids = [line.strip() for line in lines if line.strip()]
    if not ids:
        raise InputError(f"list of ids {path} is empty; one id a line is expected")
    for image_id in ids:
        fault = fault_of_id(image_id)
        if fault is not None:
            raise InputError(f"list of ids {path}: {image_id[:80]!r} {fault}")
    twice = [image_id for image_id, times in Counter(ids).items() if times > 1]
    if twice:
        raise InputError(f"list of ids {path} names {min(twice)} more than once; leave one of them")
    return ids


def fault_of_id(image_id: str) -> str | None:
    """Tell why a text cannot be an image's id, if so: files are named after ids, and must stay in their folders."""
    if "/" in image_id or "\\" in image_id or image_id.startswith("."):
        return "is a path, not an image id"
    # Cc: line ends and what terminals obey; Cs: what Python makes of names that are no UTF-8.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in image_id):
        return "holds a control character or is no Unicode; no list of ids could hold it"
    if len(image_id.encode()) > LONGEST_ID:
        return f"... is longer than a file's name can be ({LONGEST_ID} bytes)"
    return None
