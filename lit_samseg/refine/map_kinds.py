"""The kinds of parts that make label maps: what is believed, what is added up or painted, who has the last word."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from lit_samseg.crf import Cliques
from lit_samseg.refine.class_scores import ClassScores
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.decision import Decision
from lit_samseg.refine.grid import Grid
from lit_samseg.refine.part import Part


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
        takes_both: Whether it looks at `Decision.evidence`, so that a second answer about a region makes a difference.
    """

    binds: ClassVar[bool] = False
    takes_both: ClassVar[bool] = True

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
    """Changes what is believed of an image before its regions are found; several of a row act one after the other.

    Attributes:
        anew: Whether nothing is left of the label map that was there before.
    """

    kind = "belief"
    anew: ClassVar[bool] = False

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
