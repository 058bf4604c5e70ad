"""A selection: SAM's score and the likeness to the region must both be high."""

from dataclasses import dataclass

from torch import Tensor

from lit_samseg.refine import RegionCandidates, Selector, part


@part("sure")
@dataclass(frozen=True)
class Sure(Selector):
    """The candidate with the largest product of SAM's score and the IoU with the region."""

    def rate(self, candidates: RegionCandidates) -> Tensor:
        return candidates.scores * candidates.likeness
