"""Sign-flip permutation test over images: would a difference this large come about by swapping names?"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lit_samseg.metrics.paired import METRICS, Floats, PairedCounts, pooled_scores

# Differences that are equal on paper can differ by rounding (about 1e-16); they must count as ties.
_ROUNDING = 1e-12


def swapped_images(images: int, flips: int, seed: int, chunk: int) -> Iterator[NDArray[np.bool_]]:
    """Choose images whose two arms change places: all ``2**N`` choices if ``flips`` allows, else random ones.

    Args:
        images: Number of images ``N``.
        flips: Number of choices ``F``.
        seed: Seed of a PCG64 generator.
        chunk: Choices to yield at a time; the numbers do not depend on it.

    Yields:
        bool ``[f, N]`` with ``f <= chunk``; ``min(F, 2**N)`` in all.
    """
    numbers = np.random.Generator(np.random.PCG64(seed))
    exact = enumerates(images, flips)
    total = 1 << images if exact else flips
    for start in range(0, total, chunk):
        stop = min(start + chunk, total)
        if exact:
            yield (np.arange(start, stop)[:, None] >> np.arange(images) & 1).astype(bool)
        else:
            yield numbers.random((stop - start, images)) < 0.5


def enumerates(images: int, flips: int) -> bool:
    """Return whether ``flips`` are enough to try every choice of images."""
    return 1 << images <= flips


def permutation_p(paired: PairedCounts, flips: int = 10_000, seed: int = 0, chunk: int | None = None) -> Floats:
    """Test each row against row 0, two-sided.

    If a row and the baseline were equally good, each image's pair of results could as well have come with the names
    swapped. The p-value is the share of swaps whose pooled difference is at least as large, in absolute value, as
    the observed one: over all ``2**N`` swaps where these are no more than ``flips``, otherwise over random swaps and
    the observed arrangement (Phipson & Smyth 2010), so it is never 0.

    Args:
        paired: Counts of ``R`` rows over ``N >= 1`` images, not all void.
        flips: Largest number of swaps to try.
        seed: Seed of the random swaps.
        chunk: Swaps to work on at a time, ``paired.chunk()`` if None. No result depends on it.

    Returns:
        float64 ``[R - 1, 3]`` in (0, 1], by ``METRICS``.
    """
    intersections, unions = paired.intersection.sum(axis=1), paired.union.sum(axis=1)
    gt_area = paired.gt_area.sum(axis=0)
    threshold = np.abs(paired.observed()) - _ROUNDING
    as_large = np.zeros((len(intersections) - 1, len(METRICS)), dtype=np.int64)
    tried = 0
    for swapped in swapped_images(paired.images, flips, seed, chunk or paired.chunk()):
        weights = swapped.astype(np.float64)
        for row in range(1, len(intersections)):
            # What the row hands to the baseline when the chosen images change places; the ground truth stays.
            intersection = weights @ (paired.intersection[row] - paired.intersection[0])
            union = weights @ (paired.union[row] - paired.union[0])
            difference = pooled_scores(intersections[row] - intersection, unions[row] - union, gt_area) - pooled_scores(
                intersections[0] + intersection, unions[0] + union, gt_area
            )
            as_large[row - 1] += np.count_nonzero(np.abs(difference) >= threshold[row - 1], axis=0)
        tried += len(swapped)
    # All swaps include the observed arrangement already; random ones do not.
    extra = 0 if enumerates(paired.images, flips) else 1
    return (as_large + extra) / (tried + extra)
