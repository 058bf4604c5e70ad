"""SAM's masks as sets of cells that prefer one class, inside a random field."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lit_samseg.crf import Cliques
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.decision import Decision
from lit_samseg.refine.fusion import FusedScores
from lit_samseg.refine.grid import Grid
from lit_samseg.refine.map_kinds import Composition, Evidence, Tally
from lit_samseg.refine.part import option, part


@part("clique")
@dataclass(frozen=True)
class Clique(Evidence):
    """Each of SAM's candidates draws its cells towards one class in the field that follows, by SAM's own score."""

    main, binds = "weight", True
    weight: float = option(3.0, "what a class gains where all cells of a mask have it", 0, None, "docs/recipes.md")

    def tally(self, grid: Grid) -> Tally:
        """Begin with an image."""
        return _Bound(self, grid)

    def begin(self, context: ImageContext) -> Composition:
        """Begin with an image."""
        return FusedScores(context, [self], None)


class _Bound(Tally):
    """Memory: float32 ``[h, w]`` of each of SAM's candidates."""

    def __init__(self, clique: Clique, grid: Grid) -> None:
        self._weight, self._grid = clique.weight, grid
        self._members: list[Tensor] = []
        self._trust: list[Tensor] = []

    def add(self, decision: Decision) -> None:
        height, width = self._grid.shape
        _, agreement = decision.evidence(height, width)
        for answer in (decision, decision.other):
            if answer is not None:
                self._members.append(answer.logits[:, :height, :width].sigmoid().flatten(1))
                trust = answer.scores.clamp(0, 1)
                self._trust.append(trust if agreement is None else trust * agreement)

    def apply(self, scores: Tensor) -> None:
        """Nothing is added: the field is told."""

    def cliques(self) -> Cliques | None:
        if not self._members:
            return None
        return Cliques(torch.cat(self._members), torch.cat(self._trust), self._weight)
