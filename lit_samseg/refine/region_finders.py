"""Which connected components of a class are one region."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lit_samseg.refine.kinds import RegionFinder
from lit_samseg.refine.part import option, part
from lit_samseg.refine.splitting import merge_components

_SPLIT = "SAMRefiner's sem2ins_mask.py"


@part("class")
@dataclass(frozen=True)
class WholeClass(RegionFinder):
    """All pixels of a class are one region (the paper's)."""

    def group(self, areas: NDArray[np.int64], boxes: NDArray[np.float64]) -> Sequence[NDArray[np.int64]]:
        """Return one group."""
        return [np.arange(len(areas))]


@part("component")
@dataclass(frozen=True)
class Component(RegionFinder):
    """Each connected component is a region; specks are none."""

    min_area: int = option(
        20, "pixels; a smaller component is a speck and gets no prompt of its own", least=1, source="SPEC 1"
    )

    def group(self, areas: NDArray[np.int64], boxes: NDArray[np.float64]) -> Sequence[NDArray[np.int64]]:
        """Return a group for each large component; a class without one is one region."""
        # Largest first, so the large ones are a run at the start. Others belong to no region.
        large = int((areas >= self.min_area).sum())
        return [np.array([i]) for i in range(large)] or [np.arange(len(areas))]


@part("split")
@dataclass(frozen=True)
class Split(RegionFinder):
    """Components that lie close together are one region (SAMRefiner)."""

    near: float = option(0.5, "two boxes are near if their areas exceed this part of their common box", 0, 1, _SPLIT)
    full: float = option(0.5, "a common box filled to more than this is full enough", 0, 1, _SPLIT)
    emptier: float = option(0.1, "or emptier by less than this than the emptier box of the two", 0, 1, _SPLIT)
    least_area: int = option(5, "pixels; smaller components are dropped", 1, None, _SPLIT)

    def group(self, areas: NDArray[np.int64], boxes: NDArray[np.float64]) -> Sequence[NDArray[np.int64]]:
        """Return the groups of `merge_components`, largest first."""
        groups = merge_components(areas, boxes, self.near, self.full, self.emptier, self.least_area)
        groups.sort(key=lambda members: (-areas[members].sum(), members[0]))
        return groups


REGION_FINDERS: dict[str, RegionFinder] = {"class": WholeClass(), "component": Component(), "split": Split()}
"""This package's own by word, with their defaults."""
