"""Compare a checkpoint's classes with a data set's, and say what to set where they are off by a background."""

import re
from collections.abc import Sequence

from lit_samseg.errors import InputError

# Spellings of VOC, COCO and ADE20K for the same thing, as they are after normalising.
_SPELLINGS = {
    "aeroplane": "airplane",
    "couch": "sofa",
    "motorcycle": "motorbike",
    "television": "tv",
    "tvmonitor": "tv",
    "unlabelled": "unlabeled",
}
_BACKGROUND = {"background", "ignore", "none", "nothing", "other", "others", "unknown", "unlabeled", "void"}


def synonyms(name: str) -> frozenset[str]:
    """Split a class name into comparable synonyms; empty for names that say nothing (``LABEL_7``).

    Synonyms are separated by commas or semicolons; case, spaces, underscores and hyphens do not count.
    """
    if re.fullmatch(r"LABEL_\d+", name.strip()):
        return frozenset()
    parts = (re.sub(r"[\s_-]+", "", part).casefold() for part in re.split("[,;]", name))
    return frozenset(_SPELLINGS.get(part, part) for part in parts if part)


def compare_classes(
    checkpoint: str,
    own: Sequence[str] | None,
    count: int,
    wanted: Sequence[str],
    first_class: int | None,
) -> None:
    """Compare the classes a baseline predicts with the data set's.

    Names that only one of them knows are passed over. A name may fit at several places ("screen" is a synonym of three
    of ADE20K's classes); it is wrong only where it does not fit at its own place and fits one that is not taken.

    Args:
        checkpoint: What the user gave, for messages.
        own: The baseline's class names, None where they are not known.
        count: Their number.
        wanted: The data set's class names.
        first_class: The baseline's option of that name, None where it has none.

    Raises:
        InputError: The number of classes or their order differs; where a background explains it, it says what to set.
    """
    ours = [synonyms(name) for name in own] if own is not None else [frozenset[str]()] * count
    theirs = [synonyms(name) for name in wanted]
    if count != len(wanted):
        raise InputError(
            f"baseline {checkpoint} predicts {count} classes, the data set has {len(wanted)}; "
            f"{_remedy(ours, theirs, first_class)}"
        )
    if own is None:
        return
    fits = [bool(a & b) for a, b in zip(ours, theirs, strict=True)]
    free = [place for place, fit in enumerate(fits) if not fit]
    for place in free:
        if any(ours[place] & theirs[other] or theirs[place] & ours[other] for other in free):
            raise InputError(
                f"baseline {checkpoint} calls class {place} {own[place]!r}, the data set {wanted[place]!r}; "
                "the orders differ, give a checkpoint trained with the data set's order"
            )


def _remedy(ours: list[frozenset[str]], theirs: list[frozenset[str]], first_class: int | None) -> str:
    """Say what to do about a number of classes that differs."""
    if len(ours) == len(theirs) + 1 and (ours[0] & _BACKGROUND or _mostly_fit(ours[1:], theirs)):
        if first_class is None:
            return "its class 0 is a background that the data set does not have, give a checkpoint without it"
        return (
            "its first class is a background that the data set does not have, "
            f"set --model.baseline.first_class {first_class + 1}"
        )
    if len(ours) == len(theirs) + 1 and first_class is not None and not any(ours):
        return (
            "give a checkpoint trained for these classes, or set --model.baseline.first_class "
            f"{first_class + 1} if its first class is a background"
        )
    if first_class and len(ours) + first_class == len(theirs):
        return f"first_class leaves out {first_class} of them, set --model.baseline.first_class 0"
    if len(theirs) == len(ours) + 1 and (theirs[0] & _BACKGROUND or _mostly_fit(ours, theirs[1:])):
        return (
            "the data set's class 0 is a background that the baseline does not know, leave it out of the data set's "
            "classes (its list of class names and the labels' offset) or give a checkpoint trained with one"
        )
    return "give a checkpoint trained for these classes"


def _mostly_fit(ours: list[frozenset[str]], theirs: list[frozenset[str]]) -> bool:
    return 2 * sum(bool(a & b) for a, b in zip(ours, theirs, strict=True)) >= len(theirs)
