"""Which of SAM's candidates is kept."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lit_samseg.refine.blame import blaming, check_tensor
from lit_samseg.refine.candidates import RegionCandidates, first_maximum
from lit_samseg.refine.kinds import Selector
from lit_samseg.refine.part import part


@part("iou")
@dataclass(frozen=True)
class ByLikeness(Selector):
    """The candidate most like the region, by IoU (the paper's)."""

    def rate(self, candidates: RegionCandidates) -> Tensor:
        """Return the IoU with the region."""
        return candidates.likeness


@part("score")
@dataclass(frozen=True)
class ByScore(Selector):
    """The candidate that SAM itself finds best."""

    def rate(self, candidates: RegionCandidates) -> Tensor:
        """Return SAM's scores."""
        return candidates.scores


@part("single")
@dataclass(frozen=True)
class Single(Selector):
    """SAM is asked for one mask only."""

    multimask = False

    def rate(self, candidates: RegionCandidates) -> Tensor:
        """Return the one score."""
        return candidates.scores


@part("oracle")
@dataclass(frozen=True)
class Oracle(Selector):
    """The candidate most like the ground truth: an analysis, never a result."""

    needs_truth = True

    def rate(self, candidates: RegionCandidates) -> Tensor:
        """Return the IoU with the class's ground truth."""
        return candidates.truth


def select(selector: Selector, several: Sequence[RegionCandidates]) -> list[Tensor]:
    """Choose one of each region's candidates; ties go to the lower index.

    Args:
        selector: Says how.
        several: The candidates, one or more of each region.

    Returns:
        The index for each region, an int64 scalar on the masks' device; nothing waits for it, but for a selector from
        outside.

    Raises:
        InputError: A selector from outside fails, or its ratings cannot be used.
        ValueError: ``oracle`` without ground truth.
    """
    if not selector.multimask and all(len(candidates.scores) == 1 for candidates in several):
        return [torch.zeros((), dtype=torch.int64, device=candidates.scores.device) for candidates in several]
    if selector.is_foreign:
        return [first_maximum(_rated(selector, candidates)) for candidates in several]
    return list(first_maximum(torch.stack([selector.rate(candidates) for candidates in several])))


def _rated(selector: Selector, candidates: RegionCandidates) -> Tensor:
    with blaming(selector, f"for a region of class {candidates.region.class_id}"):
        return check_tensor(selector, selector.rate(candidates), tuple(candidates.scores.shape), "its ratings")
