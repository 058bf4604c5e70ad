"""What evidence is worth, counted on training images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from lit_samseg.finetune.word_examples import WordExample, bins_of, open_example
from lit_samseg.refine.calibrated_words import BINS

BORROWED = 5.0
"""A class counts as if so many more images had what all classes have on average."""
NEUTRAL = 1.0
"""And as if in so many more evidence said nothing, so that a few images prove little."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Counted:
    """How evidence is spread, added up over images, each of which counts once; of ``C`` classes.

    Attributes:
        inside: Share of a class's cells with evidence in each bin, ``[C, BINS]``.
        inside_images: Images that have the class, ``[C]``.
        outside: Share of the other cells, ``[C, BINS]``.
        outside_images: Images with other cells, ``[C]``.
        own: In images with the class, share of all cells that are of it and have such evidence, ``[C, BINS]``.
        others: There, of those that are not, ``[C, BINS]``.
    """

    inside: Array
    inside_images: Array
    outside: Array
    outside_images: Array
    own: Array
    others: Array

    def __sub__(self, other: "Counted") -> "Counted":
        return Counted(*(getattr(self, name) - getattr(other, name) for name in Counted.__dataclass_fields__))


def count_evidence(examples: Sequence[WordExample], classes: int) -> Counted:
    """Count the evidence of some images."""
    total = Counted(
        *(np.zeros((classes, BINS) if wide else classes) for wide in (True, False, True, False, True, True))
    )
    for example in examples:
        _, told, target = open_example(example)
        truth, bins = target.numpy(), bins_of(told)
        known = truth >= 0
        cells = int(known.sum())
        if not cells:
            continue
        for class_id, own_bins in zip(told.classes.tolist(), bins, strict=True):
            every = np.bincount(own_bins[known], minlength=BINS)
            there = np.bincount(own_bins[truth == class_id], minlength=BINS)
            elsewhere = every - there
            if there.any():
                total.inside[class_id] += there / there.sum()
                total.inside_images[class_id] += 1
                total.own[class_id] += there / cells
                total.others[class_id] += elsewhere / cells
            if elsewhere.any():
                total.outside[class_id] += elsewhere / elsewhere.sum()
                total.outside_images[class_id] += 1
    return total


def ratio_curves(counted: Counted) -> Array:
    """Return how much likelier evidence is inside a class's places than outside, natural logarithms, ``[C, BINS]``.

    It rises with the evidence: isotonic regression of the share that is inside, of as many cells inside as outside.
    """
    images = counted.inside_images
    inside = _borrowed(counted.inside, images)
    outside = _borrowed(counted.outside, counted.outside_images)
    neutral = _doubt(images)[:, None] * (inside + outside) / 2
    known = 1 - _doubt(images)[:, None]
    pairs = zip(known * inside + neutral, known * outside + neutral, strict=True)
    return np.stack([_logit(_rising(a, b)) for a, b in pairs])


def share_curves(counted: Counted) -> Array:
    """Return how likely a cell with such evidence is of a class that is in the image, ``[C, BINS]``; it rises too."""
    images = counted.inside_images
    own, others = (_borrowed(found, images) for found in (counted.own, counted.others))
    shares = np.stack([_rising(a, b) for a, b in zip(own, others, strict=True)])
    usual = own.sum(1, keepdims=True) / (own + others).sum(1, keepdims=True).clip(1e-9)
    doubt = _doubt(images)[:, None]
    return np.asarray((1 - doubt) * shares + doubt * usual)


def _borrowed(found: Array, images: Array) -> Array:
    """Return means over images, with what all classes have on average, ``[C, BINS]``."""
    pooled = found.sum(0) / max(1.0, float(images.sum()))
    return np.asarray((found + BORROWED * pooled) / (images[:, None] + BORROWED))


def _doubt(images: Array) -> Array:
    """Return how much of what is known of each class is nothing but a beginning, ``[C]``, 0 to 1."""
    return np.asarray(NEUTRAL / (images + min(BORROWED, float(images.sum())) + NEUTRAL))


def _rising(one: Array, other: Array) -> Array:
    """Return the share of one in both, by isotonic regression; where there is neither, that of the bins beside."""
    weights = one + other + 1e-12
    found: Array = isotonic_regression((one + 5e-13) / weights, weights=weights).x
    return found.clip(1e-6, 1 - 1e-6)


def _logit(shares: Array) -> Array:
    return np.asarray(np.log(shares / (1 - shares)))
