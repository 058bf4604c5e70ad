"""The kinds of parts, and what each is asked: derive from one of these to add a part of your own (docs/extend.md)."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.crf import Cliques
from lit_samseg.refine.candidates import RegionCandidates
from lit_samseg.refine.class_scores import ClassScores
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.decision import Decision
from lit_samseg.refine.grid import Grid
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


class Composition(ABC):
    """A label map in the making."""

    @abstractmethod
    def add(self, decision: Decision) -> None:
        """Add what was decided of a region; regions come by ascending class id."""

    @abstractmethod
    def finish(self) -> Tensor:
        """Return the label map, integer ``[H, W]``."""

    def finish_with_confidence(self) -> tuple[Tensor, Tensor | None]:
        """Return the label map, and the probability of each pixel's class, float32 ``[H, W]``; None if not known."""
        return self.finish(), None

    def scores(self) -> ClassScores | None:
        """Return how likely the label map's classes are, in place of `finish`; None where it has labels alone."""
        return None


class Composer(Part, ABC):
    """Makes a label map of all decisions about an image."""

    kind = "compose"

    @abstractmethod
    def begin(self, context: ImageContext) -> Composition:
        """Begin the label map of an image."""


class Painter(Composer, ABC):
    """Paints kept masks; where masks of classes overlap, that one wins which is more like its class's region (SPEC 1).

    Attributes:
        fill: ``background`` or ``baseline``: what pixels get that no mask claims.
    """

    fill: ClassVar[str]


class Tally(ABC):
    """Evidence of SAM's answers about an image, on the grid: it changes scores, or binds cells in the field behind."""

    @abstractmethod
    def add(self, decision: Decision) -> None:
        """Add what SAM answered for a region."""

    @abstractmethod
    def apply(self, scores: Tensor) -> None:
        """Add what there is to the scores of the grid's classes, float32 ``[A, h, w]``, in place."""

    def cliques(self) -> Cliques | None:
        """Return sets of the grid's cells that prefer one class, for the field behind; None for none."""
        return None


class Evidence(Composer, ABC):
    """Adds SAM's answers to the baseline's log-probabilities; a row may have several of them, and a field behind.

    Attributes:
        binds: Whether it gives `Tally.cliques`, for which a field must be there that takes them.
    """

    binds: ClassVar[bool] = False

    @abstractmethod
    def tally(self, grid: Grid) -> Tally:
        """Begin with an image."""


class Field(Part, ABC):
    """Has the last word on scores: a random field, for example.

    Attributes:
        of_pixels: Whether it is of the image's own pixels, not of SAM's grid.
        needs_features: Whether SAM must give features.
        takes_cliques: Whether it has `refine_bound`.
        temperature: What its scores are divided by before they are taken for log-probabilities of the classes, where
            somebody asks how sure they are; a label map does not depend on it.
    """

    kind = "field"
    of_pixels: ClassVar[bool] = False
    needs_features: ClassVar[bool] = False
    takes_cliques: ClassVar[bool] = False
    temperature: ClassVar[float] = 1.0

    @abstractmethod
    def refine(self, scores: Tensor, context: ImageContext) -> Tensor:
        """Return better scores.

        Args:
            scores: Of the grid's classes, two at least, float32 ``[A, h, w]``.
            context: The image.
        """

    def refine_bound(self, scores: Tensor, context: ImageContext, cliques: Sequence[Cliques]) -> Tensor:
        """Return better scores, as `refine` does, where sets of cells prefer one class.

        Raises:
            NotImplementedError: The field takes none.
        """
        raise NotImplementedError(f"{self.title} takes no cliques")


class Belief(Part, ABC):
    """Changes what is believed of an image before its regions are found; several of a row act one after the other."""

    kind = "belief"

    @abstractmethod
    def revise(self, grid: Grid, context: ImageContext) -> Grid:
        """Return a grid with other log-probabilities, and other classes where more or fewer may be in the image.

        Args:
            grid: What was believed so far.
            context: The image, with the baseline's label map.
        """


class Judge(Part, ABC):
    """Has the last word on a row's label map.

    Attributes:
        remembers: Whether a fitted memory says it (``--model.memory``).
    """

    kind = "judge"
    remembers: ClassVar[bool] = False

    @abstractmethod
    def judge(self, refined: Tensor, context: ImageContext) -> tuple[Tensor, Tensor]:
        """Return the label map in the end, integer ``[H, W]``, and how sure it is of each pixel, float32 ``[H, W]``.

        Args:
            refined: The row's label map, integer ``[H, W]``.
            context: The image, with the baseline's label map.
        """


class Start(Part, ABC):
    """Makes the label map that is refined in place of the baseline's."""

    kind = "start"

    @abstractmethod
    def label_map(self, context: ImageContext) -> Tensor:
        """Return the label map, integer ``[H, W]``."""


class AskAgain(Part, ABC):
    """Has SAM asked more than once about a region: about the mask that it gave, or in another way."""

    kind = "rounds"

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
