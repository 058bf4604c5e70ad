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
