"""Is a row better than the baseline? Interval, p-value, verdict, and what so many images could have shown."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lit_samseg.metrics.bootstrap import bootstrap_differences, percentile_interval, standard_error
from lit_samseg.metrics.paired import METRICS, Floats, PairedCounts
from lit_samseg.metrics.permutation import permutation_p

Verdict = Literal["better", "worse", "no evidence", "too few images"]

ALPHA = 0.05
POWER = 0.8


@dataclass(frozen=True)
class Significance:
    """One row against row 0 in one metric; fractions.

    All of it is about other images of the same kind: the networks are fixed, and their training, the data set's
    labels and correlated images (frames of one video) are no part of it. A class that only few images have is absent
    from many resamples, which moves the mean over classes; then the interval is rough and need not be centred on the
    difference. ``miou`` suffers most, where a row invents a class in one or two images: in simulations without any
    difference its interval alone excluded 0 in 10 % of data sets, the p-value was below 5 % in 5 %. Otherwise the
    interval excluded 0 in 6 % with 40 to 60 images: a percentile interval is a little short with few.

    Attributes:
        row: Position of the row.
        metric: One of ``METRICS``.
        difference: Row minus row 0 on all images; nan where nothing was scored.
        low: Lower end of the 95 % percentile bootstrap interval of the difference; nan where only one image is not
            void: there is none.
        high: Upper end.
        p: Two-sided p-value of the sign-flip permutation test, in (0, 1].
        p_holm: The same, corrected for the number of rows that were tested.
        verdict: "better" or "worse" if ``p_holm`` is below 5 % and the interval lies wholly on the difference's side
            of 0. "too few images" if no result could have brought ``p_holm`` below 5 %: see ``enough``. "no evidence"
            is not evidence of equality: see ``detectable``.
        detectable: The smallest true difference that a test at the 5 % level would have found on so many images in
            80 % of samples: (z_0.975 + z_0.8) standard errors = 2.80. It takes the normal approximation and the
            bootstrap's standard error of this very row, which is too small with few images; a correction for several
            rows makes the true value larger. It says how fine this set of images can measure, not how likely the
            observed difference is to be real. nan where the resamples do not differ (one image, equal rows).
        images: Number of images that are not all void.
        changed: On how many of them the row's counts are others than row 0's. Only these decide: with ``k`` of them no
            p-value is below ``2 ** (1 - k)``, since to swap the others changes nothing and to swap all of them changes
            the sign alone.
        enough: With the verdict "too few images": how many images it takes at least, if the row changes as large a
            share of them. None with other verdicts.
    """

    row: int
    metric: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    verdict: Verdict
    detectable: float
    images: int
    changed: int
    enough: int | None = None

    @property
    def least_p(self) -> float:
        """The smallest p-value that any results on so many changed images can have."""
        return min(1.0, 2.0 ** (1 - self.changed))


def compare_rows(counts: NDArray[np.int64], resamples: int = 10_000, seed: int = 0) -> list[Significance]:
    """Compare every row of a run with its first.

    A row's ``difference``, ``low``, ``high``, ``p`` and ``detectable`` do not depend on the other rows.

    Beside ``counts`` it needs two thirds of their size and about 60 MiB, whatever their number and ``resamples``. The
    time is that of ``8 * R * N * C * resamples`` floating-point operations for large runs.

    Args:
        counts: int64 ``[R, 3, N, C]``: intersection, gt_area, pred_area; row 0 is the baseline.
        resamples: Bootstrap resamples, and swaps of the permutation test.
        seed: Seed of both.

    Returns:
        For each of the rows 1, 2, ... one entry per metric, in the order of ``METRICS``. Holm's correction is over
        the rows, for each metric by itself.

    Raises:
        ValueError: The shape is another one, the rows have different ground truth, or ``resamples`` is below 1.
    """
    if resamples < 1:
        raise ValueError(f"resamples is {resamples}, expected at least 1")
    paired = PairedCounts.from_counts(counts)
    places = [(row, m) for row in range(len(counts) - 1) for m in range(len(METRICS))]
    if not paired.gt_area.any():
        nothing = float("nan")
        return [
            Significance(row + 1, METRICS[m], nothing, nothing, nothing, 1.0, 1.0, "no evidence", nothing, 0, 0)
            for row, m in places
        ]
    observed = paired.observed()
    resampled = bootstrap_differences(paired, resamples, seed)
    p = permutation_p(paired, resamples, seed)
    changed = paired.changed()
    return correct(
        [
            _compare(row, m, observed[row, m], resampled[row, m], p[row, m], paired.scored, changed[row])
            for row, m in places
        ]
    )


def compare_pair(
    a: NDArray[np.int64], b: NDArray[np.int64], resamples: int = 10_000, seed: int = 0
) -> list[Significance]:
    """Compare two rows of any runs over the same images: ``b`` minus ``a``.

    Several pairs that are read together are one family of tests: pass all their results to ``correct``.

    Args:
        a: int64 ``[3, N, C]``.
        b: int64 ``[3, N, C]``, the same images in the same order.
        resamples: As in ``compare_rows``.
        seed: As in ``compare_rows``.

    Returns:
        One entry per metric, with ``row`` 1 and ``p_holm`` equal to ``p``.

    Raises:
        ValueError: The shapes or the ground truth differ.
    """
    if a.shape != b.shape:
        raise ValueError(f"counts of shapes {a.shape} and {b.shape} cannot be paired")
    return compare_rows(np.stack([a, b]), resamples, seed)


def correct(tests: Sequence[Significance]) -> list[Significance]:
    """Correct the tests for their number, for each metric by itself, and judge them anew."""
    corrected = list(tests)
    for metric in {test.metric for test in tests}:
        family = [i for i, test in enumerate(tests) if test.metric == metric]
        least = [tests[i].least_p for i in family]
        for i, p, lowest in zip(family, holm([tests[i].p for i in family]), holm(least), strict=True):
            judged = replace(tests[i], p_holm=float(p))
            # Holm multiplies by the number of tests whose p-values are not smaller.
            enough = _enough(judged, sum(other >= judged.least_p for other in least)) if lowest >= ALPHA else None
            corrected[i] = replace(
                judged, enough=enough, verdict=_verdict(judged) if enough is None else "too few images"
            )
    return corrected


def _enough(test: Significance, factor: int) -> int | None:
    """Return how many images could tell a difference, where these cannot; None where more of them are no remedy.

    Args:
        test: One whose least p-value is not below 5 % when corrected.
        factor: By what the correction multiplies it at least.
    """
    # The smallest k with factor * 2 ** (1 - k) < ALPHA.
    needed = math.floor(math.log2(factor / ALPHA)) + 2
    if math.isnan(test.difference):
        return None
    if test.changed == 0:
        # Equal rows stay equal; so few images would not have shown another row either.
        return needed if test.images < needed else None
    return math.ceil(needed * test.images / test.changed)


def holm(p: Sequence[float]) -> Floats:
    """Return p-values corrected by Holm's step-down method (1979), float64, in the order given."""
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(stepped, 1)
    return corrected


def _compare(
    row: int, metric: int, difference: float, resampled: Floats, p: float, images: int, changed: int
) -> Significance:
    # All resamples of one image are that image.
    low, high = percentile_interval(resampled) if images > 1 else (math.nan, math.nan)
    normal = NormalDist()
    reach = normal.inv_cdf(1 - ALPHA / 2) + normal.inv_cdf(POWER)
    return Significance(
        row=row + 1,
        metric=METRICS[metric],
        difference=float(difference),
        low=low,
        high=high,
        p=float(p),
        p_holm=float(p),
        verdict="no evidence",
        detectable=reach * standard_error(resampled),
        images=images,
        changed=int(changed),
    )


def _verdict(test: Significance) -> Verdict:
    if test.p_holm >= ALPHA:
        return "no evidence"
    if test.difference > 0 and test.low > 0:
        return "better"
    if test.difference < 0 and test.high < 0:
        return "worse"
    return "no evidence"
