"""Bootstrap over images that several pairs share: an image weighs the same in all of them.

Pairs of data set and baseline are not independent where they hold the same images: a hard image is hard for both. Each
resample therefore gives an image one weight, whichever pairs hold it, and the rows' differences move together as they
would with other images.

Pairs that share images, directly or by way of others, are a group. Its images are drawn once:

- Where all its pairs hold the same images, as :mod:`lit_samseg.metrics.bootstrap` draws them: with replacement, as many
  as there are. What it says of one pair is then what that pair's own bootstrap says, but for chance.
- Where pairs overlap in part, no such draw gives each its own number of images. Each image is taken Poisson(1) times,
  on its own (Hanley and MacGibbon 2006; Chamandy et al. 2012). A pair's number of images then varies by its square
  root, which a ratio of sums hardly sees: its standard error is larger by a factor of about ``1 + 1 / (2 N)``.

Draws depend on the seed, the name of the data set and the group's ids alone: not on the order of the pairs or of their
images, nor on what else is pooled.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lit_samseg.metrics.bootstrap import differences_by_weights, resampled_images, times_drawn
from lit_samseg.metrics.paired import METRICS, PRIMARY_METRIC, PairedCounts

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PairCounts:
    """Counts of one pair of data set and baseline.

    Attributes:
        key: Where its ids are names of images: ``VOC2012``, say. Data sets that label the same images by the same ids
            should give the same key.
        ids: The images' ids, ``N`` of them, all different.
        counts: int64 ``[R, 3, N, C]``: intersection, gt_area, pred_area; row 0 is the baseline.
        rows: Places of the rows asked for, ``A`` of them; None where this pair has no such row.
    """

    key: str
    ids: Sequence[str]
    counts: NDArray[np.int64]
    rows: Sequence[int | None]


def groups(pairs: Sequence[PairCounts]) -> list[int]:
    """Return each pair's group, by the place of its first pair: those that share no image are of different groups."""
    held = [{(pair.key, image) for image in pair.ids} for pair in pairs]
    group = list(range(len(pairs)))
    for place, images in enumerate(held):
        for other in range(place):
            if group[other] != group[place] and images & held[other]:
                least, most = sorted((group[other], group[place]))
                group = [least if number == most else number for number in group]
    return group


def joint_bootstrap(pairs: Sequence[PairCounts], resamples: int = 10_000, seed: int = 0) -> Floats:
    """Resample the images, the same for all rows and pairs, and take the differences to row 0.

    Args:
        pairs: ``K`` of them; each asks for the same number of rows.
        resamples: Number of resamples ``B``.
        seed: Seed of the draws.

    Returns:
        Differences of `PRIMARY_METRIC`, float64 ``[B, K, A]``: fractions; nan where a pair has no such row, or fewer
        than two images that are not all void, and where a resample holds nothing but void of a pair.

    Raises:
        ValueError: Pairs ask for different numbers of rows, an id is given twice, or ids and counts do not match.
    """
    asked = {len(pair.rows) for pair in pairs}
    if len(asked) > 1:
        raise ValueError(f"pairs ask for {sorted(asked)} rows; each should ask for the same ones")
    for pair in pairs:
        if len(set(pair.ids)) != len(pair.ids) or len(pair.ids) != pair.counts.shape[2]:
            raise ValueError(f"{len(pair.ids)} ids of {pair.key} are no names of {pair.counts.shape[2]} images")
    differences = np.full((resamples, len(pairs), asked.pop() if asked else 0), np.nan)
    group = np.array(groups(pairs))
    for number in np.unique(group):
        members = np.flatnonzero(group == number).tolist()
        _fill(differences, [pairs[place] for place in members], members, seed)
    return differences


def covariance_of(resampled: Floats, group: Sequence[int] | None = None) -> Floats:
    """Return the sampling covariance of pairs' effects, float64 ``[K, K]``.

    Args:
        resampled: One row's differences, float64 ``[B, K]``. A resample that has no number for a pair is left out for
            all, so that what is returned is a covariance; a pair that has none at all has nan, and is not counted.
        group: Each pair's of `groups`. The covariance between groups is then 0, as it is known to be, rather than what
            chance made of it.

    Raises:
        ValueError: Fewer than two resamples have a number for all pairs.
    """
    known = np.asarray(np.isfinite(resampled).any(axis=0))
    whole = resampled[:, known]
    whole = whole[np.isfinite(whole).all(axis=1)]
    covariance = np.full((len(known), len(known)), np.nan)
    if not known.any():
        return covariance
    if len(whole) < 2:
        raise ValueError(f"{len(whole)} of {len(resampled)} resamples have a number for all pairs; give more of them")
    covariance[np.ix_(known, known)] = np.cov(whole, rowvar=False, ddof=1)
    if group is not None:
        covariance[np.not_equal.outer(group, group) & np.isfinite(covariance)] = 0
    return covariance


def _fill(differences: Floats, pairs: Sequence[PairCounts], places: Sequence[int], seed: int) -> None:
    """Write the differences of one group's pairs to their places."""
    needed = [sorted({0, *(row for row in pair.rows if row is not None)}) for pair in pairs]
    paired = [PairedCounts.from_counts(pair.counts[rows]) for pair, rows in zip(pairs, needed, strict=True)]
    images = sorted({image for pair in pairs for image in pair.ids})
    where = {image: n for n, image in enumerate(images)}
    own = [np.array([where[image] for image in pair.ids]) for pair in pairs]
    primary, done = METRICS.index(PRIMARY_METRIC), 0
    for weights in _weights(pairs, images, len(differences), seed, min(one.chunk() for one in paired)):
        chunk = slice(done, done + len(weights))
        for n, place in enumerate(places):
            if paired[n].scored < 2:
                # It would be the same in every resample, which is no certainty.
                continue
            found = differences_by_weights(paired[n], weights[:, own[n]])[:, primary]
            of_row = dict(zip(needed[n][1:], found, strict=True)) | {0: np.zeros(len(weights))}
            for column, row in enumerate(pairs[n].rows):
                if row is not None:
                    differences[chunk, place, column] = of_row[row]
        done += len(weights)


def _weights(
    pairs: Sequence[PairCounts], images: Sequence[str], resamples: int, seed: int, chunk: int
) -> Iterator[Floats]:
    """Yield how often each of a group's images is taken, float64 ``[b, N]``; the chunks do not decide the numbers."""
    named = "\0".join([pairs[0].key, *images]).encode()
    stream = int.from_bytes(hashlib.sha256(seed.to_bytes(16, "big", signed=True) + named).digest()[:16], "big")
    if all(len(pair.ids) == len(images) for pair in pairs):
        for drawn in resampled_images(len(images), resamples, stream, chunk):
            yield times_drawn(drawn)
        return
    numbers = np.random.Generator(np.random.PCG64(stream))
    for start in range(0, resamples, chunk):
        yield numbers.poisson(1.0, (min(chunk, resamples - start), len(images))).astype(np.float64)
