"""What an H100-class card should reach, and whether this one does."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .summary import Record


class Target(NamedTuple):
    """A figure that was set before anything was measured.

    Attributes:
        what: In words.
        wanted: The least, or of an idle card the most.
        found: What was measured; None where that was not timed.
        met: Whether it suffices.
    """

    what: str
    wanted: float
    found: float | None
    met: bool | None

    def sentence(self) -> str:
        """Return it in a line."""
        if self.found is None:
            return f"{self.what}: not timed (target {self.wanted:g})"
        return f"{self.what}: {self.found:.3g}, target {self.wanted:g} {'met' if self.met else 'missed'}"


def targets_of(records: Mapping[str, Sequence[Record]], sam: str) -> list[Target]:
    """Return the targets.

    Args:
        records: Of every suite.
        sam: Name of the checkpoint that the rows are made with; the rows' target is for ViT-B.
    """
    encoder = _find(records.get("encoder", ()), "of_peak", "vit_h")
    images = _find(records.get("main", ()), "images_per_second") if "vit_b" in sam else None
    idle = _find(records.get("main", ()), "host_bound")
    return [
        _at_least("ViT-H's encoder in bf16, share of the card's peak", 0.4, encoder),
        _at_least("six rows with ViT-B in bf16, images a second", 20, images),
        Target("six rows in bf16, share of the time in which the card is idle", 0.15, idle, _met(idle, 0.15, -1)),
    ]


def _find(records: Sequence[Record], name: str, case: str = "") -> float | None:
    ours = (r for r in records if r["row"] == "ours bf16" and name in r and r["case"].startswith(case))
    return next((float(record[name]) for record in ours), None)


def _at_least(what: str, wanted: float, found: float | None) -> Target:
    return Target(what, wanted, found, _met(found, wanted, 1))


def _met(found: float | None, wanted: float, sign: int) -> bool | None:
    return None if found is None else sign * found >= sign * wanted
