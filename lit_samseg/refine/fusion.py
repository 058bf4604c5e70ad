"""Soft fusion: nothing is painted; SAM's logits are added to the baseline's log-probabilities, and classes compete."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lit_samseg.refine.blame import blaming, check_tensor
from lit_samseg.refine.class_scores import ClassScores
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.decision import Decision
from lit_samseg.refine.grid import Grid
from lit_samseg.refine.map_kinds import Composition, Evidence, Field, Tally
from lit_samseg.refine.part import option, part

_TUNED = "docs/recipes.md"


@part("fuse")
@dataclass(frozen=True)
class Fuse(Evidence):
    """SAM's logits are added to the baseline's log-probability of the region's class."""

    main, in_per_cent = "weight", True
    weight: float = option(0.3, "of SAM's logits", least=0.01, source=_TUNED)
    surest: float = option(
        10.0, "logits count up to this: beyond, SAM is no surer of what it sees, only of what it means", 0, None, _TUNED
    )

    def tally(self, grid: Grid) -> Tally:
        """Begin with an image."""
        return _Logits(self, grid)

    def begin(self, context: ImageContext) -> Composition:
        """Begin with an image."""
        return FusedScores(context, [self], None)


@part("vote")
@dataclass(frozen=True)
class Vote(Evidence):
    """The baseline's mean log-probability of each class over a mask is added everywhere in the mask."""

    main, in_per_cent, takes_both = "weight", True, False
    weight: float = option(0.3, "of the mean log-probabilities in the mask", least=0.01, source=_TUNED)
    least: float = option(-8.0, "log-probability below which a class is as good as ruled out", None, 0, _TUNED)

    def tally(self, grid: Grid) -> Tally:
        """Begin with an image."""
        return _Votes(self, grid)

    def begin(self, context: ImageContext) -> Composition:
        """Begin with an image."""
        return FusedScores(context, [self], None)


class _Logits(Tally):
    def __init__(self, fuse: Fuse, grid: Grid) -> None:
        self._fuse, self._grid = fuse, grid
        self._evidence: dict[int, Tensor] = {}

    def add(self, decision: Decision) -> None:
        height, width = self._grid.shape
        class_id, surest = decision.region.class_id, self._fuse.surest
        logits, trust = decision.evidence(height, width)
        sure = logits.clamp(-surest, surest)
        if trust is not None:
            sure = trust * sure
        # Of several regions of a class, a cell belongs to the one that claims it most.
        known = self._evidence.get(class_id)
        self._evidence[class_id] = sure if known is None else torch.maximum(known, sure)

    def apply(self, scores: Tensor) -> None:
        for class_id, evidence in self._evidence.items():
            own = (self._grid.classes == class_id).to(scores)[:, None, None]
            scores += own * (self._fuse.weight * evidence)


class _Votes(Tally):
    def __init__(self, vote: Vote, grid: Grid) -> None:
        self._vote = vote
        self._likelihood = grid.log_probabilities.clamp(min=vote.least)
        self._votes = torch.zeros_like(grid.log_probabilities)
        self._voters = torch.zeros_like(grid.image[0])

    def add(self, decision: Decision) -> None:
        height, width = self._voters.shape
        mask = decision.kept_logits[:height, :width].sigmoid()
        mean = (mask * self._likelihood).sum((1, 2)) / mask.sum().clamp(min=1)
        self._votes += (mean - mean.max())[:, None, None] * mask
        self._voters += mask

    def apply(self, scores: Tensor) -> None:
        scores += self._vote.weight * self._votes / self._voters.clamp(min=1)


class FusedScores(Composition):
    """The scores of an image's classes in the making.

    Args:
        context: The image.
        evidence: What is added, in this order.
        field: Has the last word, or None.

    Memory: a few ``[A, h, w]`` of floats, ``A`` the classes that may be in the image.
    """

    def __init__(self, context: ImageContext, evidence: Sequence[Evidence], field: Field | None) -> None:
        self._context, self._field = context, field
        self._grid = context.pixel_grid if field is not None and field.of_pixels else context.grid
        self._tallies = [one.tally(self._grid) for one in evidence]

    def add(self, decision: Decision) -> None:
        """Add what SAM answered for a region."""
        for tally in self._tallies:
            tally.add(decision)

    def finish(self) -> Tensor:
        """Return the label map, int64 ``[H, W]``.

        Raises:
            InputError: SAM's features are wanted and it has none.
        """
        return self._grid.label_map(self._fused())

    def finish_with_confidence(self) -> tuple[Tensor, Tensor | None]:
        """Return the label map, and the probability of each pixel's class by the scores; see `finish`."""
        temperature = 1.0 if self._field is None else self._field.temperature
        return self._grid.label_map_and_confidence(self._fused(), temperature)

    def scores(self) -> ClassScores:
        """Return how likely each class is at each pixel.

        Raises:
            InputError: SAM's features are wanted and it has none.
        """
        return self._grid.class_scores(self._fused())

    def _fused(self) -> Tensor:
        scores = self._grid.log_probabilities.clone()
        for tally in self._tallies:
            tally.apply(scores)
        if self._field is not None and len(scores) > 1:
            cliques = [found for tally in self._tallies if (found := tally.cliques()) is not None]
            with blaming(self._field, "with the scores"):
                better = (
                    self._field.refine_bound(scores, self._context, cliques)
                    if cliques
                    else self._field.refine(scores, self._context)
                )
                if self._field.is_foreign:
                    check_tensor(self._field, better, tuple(scores.shape), "scores")
            scores = better
        return scores
