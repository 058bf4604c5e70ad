"""Training images become calibrated words: what evidence is worth, and when it is believed."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lit_samseg.finetune.logistic import fit_logistic
from lit_samseg.finetune.word_curves import Counted, count_evidence, ratio_curves, share_curves
from lit_samseg.finetune.word_examples import WordExample, folds_of, open_example
from lit_samseg.refine.calibrated_words import (
    CalibratedWords,
    kept_features,
    ratios_of,
    shares_of,
)
from lit_samseg.refine.missed_objects import missed_objects

WEIGHTS = tuple(n / 10 for n in range(16))
"""What ratios may be multiplied with."""
FLOORS = (-9.0, -7.5, -6.0, -5.0, -4.0)
"""Log-probabilities that a class may have which the baseline finds nowhere likely."""
CELLS = 200
"""Cells of an image by which these are chosen."""
PENALTY = 1e-3
"""Of the regressions' squared coefficients."""
LEAST_EXAMPLES = 10
"""Of fewer nothing is learnt: classes are kept, and nothing is added."""
RIGHT = 0.5
"""An object is there if so much of it is of its class."""


def fit_words(words: CalibratedWords, examples: Sequence[WordExample], folds: int, seed: int) -> float:
    """Fit a calibration to training images.

    Curves are counted on all images. How far they are believed, and the judgements, are fitted to images whose own
    counts were left out.

    Args:
        words: Is changed.
        examples: Images, in the data set's order; one at least.
        folds: Parts that they are cut into.
        seed: Of the cells that are drawn.

    Returns:
        Mean negative log-likelihood of the ground truth's classes at cells of images that were left out, with words.
    """
    classes = len(words.class_names)
    fold = folds_of(len(examples), folds)
    counted = [
        count_evidence([one for one, own in zip(examples, fold, strict=True) if own == n], classes)
        for n in range(max(fold) + 1)
    ]
    total = counted[0]
    for other in counted[1:]:
        total = Counted(*(getattr(total, name) + getattr(other, name) for name in Counted.__dataclass_fields__))
    left_out = CalibratedWords(words.class_names)
    losses, kept, added = [], [], []
    for n, own in enumerate(counted):
        # Of a single fold nothing is left, and nothing can be found out.
        _set_curves(left_out, total - own if len(counted) > 1 else total)
        for place, example in enumerate(examples):
            if fold[place] != n:
                continue
            rng = np.random.default_rng([seed, place])
            losses += _losses(example, left_out, rng)
            kept.append(_kept(example))
            added.append(_added(example, left_out))
    _set_curves(words, total)
    loss = 0.0
    if losses:
        weight, floor, loss = choose_belief(torch.stack(losses))
        words.weight.data.fill_(weight)
        words.floor.fill_(floor)
    words.kept.copy_(fit_judgement(kept, words.kept))
    words.added.copy_(fit_judgement(added, words.added))
    return loss


def _set_curves(words: CalibratedWords, counted: Counted) -> None:
    words.ratios.copy_(torch.from_numpy(ratio_curves(counted)))
    words.shares.copy_(torch.from_numpy(share_curves(counted)))


def _losses(example: WordExample, words: CalibratedWords, rng: np.random.Generator) -> list[Tensor]:
    """Return an image's mean loss for each weight and floor, float64 ``[WEIGHTS, FLOORS]``; none of void alone."""
    grid, told, target = open_example(example)
    known = (target >= 0).flatten().nonzero()[:, 0]
    some = known[torch.from_numpy(rng.permutation(len(known))[:CELLS])]
    truth = target.flatten()[some]
    classes = torch.unique(torch.cat([grid.classes, told.classes]))
    believed = torch.full((len(classes), len(some)), torch.nan, dtype=torch.float64)
    believed[torch.searchsorted(classes, grid.classes)] = grid.log_probabilities.flatten(1)[:, some].double()
    ratios = torch.zeros(len(classes), len(some), dtype=torch.float64)
    ratios[torch.searchsorted(classes, told.classes)] = ratios_of(told, words).flatten(1)[:, some].double()
    place = torch.searchsorted(classes, truth).clamp(max=len(classes) - 1)
    # Of a class that is in neither nothing can be learnt.
    usable = classes[place] == truth
    place, believed, ratios = place[usable], believed[:, usable], ratios[:, usable]
    found = torch.zeros(len(WEIGHTS), len(FLOORS), dtype=torch.float64)
    if not len(place):
        return []
    for column, floor in enumerate(FLOORS):
        base = torch.where(believed.isnan(), floor, believed)
        for row, weight in enumerate(WEIGHTS):
            scores = base + weight * ratios
            right = scores.gather(0, place[None])[0]
            found[row, column] = (scores.logsumexp(0) - right).mean()
    return [found]


def choose_belief(losses: Tensor) -> tuple[float, float, float]:
    """Return weight, floor and mean loss: the least weight whose loss is within a standard error of the best.

    Args:
        losses: Of each image, float64 ``[N, WEIGHTS, FLOORS]``.
    """
    mean = losses.mean(0)
    best = int(mean.flatten().argmin())
    row, column = divmod(best, len(FLOORS))
    for weaker in range(row):
        worse = losses[:, weaker, column] - losses[:, row, column]
        error = worse.std(correction=0) / max(1, len(worse)) ** 0.5
        if float(worse.mean()) <= float(error):
            row = weaker
            break
    return WEIGHTS[row], FLOORS[column], float(mean[row, column])


Examples = tuple[Tensor, Tensor]
"""Features, float32 ``[N, 3]``, and what is right, bool ``[N]``."""


def _kept(example: WordExample) -> Examples:
    """Return the label map's classes that the ground truth judges, and whether they are in the image."""
    grid, told, target = open_example(example)
    places, features = kept_features(told, grid)
    own = told.classes[places]
    there = (target.flatten()[:, None] == own).any(0)
    # Where the label map has a class in void alone, nobody knows.
    judged = (grid.labels[target >= 0][:, None] == own).any(0) | there
    return features[judged], there[judged]


def _added(example: WordExample, words: CalibratedWords) -> Examples:
    """Return objects that words find and the label map has not, and whether they are there."""
    grid, told, target = open_example(example)
    features, right = [torch.zeros(0, 3)], []
    for found in missed_objects(told, shares_of(told, words), grid):
        own = target[found.cells]
        known = int((own >= 0).sum())
        if known:
            features.append(found.features[None])
            right.append(int((own == told.classes[found.place]).sum()) >= RIGHT * known)
    return torch.cat(features), torch.tensor(right, dtype=torch.bool)


def fit_judgement(examples: Sequence[Examples], unknown: Tensor) -> Tensor:
    """Fit a logistic regression ``[4]``; where there is too little to learn from, keep what there was."""
    features, right = (torch.cat(list(own)) for own in zip(*examples, strict=True))
    if len(right) < LEAST_EXAMPLES:
        return unknown
    found = fit_logistic(features, right, torch.ones(len(right)), PENALTY)
    weight = found.weight / found.std
    return torch.cat([weight, (found.bias - (weight * found.mean).sum())[None]]).float()
