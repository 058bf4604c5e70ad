"""Paired bootstrap over images: how far a difference between two rows would move with other images."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lit_samseg.metrics.paired import METRICS, Floats, PairedCounts, pooled_scores


def resampled_images(images: int, resamples: int, seed: int, chunk: int) -> Iterator[NDArray[np.int64]]:
    """Draw images with replacement.

    Args:
        images: Number of images ``N``, at least 1.
        resamples: Number of resamples ``B``.
        seed: Seed of a PCG64 generator.
        chunk: Resamples to yield at a time; the numbers do not depend on it.

    Yields:
        Positions of images, int64 ``[b, N]`` with ``b <= chunk``, ``B`` of them in all.
    """
    numbers = np.random.Generator(np.random.PCG64(seed))
    for start in range(0, resamples, chunk):
        # int64 and not a smaller type: numpy draws those in batches and throws a batch's rest away at each call.
        yield numbers.integers(images, size=(min(chunk, resamples - start), images), dtype=np.int64)


def bootstrap_differences(
    paired: PairedCounts, resamples: int = 10_000, seed: int = 0, chunk: int | None = None
) -> Floats:
    """Resample the images, the same for all rows, and take the differences to row 0.

    The class sets of the three metrics are found anew in each resample, as ``scores.score`` would.

    Args:
        paired: Counts of ``R`` rows over ``N >= 1`` images.
        resamples: Number of resamples ``B``.
        seed: Seed of the resamples.
        chunk: Resamples to work on at a time, ``paired.chunk()`` if None. No result depends on it.

    Returns:
        float64 ``[R - 1, 3, B]`` by ``METRICS``; nan where a resample holds nothing but void.
    """
    differences = np.empty((len(paired.intersection) - 1, len(METRICS), resamples))
    done = 0
    for drawn in resampled_images(paired.images, resamples, seed, chunk or paired.chunk()):
        differences[:, :, done : done + len(drawn)] = differences_by_weights(paired, times_drawn(drawn))
        done += len(drawn)
    return differences


def differences_by_weights(paired: PairedCounts, weights: Floats) -> Floats:
    """Take the differences to row 0 with each image counted so many times.

    Args:
        paired: Counts of ``R`` rows over ``N`` images.
        weights: Whole numbers, float64 ``[b, N]``.

    Returns:
        float64 ``[R - 1, 3, b]`` by ``METRICS``; nan where there is nothing but void.
    """
    gt_area = weights @ paired.gt_area
    baseline, *scores = (
        pooled_scores(weights @ intersection, weights @ union, gt_area)
        for intersection, union in zip(paired.intersection, paired.union, strict=True)
    )
    differences = np.empty((len(scores), len(METRICS), len(weights)))
    for row, of_row in enumerate(scores):
        differences[row] = (of_row - baseline).T
    return differences


def percentile_interval(differences: Floats, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval of one row's differences, float64 ``[B]``; resamples that are nan are left out."""
    tail = (1 - level) / 2
    low, high = np.quantile(differences[np.isfinite(differences)], (tail, 1 - tail))
    return float(low), float(high)


def standard_error(differences: Floats) -> float:
    """Return the standard deviation of one row's differences, float64 ``[B]``; nan where all are the same."""
    known = differences[np.isfinite(differences)]
    return float(known.std(ddof=1)) if np.ptp(known) > 0 else float("nan")


def times_drawn(drawn: NDArray[np.int64]) -> Floats:
    """Turn positions int64 ``[b, N]`` into how often each image was drawn, float64 ``[b, N]``."""
    resamples, images = drawn.shape
    cells = drawn + images * np.arange(resamples)[:, None]
    return np.bincount(cells.ravel(), minlength=cells.size).reshape(drawn.shape).astype(np.float64)
