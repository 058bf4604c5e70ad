"""Whether a label map that was made of tiles shows where these begin and end."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lit_samseg.tiling.plan import Plan

PERIOD = 16
"""Pixels: a line is compared with those that lie so far from it, as what repeats counts there as often: cells of SAM's
grid, blocks of coarse label maps."""
_NEIGHBOURS = 3
"""Lines that are compared on either side."""


@dataclass(frozen=True)
class Seams:
    """How often neighbouring pixels have different labels, as a part of all such pairs.

    Attributes:
        at_borders: Of pairs that a tile's border parts.
        beside: Of pairs that lie 16, 32 and 48 pixels beside them.
    """

    at_borders: float
    beside: float

    @property
    def excess(self) -> float:
        """How many times more often labels change at tiles' borders; about 1 without seams, NaN without changes."""
        return self.at_borders / self.beside if self.beside else float("nan")


def measure_seams(label_map: NDArray[np.integer], plan: Plan) -> Seams:
    """Compare the changes of labels at tiles' borders with those beside them.

    Args:
        label_map: ``[H, W]``.
        plan: The tiles that it was made of; more than one.
    """
    changed, pairs = np.zeros(2), np.zeros(2)
    for axis, (starts, side) in enumerate(zip((plan.rows, plan.columns), plan.shape, strict=True)):
        lines = np.moveaxis(label_map, axis, 0)
        # Change n - 1 is between n - 1 and n; a tile begins at, or ends before, n.
        changes = [int((before != after).sum()) for before, after in itertools.pairwise(lines)]
        borders = {edge for start in starts for edge in (start, start + side) if 0 < edge < len(lines)}
        steps = [PERIOD * n for n in range(-_NEIGHBOURS, _NEIGHBOURS + 1) if n]
        beside = {border + step for border in borders for step in steps} - borders
        for place, chosen in enumerate((borders, {line for line in beside if 0 < line < len(lines)})):
            changed[place] += sum(changes[line - 1] for line in chosen)
            pairs[place] += len(chosen) * lines.shape[1]
    at_borders, elsewhere = (changed / np.maximum(pairs, 1)).tolist()
    return Seams(at_borders, elsewhere)
