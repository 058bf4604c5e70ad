"""A gate: a mask must be at least half as large as its region."""

from dataclasses import dataclass

from torch import Tensor

from lit_samseg.refine import Decision, Gate, ImageContext, option, part


@part("half")
@dataclass(frozen=True)
class Half(Gate):
    """A mask that is much smaller than its region gives way to it."""

    main = "share"
    share: float = option(0.5, "of the region's area that a mask must have", least=0)

    def keeps(self, decision: Decision, context: ImageContext) -> Tensor:
        return decision.kept.masks.sum() >= self.share * decision.region.area
