"""Whether SAM's mask is painted or its region, and how often SAM is asked."""

import math
from dataclasses import dataclass, replace

from torch import Tensor

from lit_samseg.refine.candidates import intersection_over_union
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.decision import Decision
from lit_samseg.refine.kinds import AskAgain, Gate
from lit_samseg.refine.part import option, part
from lit_samseg.refine.prompt_geometry import widened_box
from lit_samseg.sam.interface import Prompt

MOST_ROUNDS = 20


@part("rounds")
@dataclass(frozen=True)
class Rounds(AskAgain):
    """SAM is asked again about the mask it gave (SAMRefiner)."""

    main = "times"
    times: int = option(5, "times that SAM is asked", 1, MOST_ROUNDS, "SAMRefiner's sam_refiner.py")

    @property
    def rounds(self) -> int:
        """How many times SAM is asked."""
        return self.times


@part("twice")
@dataclass(frozen=True)
class Twice(AskAgain):
    """SAM is asked a second time, with a wider box and no point; the more both answers agree, the more they count."""

    main = "widening"
    widening: float = option(
        0.05, "how much the box grows on each side, as a part of its extent", 0, 1, "docs/recipes.md"
    )

    def other_prompt(self, decision: Decision) -> Prompt:
        """Return a wider box, and the mask prompt of the first time."""
        region = decision.region
        height, width = region.numbers.shape
        box = widened_box(region.box, height, width, self.widening, math.inf)
        return replace(decision.prompt, points=None, negative_points=None, box=box)


@part("gate")
@dataclass(frozen=True)
class LeastIou(Gate):
    """A mask gives way to its region where their IoU is small."""

    main, in_per_cent = "least", True
    least: float = option(0.7, "IoU of mask and region below which the region stays", 0, 1, "docs/recipes.md")

    def keeps(self, decision: Decision, context: ImageContext) -> Tensor:
        """Compare both in the smallest window that holds them."""
        window, area = decision.window_and_region()
        return (intersection_over_union(window.masks, area[0]) >= self.least)[0]


@part("learned")
@dataclass(frozen=True)
class Learned(Gate):
    """A trained gate says which masks give way to their regions (`lit-samseg fit`, `--model.gate`)."""

    is_learned, needs_grid = True, True

    def keeps(self, decision: Decision, context: ImageContext) -> Tensor:
        """Ask the gate.

        Raises:
            ValueError: The image has none.
        """
        if context.learned_gate is None:
            raise ValueError("variants that are learned need a gate and a grid")
        return context.learned_gate.keeps(decision, context.grid)
