"""What words say becomes evidence beside the baseline's own, prompts, and judgements about what is missing."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.refine.belief_parts import Blur
from lit_samseg.refine.calibrated_words import (
    RAW_FLOOR,
    RAW_SHARE,
    kept_features,
    probability,
    ratios_of,
    shares_of,
)
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.grid import LEAST_PROBABILITY, Grid
from lit_samseg.refine.kinds import PromptPart
from lit_samseg.refine.map_kinds import Belief
from lit_samseg.refine.margin import MASK_STRENGTH
from lit_samseg.refine.missed_objects import missed_objects
from lit_samseg.refine.part import option, part
from lit_samseg.refine.regions import Region
from lit_samseg.sam.interface import Prompt

NEVER = -30.0
"""Log-probability of a class that was removed."""


class WordBelief(Belief):
    """A belief that words have a part in."""

    needs_words: ClassVar[bool] = True


@part("text")
@dataclass(frozen=True)
class Text(WordBelief):
    """What a text-prompted segmenter says is evidence beside the baseline's (`--model.concepts`)."""

    main = "weight"
    weight: float = option(1.0, "of the words' evidence, beside what calibration found", least=0)

    def revise(self, grid: Grid, context: ImageContext) -> Grid:
        """Add how much the evidence speaks for each class to the log-probabilities; the sum is one again."""
        told, calibrated = context.told, context.calibration
        weight, floor = grid.log_probabilities.new_tensor([self.weight, RAW_FLOOR])
        if calibrated is not None:
            weight, floor = weight * calibrated.weight, calibrated.floor
        # A class that is nowhere likely stays out of the grid, as it does where a baseline gives scores.
        best = weight * ratios_of(told.at_best, calibrated)[:, 0, 0] + floor
        wanted = (told.classes[:, None] == grid.classes).any(1) | (best > math.log(LEAST_PROBABILITY))
        told = told.only(wanted)
        return with_ratios(grid, told.classes, weight * ratios_of(told, calibrated), floor)


@part("remove")
@dataclass(frozen=True)
class Remove(WordBelief):
    """Classes that words do not find in the image leave the label map."""

    main = "least"
    least: float = option(0.1, "probability that a class is in the image, below which it leaves", 0, 1)

    def revise(self, grid: Grid, context: ImageContext) -> Grid:
        """Give the places of such classes to the likeliest of those that stay."""
        told, calibrated = context.told, context.calibration
        places, features = kept_features(told, grid)
        # No background is ever asked about, and so it is never removed.
        there = told.strongest[places] if calibrated is None else probability(calibrated.kept, features)
        absent = told.classes[places[there < self.least]]
        gone = (grid.classes[:, None] == absent).any(1)
        called = (grid.labels[None] == absent[:, None, None]).any(0)
        # In its places no class comes that nobody has been asked about: one that the label map has, or the background.
        known = (grid.classes[:, None, None] == grid.labels).flatten(1).any(1) | (grid.classes == context.background)
        other = ~known | gone
        if not bool(gone.any()) or bool(other.all()):
            return grid
        believed = grid.log_probabilities
        if not grid.scored:
            # A label map does not say what else may be there: what is around does.
            believed = torch.where(called, Blur().revise(grid, context).log_probabilities, believed)
        believed = believed.masked_fill(gone[:, None, None], NEVER)
        believed = believed.masked_fill(other[:, None, None] & called, NEVER)
        return replace(grid, log_probabilities=believed.log_softmax(0))


@part("add")
@dataclass(frozen=True)
class Add(WordBelief):
    """Objects that words find, and the label map lacks, are added to it."""

    main = "least"
    least: float = option(0.6, "probability that such an object is there, from which on it is added", 0, 1)

    def revise(self, grid: Grid, context: ImageContext) -> Grid:
        """Believe in their classes at their cells as surely as their objects are judged to be there."""
        told, calibrated = context.told, context.calibration
        told = told.only(shares_of(told.at_best, calibrated)[:, 0, 0] >= RAW_SHARE)
        shares = shares_of(told, calibrated)
        found = list(missed_objects(told, shares, grid))
        if not found:
            return grid
        features = torch.stack([one.features for one in found])
        sure = features[:, 0].sigmoid() if calibrated is None else probability(calibrated.added, features)
        best = torch.zeros_like(shares)
        for one, own in zip(found, sure, strict=True):
            if bool(own >= self.least):
                best[one.place] = torch.maximum(best[one.place], own * one.cells)
        added = best.flatten(1).amax(1) > 0
        if not bool(added.any()):
            return grid
        # Where two are added, the surer one stays: two beliefs above a half cannot both be.
        best, classes = best[added], told.classes[added]
        best = best * (best == best.amax(0))
        wider = widened(grid, classes, best.new_tensor(RAW_FLOOR))
        places = torch.searchsorted(wider.classes, classes)
        own = torch.zeros_like(wider.log_probabilities).index_copy(0, places, best.clamp(max=1 - 1e-4))
        total = own.sum(0)
        probabilities = wider.log_probabilities.exp()
        others = torch.where(own > 0, 0, probabilities)
        probabilities = torch.where(
            total > 0, own + others * ((1 - total) / others.sum(0).clamp(min=1e-6)), probabilities
        )
        return replace(wider, log_probabilities=probabilities.clamp(min=1e-12).log())


@part("textonly")
@dataclass(frozen=True)
class TextOnly(WordBelief):
    """The label map of words alone: a control that knows nothing of the baseline."""

    anew: ClassVar[bool] = True

    def revise(self, grid: Grid, context: ImageContext) -> Grid:
        """Believe each class as far as words speak for it, and in the background as in even odds."""
        told, calibrated = context.told, context.calibration
        classes = told.classes
        if context.background is not None:
            classes = torch.unique(torch.cat([classes, classes.new_tensor([context.background])]))
        nothing = Grid(
            grid.frame, classes, torch.zeros(len(classes), *grid.shape, device=grid.image.device),
            grid.labels, grid.image,
        )  # fmt: skip
        ratios = ratios_of(told, calibrated)
        return with_ratios(nothing, told.classes, ratios, ratios.new_zeros(()))


@part("textmask")
@dataclass(frozen=True)
class TextMask(PromptPart):
    """A mask prompt of what words say of the region's class; the region itself, where its class has no words."""

    slot = "mask"
    needs_words: ClassVar[bool] = True
    strength: float = option(MASK_STRENGTH, "the largest log-odds", least=0)

    def ask(self, region: Region, context: ImageContext) -> Prompt:
        """Return log-odds that a cell is of the class, if that is in the image; the least in the frame's padding."""
        told = context.told
        own = (told.classes == region.class_id).nonzero()[:, 0]
        if not len(own):
            return Prompt(mask=region.mask, mask_strength=self.strength)
        odds = context.word_odds[own[0]].clamp(-self.strength, self.strength)
        (height, width), side = odds.shape, context.frame.mask_size
        return Prompt(mask_logits=F.pad(odds, (0, side - width, 0, side - height), value=-self.strength))


def with_ratios(grid: Grid, classes: Tensor, ratios: Tensor, floor: Tensor) -> Grid:
    """Add what speaks for classes to what is believed.

    Args:
        grid: What is believed.
        classes: Their ids, ascending, int64 ``[A]``.
        ratios: Natural logarithms, float32 ``[A, h, w]``.
        floor: Log-probability, scalar, that a class had which is not among the grid's.
    """
    wider = widened(grid, classes, floor)
    total = wider.log_probabilities.index_add(0, torch.searchsorted(wider.classes, classes), ratios)
    # They are scores from now on, whatever they were before.
    believed = total.log_softmax(0)
    likely = believed.flatten(1).amax(1) > math.log(LEAST_PROBABILITY)
    kept = likely | (wider.classes[:, None] == grid.classes).any(1)
    return replace(wider, classes=wider.classes[kept], log_probabilities=believed[kept], scored=True)


def widened(grid: Grid, classes: Tensor, floor: Tensor) -> Grid:
    """Return a grid with more classes, which have a log-probability everywhere before all are made one again.

    Args:
        grid: What is believed.
        classes: Ids, int64; those that the grid has are left as they are.
        floor: That log-probability, scalar.
    """
    new = classes[(classes[:, None] != grid.classes).all(1)]
    together = torch.cat([grid.classes, new])
    order = together.argsort()
    joined = torch.cat([grid.log_probabilities, floor.expand(len(new), *grid.shape)])
    return replace(grid, classes=together[order], log_probabilities=joined[order].log_softmax(0))
