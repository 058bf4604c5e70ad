"""What a row is made of, as ``results.json`` has it; of earlier releases' runs, as the row's name says."""

from lit_samseg.results.row_contents import Row

_SLOTS = {
    "points": ("point", "points", "pole"),
    "negative": ("negative",),
    "box": ("box", "wide", "cebox"),
    "mask": ("mask", "margin", "gauss"),
}
"""The words of the releases that did not write parts."""


def prompt_slots(row: Row) -> list[str]:
    """Return which parts a row's prompts have: ``points``, ``negative``, ``box``, ``mask``.

    Args:
        row: One of ``results.json``.
    """
    if "parts" in row:
        return [part["slot"] for part in row["parts"]["prompt"] if "slot" in part]
    words = set(row["name"].partition("@")[0].split("+"))
    return [slot for slot, own in _SLOTS.items() if words & set(own)]


def asks_sam(row: Row) -> bool:
    """Return whether SAM is asked for masks in a row; ``none@WORD`` are those in which it is not.

    Args:
        row: One of ``results.json``, not the baseline.
    """
    return bool(row["parts"]["prompt"]) if "parts" in row else row["name"].partition("@")[0] != "none"


def asks_by_words(row: Row) -> bool:
    """Return whether a text-prompted segmenter has a say in a row.

    Args:
        row: One of ``results.json``.
    """
    if "parts" not in row:
        return False
    parts = [*row["parts"]["prompt"], *row["parts"].get("beliefs", [])]
    return any(part["class"].startswith("lit_samseg.refine.word_parts:") for part in parts)
