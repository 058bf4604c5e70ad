"""The kinds of parts that ask SAM and choose among its answers, and a list of all kinds (docs/extend.md)."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.refine.candidates import RegionCandidates
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.decision import Decision
from lit_samseg.refine.map_kinds import Belief, Composer, Field, Judge, Start
from lit_samseg.refine.part import Part
from lit_samseg.refine.regions import Region
from lit_samseg.sam.interface import Prompt

Slot = Literal["points", "negative", "box", "mask"]
SLOTS: tuple[Slot, ...] = ("points", "negative", "box", "mask")
"""What a prompt consists of, in the order of SAM's tokens."""


class PromptPart(Part, ABC):
    """Makes one part of a prompt: points, a box, or a mask prompt.

    Attributes:
        slot: Which part of the prompt; a row has one for each slot at most.
        by_place: Whether equal places are equal prompts; else prompts are taken for equal only if made of the same
            pixels.
        for_scores: Whether it makes sense only in rows that add up scores.
        drawn: What a report draws of it, in words.
    """

    kind = "prompt"
    slot: ClassVar[Slot]
    by_place: ClassVar[bool] = False
    for_scores: ClassVar[bool] = False
    drawn: ClassVar[str] = ""

    @abstractmethod
    def ask(self, region: Region, context: ImageContext) -> Prompt:
        """Return a prompt that has this part only.

        Args:
            region: What is prompted for.
            context: The image.
        """

    def describe(self) -> dict[str, Any]:
        """Return what ``results.json`` says of it; ``slot`` tells what can be drawn."""
        return super().describe() | {"slot": self.slot}

    @property
    def asks(self) -> str:
        """What it asks, in the words of a report."""
        word = self.word or self.path
        if self.slot == "mask":
            return f"a mask ({word}, not drawn)"
        return (
            self.drawn
            or {"points": "points (discs)", "negative": "background points (crosses)", "box": "a box"}[self.slot]
        )


class RegionFinder(Part, ABC):
    """Says which connected components of a class are one region."""

    kind = "regions"

    @abstractmethod
    def group(self, areas: NDArray[np.int64], boxes: NDArray[np.float64]) -> Sequence[NDArray[np.int64]]:
        """Group the 8-connected components of one class.

        Args:
            areas: In pixels, descending, ``[K]``.
            boxes: x_min, y_min, x_max, y_max in pixels, corners inclusive, ``[K, 4]``.

        Returns:
            The members of each region, ascending; a component may be in none.
        """


class Selector(Part, ABC):
    """Says which of SAM's candidates is kept.

    Attributes:
        multimask: Whether SAM is asked for its three candidates.
        needs_truth: Whether it looks at the ground truth: an analysis, never a result.
    """

    kind = "select"
    multimask: ClassVar[bool] = True
    needs_truth: ClassVar[bool] = False

    @abstractmethod
    def rate(self, candidates: RegionCandidates) -> Tensor:
        """Rate the candidates, float ``[M]``: the highest is kept, of equal ones the first."""


class Gate(Part, ABC):
    """Says whether SAM's mask is painted, or the region it was asked about.

    Attributes:
        is_learned: Whether a trained file says it (``--model.gate``).
        needs_grid: Whether it reads the image's grid.
    """

    kind = "gate"
    is_learned: ClassVar[bool] = False
    needs_grid: ClassVar[bool] = False

    @abstractmethod
    def keeps(self, decision: Decision, context: ImageContext) -> Tensor:
        """Return whether SAM's mask is kept, bool scalar on the masks' device."""


class AskAgain(Part, ABC):
    """Has SAM asked more than once about a region: about the mask that it gave, or in another way."""

    kind = "rounds"

    @property
    def asks_otherwise(self) -> bool:
        """Whether `other_prompt` is its own."""
        return type(self).other_prompt is not AskAgain.other_prompt

    @property
    def rounds(self) -> int:
        """How many times SAM is asked: from the second time on about the mask it gave before."""
        return 1

    def other_prompt(self, decision: Decision) -> Prompt | None:
        """Return another way to ask about a decision's region, or None."""
        return None


KINDS: tuple[type[Part], ...] = (
    PromptPart,
    RegionFinder,
    Selector,
    AskAgain,
    Gate,
    Belief,
    Composer,
    Field,
    Judge,
    Start,
)
"""All kinds in the order of their words in a row."""
