"""What an image's gain depends on: slopes within pairs, with intervals that know that images come again in other pairs.

A pair's mean gain is its own (fixed effects), so that a slope says how images of one pair differ, never how pairs do.
An image's gains in several pairs are not independent: the standard errors are robust to whatever goes on within an
image (Liang and Zeger 1986), times ``G / (G - 1) * (N - 1) / (N - k)`` for ``G`` images, ``N`` gains and ``k`` slopes
and pairs, with Student's t of ``G - 1`` degrees of freedom.

**Regression to the mean.** Gain is the row's score minus the baseline's. Whatever the baseline's score has of luck is
in the gain with the opposite sign: even a row that helps all images alike is seen to help the worst most. A slope on
the baseline's score is a description and no cause. Oldham (1962): the gain's slope on the mean of both scores,
`MEAN_SCORE`, is 0 where the row helps good and bad images alike, and luck is alike in both. It is best read beside the
other; where the two have different signs, nothing is known. It is never put with others: with the baseline's score it
is the gain itself.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.special
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

MEAN_SCORE = "mean_score"
"""The moderator by which Oldham's slope is found: the mean of the baseline's and the row's score of an image."""

_CONSTANT = 1e-9
"""Of a moderator's size: what varies less within pairs is the same for all their images."""


@dataclass(frozen=True)
class Slope:
    """How much the gain changes with a moderator; nan where that cannot be said.

    Attributes:
        name: The moderator.
        together: Whether the other moderators were kept as they are, or this one was looked at alone.
        images: How many different images were used, ``G``.
        gains: How many gains, ``N``: an image has one in each pair that holds it.
        per_unit: Change of the gain for one unit of the moderator.
        low: Its interval's lower end.
        high: Its upper end.
        standardised: Change of the gain in its standard deviations for one of the moderator's, both within pairs.
        p: Two-sided, of the slope being 0; not corrected for the number of moderators.
    """

    name: str
    together: bool
    images: int
    gains: int
    per_unit: float
    low: float
    high: float
    standardised: float
    p: float


def regress(
    gains: ArrayLike,
    moderators: Mapping[str, ArrayLike],
    pair: Sequence[object],
    image: Sequence[object],
    *,
    alone: Collection[str] = (MEAN_SCORE,),
    level: float = 0.95,
) -> list[Slope]:
    """Find the slope of the gain on each moderator, alone, and on all of them together.

    Args:
        gains: float64 ``[N]``: of an image in a pair, the row's score minus the baseline's.
        moderators: float64 ``[N]`` by name. Where one is nan, the gain is left out for its own slope, and for all
            slopes together. One that is the same for all images of each pair has no slope, and is not among them.
        pair: Which pair each gain is of, ``[N]``.
        image: Which image, ``[N]``: the same in all pairs that hold it, and different in different data sets.
        alone: Names of moderators that are not put with others.
        level: Of the intervals.

    Returns:
        The slopes alone in the order of the moderators, then those together, if there are two or more of these.

    Raises:
        ValueError: The arguments have different lengths.
    """
    y = np.asarray(gains, dtype=np.float64)
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in moderators.items()}
    pairs, images = _numbers(pair), _numbers(image)
    if any(one.shape != y.shape or y.ndim != 1 for one in (pairs, images, *columns.values())):
        raise ValueError("gains, moderators, pairs and images have different lengths; each should have one a gain")
    slopes = [
        slope
        for name, column in columns.items()
        for slope in _fit(y, {name: column}, pairs, images, level=level, together=False)
    ]
    varied = {slope.name for slope in slopes if np.isfinite(slope.per_unit)} - set(alone)
    if len(varied) > 1:
        joint = {name: column for name, column in columns.items() if name in varied}
        slopes += _fit(y, joint, pairs, images, level=level, together=True)
    return slopes


def _numbers(names: Sequence[object]) -> Places:
    """Number names in the order in which they come, ``[N]``."""
    known: dict[object, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], dtype=np.intp)


def _fit(
    y: Floats, columns: Mapping[str, Floats], pairs: Places, images: Places, *, level: float, together: bool
) -> list[Slope]:
    x = np.stack(list(columns.values()), axis=1)
    known = np.isfinite(y) & np.isfinite(x).all(axis=1)
    clusters = np.unique(images[known], return_inverse=True)[1]
    count = int(known.sum()), (int(clusters.max()) + 1 if known.any() else 0)
    within, size = _within(np.column_stack([y, x])[known], pairs[known])
    gain, x = within[:, 0], within[:, 1:]
    spread = np.sqrt((within**2).mean(axis=0)) if count[0] else np.zeros(within.shape[1])
    freedom = count[0] - len(np.unique(pairs[known])) - x.shape[1]
    # In units of its own spread, so that the rank does not hang on anybody's units.
    scaled = x / np.where(spread[1:] > 0, spread[1:], 1)
    flat = (spread[1:] <= _CONSTANT * size[1:]).any()
    if flat or freedom < 1 or count[1] < 2 or np.linalg.matrix_rank(scaled, tol=1e-8 * len(x) ** 0.5) < x.shape[1]:
        nan = float("nan")
        return [Slope(name, together, count[1], count[0], nan, nan, nan, nan, nan) for name in columns]
    slopes, covariance = _clustered(scaled, gain, clusters)
    covariance *= count[1] / (count[1] - 1) * (count[0] - 1) / freedom
    errors = np.sqrt(np.diag(covariance))
    half = -scipy.special.stdtrit(count[1] - 1, (1 - level) / 2) * errors
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * scipy.special.stdtr(count[1] - 1, -np.abs(slopes) / errors)
        standardised = slopes / spread[0]
    unit = 1 / spread[1:]
    ends = zip(slopes * unit, (slopes - half) * unit, (slopes + half) * unit, standardised, p, strict=True)
    return [
        Slope(name, together, count[1], count[0], *map(float, numbers))
        for name, numbers in zip(columns, ends, strict=True)
    ]


def _within(values: Floats, pairs: Places) -> tuple[Floats, Floats]:
    """Take each pair's means away from its values float64 ``[N, V]``; also return how large values are, ``[V]``."""
    numbers = np.unique(pairs, return_inverse=True)[1]
    sizes = np.bincount(numbers)
    means = np.stack([np.bincount(numbers, column) / sizes for column in values.T], axis=1)
    return values - means[numbers], np.abs(values).max(axis=0, initial=0)


def _clustered(x: Floats, y: Floats, clusters: Places) -> tuple[Floats, Floats]:
    """Return slopes float64 ``[V]`` and their covariance, robust within clusters and without correction, ``[V, V]``."""
    bread = np.linalg.inv(x.T @ x)
    slopes = bread @ (x.T @ y)
    scores = x * (y - x @ slopes)[:, None]
    sums = np.stack([np.bincount(clusters, column) for column in scores.T], axis=1)
    return slopes, bread @ (sums.T @ sums) @ bread
