"""The paired bootstrap against plain loops over ``score`` and scipy."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_samseg.metrics import score
from lit_samseg.metrics.bootstrap import bootstrap_differences, percentile_interval, resampled_images, standard_error
from lit_samseg.metrics.paired import METRICS, PairedCounts, pooled_scores
from lit_samseg.metrics.significance import compare_pair, compare_rows
from tests.metrics.paired_rows import by_row, difference_by_score, some_counts


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_pooled_scores_are_those_of_the_tables(seed: int, images: int) -> None:
    counts = some_counts(seed, images=images)
    paired = PairedCounts.from_counts(counts)
    assert paired.gt_area.shape[1] < counts.shape[-1]
    scores = pooled_scores(paired.intersection.sum(1), paired.union.sum(1), paired.gt_area.sum(0))
    for row, found in zip(counts, scores, strict=True):
        expected = score(row)
        np.testing.assert_allclose(found, [getattr(expected, metric) for metric in METRICS], rtol=0, atol=1e-14)


def test_a_class_only_the_row_predicts_counts_in_miou_alone() -> None:
    gt_area = np.array([[10, 0], [10, 0]])
    baseline = np.stack([gt_area, gt_area, gt_area])
    invents = np.stack([gt_area, gt_area, np.array([[10, 5], [10, 5]])])
    found = by_row(compare_pair(baseline, invents, resamples=50))
    assert found[1, "miou"].difference == pytest.approx(-0.5)
    assert found[1, "miou_gt_present"].difference == 0
    assert found[1, "macc"].difference == 0


def test_bootstrap_equals_a_loop_over_the_same_images() -> None:
    """Classes come and go between resamples; the slow way asks ``score`` each time."""
    counts = some_counts(1)
    resamples = 400
    found = bootstrap_differences(PairedCounts.from_counts(counts), resamples, seed=5)
    drawn = np.concatenate(list(resampled_images(12, resamples, seed=5, chunk=64)))
    assert drawn.shape == (resamples, 12)
    sets = {(score(counts[1][:, images]).gt_area > 0).tobytes() for images in drawn}
    assert len(sets) > 1, "every resample has the same classes"
    for b, images in enumerate(drawn):
        for row in (1, 2):
            slow = difference_by_score(counts[row][:, images], counts[0][:, images])
            np.testing.assert_allclose(found[row - 1, :, b], slow, rtol=0, atol=1e-12)


def test_interval_and_standard_error_by_hand() -> None:
    values = np.array([3.0, 1.0, np.nan, 0.0, 2.0, 4.0])
    # Five values are the quantiles 0, 1/4, ..., 1; in between it is linear.
    assert percentile_interval(values) == pytest.approx((0.1, 3.9), abs=1e-12)
    assert percentile_interval(values, level=0.5) == pytest.approx((1.0, 3.0), abs=1e-12)
    assert standard_error(values) == pytest.approx(np.sqrt(2.5), abs=1e-12)
    assert np.isnan(standard_error(np.full(5, 0.1)))


def test_a_row_is_reported_with_its_own_interval_and_power() -> None:
    """A two-sided 5 % test with 80 % power: 1.9600 + 0.8416 standard errors."""
    counts = some_counts(16, images=15, gains=(0.0, 0.1, -0.1))
    resampled = bootstrap_differences(PairedCounts.from_counts(counts), 200, seed=3)
    for (row, metric), test in by_row(compare_rows(counts, resamples=200, seed=3)).items():
        expected = difference_by_score(counts[row], counts[0])[METRICS.index(metric)]
        assert test.difference == pytest.approx(expected, abs=1e-14)
        values = resampled[row - 1, METRICS.index(metric)]
        assert (test.low, test.high) == pytest.approx(tuple(np.percentile(values, [2.5, 97.5])), abs=1e-14)
        assert test.detectable == pytest.approx(2.801585 * np.std(values, ddof=1), rel=1e-6)


def test_interval_agrees_with_scipys_paired_bootstrap() -> None:
    """Tolerance: four standard errors of the quantiles.

    At 2.5 % of B draws from a normal with deviation s it is sqrt(0.025 * 0.975 / B) / (0.0584 / s) = 2.67 s / sqrt(B).
    For 10 000 and 4000 draws together that is 0.050 s, so the tolerance is 0.2 s; the interval is about 3.9 s wide.
    scipy's resamples are of another seed.
    """
    counts = some_counts(2, rows=2, images=30, gains=(0.0, 0.05))
    resampled = bootstrap_differences(PairedCounts.from_counts(counts), 10_000, seed=0)
    images = np.arange(30)
    for m, _ in enumerate(METRICS):

        def difference(row: np.ndarray, baseline: np.ndarray, m: int = m) -> float:
            return difference_by_score(counts[1][:, row], counts[0][:, baseline])[m]

        theirs = scipy.stats.bootstrap(
            (images, images),
            difference,
            paired=True,
            vectorized=False,
            n_resamples=4000,
            method="percentile",
            rng=np.random.default_rng(99),
        )
        tolerance = 0.2 * theirs.standard_error
        ours = percentile_interval(resampled[0, m])
        assert ours == pytest.approx(tuple(theirs.confidence_interval), abs=tolerance)
        assert standard_error(resampled[0, m]) == pytest.approx(theirs.standard_error, rel=0.06)


def test_every_image_is_drawn_equally_often() -> None:
    images, resamples = 7, 3000
    drawn = np.concatenate(list(resampled_images(images, resamples, seed=3, chunk=1000)))
    times = np.stack([np.bincount(row, minlength=images) for row in drawn])
    # Multinomial: mean 1 and variance 1 - 1/N per image; five standard errors.
    np.testing.assert_allclose(times.mean(0), 1, atol=5 * np.sqrt((1 - 1 / 7) / resamples))
    np.testing.assert_allclose(times.var(0), 1 - 1 / 7, atol=0.15)
    assert abs(np.corrcoef(times[:-1, 0], times[1:, 0])[0, 1]) < 0.1


def test_resamples_of_nothing_but_void_are_left_out() -> None:
    counts = some_counts(3, rows=2, images=3)
    counts[:, :, :2] = 0
    resampled = bootstrap_differences(PairedCounts.from_counts(counts), 500, seed=0)
    void = np.isnan(resampled[0, 0])
    # (2 / 3) ** 3 of the resamples never draw the third image.
    assert void.mean() == pytest.approx(8 / 27, abs=0.08)
    found = compare_rows(counts, resamples=500)
    # All other resamples hold one image, however often: they say nothing about other images.
    for test in found:
        assert np.isnan([test.low, test.high]).all()
        assert (test.p, test.images, test.verdict) == (1, 1, "too few images")
