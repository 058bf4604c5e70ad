"""Which number of masks means void, where nobody says it: the largest of a byte or two, unless it may be a class."""

import itertools
from collections.abc import Collection

from lit_samseg.errors import InputError
from lit_samseg.formats.pixels.saving import BYTE, WORD

_FEW = 3


def find_void(found: Collection[int], classes: int | None, wide: bool, where: str) -> int | None:
    """Return the number that stands for void.

    Args:
        found: All numbers that occur.
        classes: How many classes there are, where that is known.
        wide: Whether files have 16 bits.
        where: What the masks are, for messages.

    Returns:
        255 or 65535 where it occurs and is no class; else None.

    Raises:
        InputError: It may be a class: it is alone with 0, as in binary masks; or it is no further from the other
            numbers than these from each other.
    """
    last = next((number for number in (WORD, BYTE) if number in found), None)
    if last is None or (classes is not None and last < classes and wide):
        return None
    others = sorted(set(found) - {last})
    if set(others) <= {0}:
        raise InputError(
            f"{where}: {last} is the only value beside 0, so it may be void or a class: set --masks.void to {last}, or "
            "--masks.format to binary"
        )
    gaps = [after - before for before, after in itertools.pairwise(others)]
    may_be_class = last < classes if classes is not None else bool(gaps) and last - others[-1] <= max(gaps)
    if may_be_class:
        # So are the edges of a binary mask that was scaled.
        smooth = "; if edges were smoothed, save the masks anew" if classes is None and len(others) > _FEW else ""
        raise InputError(
            f"{where}: {last} may be void or a class, beside {_few(others)}: set --masks.void to {last}, or to none"
            f"{smooth}"
        )
    return last


def _few(numbers: list[int]) -> str:
    shown = [*map(str, numbers[:3]), "..."] if len(numbers) > 4 else [*map(str, numbers[:-1])]
    return ", ".join([*shown, str(numbers[-1])])
