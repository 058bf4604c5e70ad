"""Sign flips against scipy, and what neither test depends on: seeds, chunks, order."""

import dataclasses

import numpy as np
import pytest
import scipy.stats

from lit_samseg.metrics.bootstrap import bootstrap_differences
from lit_samseg.metrics.paired import METRICS, PairedCounts
from lit_samseg.metrics.permutation import permutation_p, swapped_images
from lit_samseg.metrics.significance import compare_pair, compare_rows
from tests.metrics.paired_rows import by_row, difference_by_score, some_counts


def scipys_p(counts: np.ndarray, metric: int, resamples: float, seed: int = 0) -> float:
    images = counts.shape[2]
    table = np.concatenate([counts[0], counts[1]], axis=1)

    def difference(row: np.ndarray, baseline: np.ndarray) -> float:
        return difference_by_score(table[:, row.astype(int)], table[:, baseline.astype(int)])[metric]

    return scipy.stats.permutation_test(
        (np.arange(images) + images, np.arange(images)),
        difference,
        permutation_type="samples",
        vectorized=False,
        n_resamples=resamples,
        rng=np.random.default_rng(seed),
    ).pvalue


@pytest.mark.parametrize("seed", range(4))
def test_p_equals_scipys_where_all_swaps_are_tried(seed: int) -> None:
    counts = some_counts(seed, rows=2, images=8, gains=(0.0, 0.05))
    ours = permutation_p(PairedCounts.from_counts(counts), flips=256)[0]
    theirs = [scipys_p(counts, m, np.inf) for m in range(3)]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    assert np.all((ours * 256) % 2 == 0)
    assert len(set(ours)) > 1


def test_p_agrees_with_scipys_random_swaps() -> None:
    """Tolerance: four standard errors of two shares, sqrt(p (1 - p) / F); scipy doubles one tail, p / 2."""
    counts = some_counts(25, rows=3, images=25, gains=(0.0, 0.0, 0.03))[1:]
    ours = permutation_p(PairedCounts.from_counts(counts), flips=10_000)[0]
    for m, p in enumerate(ours):
        assert 0.01 < p < 0.9, "the case decides nothing"
        error = np.sqrt(p * (1 - p / 2) * (1 / 10_000 + 2 / 3000))
        assert p == pytest.approx(scipys_p(counts, m, 3000), abs=4 * error)


def test_random_swaps_approach_all_swaps() -> None:
    paired = PairedCounts.from_counts(some_counts(5, rows=3, images=12))
    exact = permutation_p(paired, flips=4096)
    random = permutation_p(paired, flips=4095)
    assert not np.array_equal(exact, random)
    assert np.all(np.abs(exact - random) <= 4 * np.sqrt(exact * (1 - exact) / 4095) + 1 / 4096)


def test_p_of_random_swaps_counts_the_observed_arrangement() -> None:
    """30 images all far better: no random swap reaches the observed difference, yet p is not 0."""
    gt_area = np.full((30, 2), 100)
    baseline = np.stack([gt_area // 2, gt_area, gt_area])
    row = np.stack([gt_area * 9 // 10, gt_area, gt_area])
    for test in compare_pair(baseline, row, resamples=999):
        assert test.p == 1 / 1000
        assert test.verdict == "better"


def test_all_swaps_are_tried_once() -> None:
    swaps = np.concatenate(list(swapped_images(5, 32, seed=0, chunk=7)))
    assert swaps.shape == (32, 5)
    assert len({row.tobytes() for row in swaps}) == 32
    assert np.concatenate(list(swapped_images(5, 31, seed=0, chunk=7))).shape == (31, 5)


def test_seeds_repeat_and_matter() -> None:
    counts = some_counts(6, images=20)
    first = compare_rows(counts, resamples=300, seed=1)
    assert first == compare_rows(counts, resamples=300, seed=1)
    other = compare_rows(counts, resamples=300, seed=2)
    assert all(a.low != b.low for a, b in zip(first, other, strict=True))
    assert any(a.p != b.p for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("chunk", [1, 7, 100, 1000])
@pytest.mark.parametrize("images", [7, 20])
def test_chunks_do_not_matter(chunk: int, images: int) -> None:
    paired = PairedCounts.from_counts(some_counts(7, images=images))
    whole, part = (bootstrap_differences(paired, 301, 4, chunk=c) for c in (301, chunk))
    np.testing.assert_array_equal(part, whole)
    whole, part = (permutation_p(paired, 301, 4, chunk=c) for c in (301, chunk))
    np.testing.assert_array_equal(part, whole)


def test_the_order_of_rows_does_not_matter() -> None:
    counts = some_counts(8, rows=4, gains=(0, 0.1, -0.1, 0.02))
    found = by_row(compare_rows(counts, resamples=300))
    turned = by_row(compare_rows(counts[[0, 3, 1, 2]], resamples=300))
    for metric in METRICS:
        for before, after in ((1, 2), (2, 3), (3, 1)):
            assert dataclasses.replace(found[before, metric], row=after) == turned[after, metric]
            alone = compare_pair(counts[0], counts[before], resamples=300)[METRICS.index(metric)]
            assert alone.p_holm == alone.p
            together = dataclasses.replace(found[before, metric], row=1, p_holm=alone.p, verdict=alone.verdict)
            assert alone == together


def test_classes_nobody_has_do_not_matter() -> None:
    counts = some_counts(9)
    padded = np.zeros((*counts.shape[:3], 40), dtype=np.int64)
    padded[..., 5:12] = counts
    assert compare_rows(counts, resamples=200) == compare_rows(padded, resamples=200)
