"""Intervals, p-values and verdicts against plain loops over ``score``, scipy, and simulated data sets."""

import dataclasses
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_samseg.metrics import score
from lit_samseg.metrics.bootstrap import bootstrap_differences, percentile_interval, resampled_images, standard_error
from lit_samseg.metrics.paired import METRICS, PRIMARY_METRIC, PairedCounts, pooled_scores
from lit_samseg.metrics.permutation import permutation_p, swapped_images
from lit_samseg.metrics.significance import Significance, compare_pair, compare_rows, correct, holm

ABSENT, PREDICTED_ONLY, RARE = 4, 5, 6


def some_counts(seed: int, rows: int = 3, images: int = 12, gains: tuple[float, ...] = ()) -> np.ndarray:
    """Counts of 7 classes: four in most images, one nowhere, one only predicted (not by row 0), one in two images."""
    numbers = np.random.default_rng(seed)
    gt_area = numbers.integers(50, 1000, (images, 7)) * (numbers.random((images, 7)) < 0.8)
    gt_area[:, [ABSENT, PREDICTED_ONLY, RARE]] = 0
    gt_area[[0, images // 2], RARE] = 300
    ease = numbers.beta(6, 2, (images, 7))
    counts = np.zeros((rows, 3, images, 7), dtype=np.int64)
    for row, gain in zip(counts, (*gains, *[0.0] * rows), strict=False):
        row[0] = gt_area * np.clip(ease + gain + numbers.normal(0, 0.08, ease.shape), 0, 1)
        row[1] = gt_area
        row[2] = row[0] + numbers.integers(0, 200, gt_area.shape) * (numbers.random(gt_area.shape) < 0.5)
        row[2, :, ABSENT] = 0
    counts[0, 2, :, PREDICTED_ONLY] = 0
    return counts


def difference_by_score(row: np.ndarray, baseline: np.ndarray) -> list[float]:
    """Row minus baseline through the function that makes the tables."""
    ours, theirs = score(row), score(baseline)
    return [getattr(ours, metric) - getattr(theirs, metric) for metric in METRICS]


def by_row(tests: list[Significance]) -> dict[tuple[int, str], Significance]:
    return {(test.row, test.metric): test for test in tests}


# --- the statistic ---


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


# --- bootstrap ---


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
        assert test.low == pytest.approx(test.difference, abs=1e-12)
        assert test.high == pytest.approx(test.difference, abs=1e-12)
        assert test.p == 1
        assert test.verdict == "no evidence"


# --- permutation ---


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


# --- seeds, chunks, order ---


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


# --- Holm and the verdict ---


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02], rtol=0, atol=1e-15)
    np.testing.assert_allclose(holm([0.5, 0.6]), [1, 1])
    assert holm([]).shape == (0,)


def holm_by_rejection(p: list[float]) -> list[float]:
    """The smallest level at which Holm's procedure, as he describes it, rejects each hypothesis."""
    levels = sorted({x * k for x in p for k in range(1, len(p) + 1)} | {1.0})

    def rejected(level: float) -> set[int]:
        out: set[int] = set()
        for i in sorted(range(len(p)), key=lambda i: p[i]):
            if p[i] * (len(p) - len(out)) > level:
                break
            out.add(i)
        return out

    return [min((a for a in levels if a <= 1 and i in rejected(a)), default=1.0) for i in range(len(p))]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(1e-4, 1), max_size=6))
def test_holm_is_the_smallest_level_that_rejects(p: list[float]) -> None:
    found = holm(p)
    np.testing.assert_allclose(found, holm_by_rejection(p), rtol=1e-12)
    assert np.all(found >= np.array(p))
    assert np.all(np.diff(found[np.argsort(p, kind="stable")]) >= 0)


def test_correction_is_over_the_rows_of_one_metric() -> None:
    counts = some_counts(10, rows=4, images=16, gains=(0, 0.03, 0.0, -0.02))
    found = compare_rows(counts, resamples=500)
    assert [(test.row, test.metric) for test in found] == [(row, metric) for row in (1, 2, 3) for metric in METRICS]
    for metric in METRICS:
        family = [test for test in found if test.metric == metric]
        assert [test.p_holm for test in family] == pytest.approx(holm_by_rejection([test.p for test in family]))
    pairs = [compare_pair(counts[0], row, resamples=500) for row in counts[1:]]
    again = correct([test for tests in pairs for test in tests])
    assert [test.p_holm for test in again] == [test.p_holm for test in found]
    assert [test.verdict for test in again] == [test.verdict for test in found]


@pytest.mark.parametrize(
    ("difference", "low", "high", "p", "verdict"),
    [
        (0.02, 0.01, 0.03, 0.04, "better"),
        (-0.02, -0.03, -0.01, 0.04, "worse"),
        (0.02, 0.01, 0.03, 0.05, "no evidence"),
        (0.02, 0.0, 0.03, 0.04, "no evidence"),
        (-0.02, -0.03, 0.0, 0.04, "no evidence"),
        # The interval may lie off the difference where class sets change: then the two do not agree.
        (0.001, -0.03, -0.01, 0.04, "no evidence"),
        (-0.001, 0.01, 0.03, 0.04, "no evidence"),
    ],
)
def test_verdicts(difference: float, low: float, high: float, p: float, verdict: str) -> None:
    test = Significance(1, PRIMARY_METRIC, difference, low, high, p, p, "no evidence", 0.01)
    assert correct([test])[0].verdict == verdict


def test_correction_takes_a_verdict_back() -> None:
    test = Significance(1, PRIMARY_METRIC, 0.02, 0.01, 0.03, 0.03, 0.03, "better", 0.01)
    assert [t.verdict for t in correct([test, dataclasses.replace(test, row=2)])] == ["no evidence"] * 2


# --- what cannot be tested ---


def test_equal_rows() -> None:
    counts = some_counts(12, rows=2, images=20)
    counts[1] = counts[0]
    for test in compare_rows(counts, resamples=200):
        assert (test.difference, test.low, test.high, test.p, test.p_holm) == (0, 0, 0, 1, 1)
        assert test.verdict == "no evidence"
        assert np.isnan(test.detectable)


def test_one_image() -> None:
    counts = some_counts(13, rows=2, images=1, gains=(0, 0.2))
    for test in compare_rows(counts, resamples=200):
        assert test.difference != 0
        assert (test.low, test.high) == (test.difference, test.difference)
        assert test.p == 1
        assert test.verdict == "no evidence"
        assert np.isnan(test.detectable)


@pytest.mark.parametrize("images", [0, 3])
def test_nothing_to_score(images: int) -> None:
    found = compare_rows(np.zeros((3, 3, images, 4), dtype=np.int64))
    assert len(found) == 6
    for test in found:
        assert np.isnan([test.difference, test.low, test.high, test.detectable]).all()
        assert (test.p, test.p_holm, test.verdict) == (1, 1, "no evidence")


def test_the_baseline_alone() -> None:
    assert compare_rows(some_counts(14, rows=1)) == []


def test_rows_must_be_paired() -> None:
    counts = some_counts(15, rows=2)
    with pytest.raises(ValueError, match=r"expected \[rows, 3, images, classes\]"):
        compare_rows(counts[0])
    with pytest.raises(ValueError, match="cannot be paired"):
        compare_pair(counts[0], counts[1][:, 1:])
    with pytest.raises(ValueError, match="at least 1"):
        compare_rows(counts, resamples=0)
    counts[1, 1, 3, 0] += 1
    with pytest.raises(ValueError, match="row 1 has another ground truth"):
        compare_rows(counts)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 9), st.floats(-0.2, 0.2))
def test_whatever_the_counts(seed: int, images: int, gain: float) -> None:
    counts = some_counts(seed, rows=2, images=images, gains=(0.0, gain))
    found = compare_rows(counts, resamples=128)
    turned = compare_pair(counts[1], counts[0], resamples=128)
    for test, back in zip(found, turned, strict=True):
        assert 0 < test.p <= test.p_holm <= 1
        assert test.low <= test.high
        assert back.difference == pytest.approx(-test.difference, abs=1e-12)
        assert (back.low, back.high) == pytest.approx((-test.high, -test.low), abs=1e-12)
        if images <= 7:
            assert back.p == pytest.approx(test.p, abs=1e-12)
        if test.verdict == "no evidence":
            continue
        assert test.p < 0.05
        assert (test.verdict == "better") == (test.difference > 0) == (test.low > 0) == (test.high > 0)


# --- simulation ---

DATA_SETS = 2000


def simulated(numbers: np.random.Generator, gain: float, invented: float) -> np.ndarray:
    """60 images of 6 classes, of which the last is only ever predicted, in the share ``invented`` of images.

    The two arms share an image's difficulty and differ by chance and by ``gain``.
    """
    images, classes = 60, 6
    gt_area = numbers.integers(100, 2000, (images, classes)) * (numbers.random((images, classes)) < 0.6)
    gt_area[:, -1] = 0
    ease = numbers.beta(8, 3, (images, classes))
    counts = np.empty((2, 3, images, classes), dtype=np.int64)
    for arm, better in zip(counts, (0.0, gain), strict=True):
        arm[0] = gt_area * np.clip(ease + better + numbers.normal(0, 0.1, ease.shape), 0, 1)
        arm[1] = gt_area
        arm[2] = arm[0] + numbers.integers(0, 300, gt_area.shape)
        arm[2, :, -1] *= numbers.random(images) < invented
    return counts


def simulate(
    gain: float, invented: float = 0.0, data_sets: int = DATA_SETS, resamples: int = 999
) -> dict[str, list[Significance]]:
    numbers = np.random.default_rng(2024)
    found: dict[str, list[Significance]] = {metric: [] for metric in METRICS}
    for i in range(data_sets):
        for test in compare_rows(simulated(numbers, gain, invented), resamples=resamples, seed=i):
            found[test.metric].append(test)
    return found


def rate(tests: list[Significance], rejects: Callable[[Significance], bool]) -> float:
    return sum(map(rejects, tests)) / len(tests)


@pytest.mark.slow
@pytest.mark.parametrize("invented", [0.0, 0.03])
def test_without_a_difference_one_test_in_twenty_rejects(invented: float) -> None:
    """2000 data sets: the rate has a standard error of 0.5 points.

    A class that an arm invents in one or two images takes a whole class's share of ``miou`` in most resamples. Its
    interval alone is then off, which is why the verdict asks for both tests.
    """
    for metric, tests in simulate(0.0, invented).items():
        by_p = rate(tests, lambda test: test.p < 0.05)
        by_interval = rate(tests, lambda test: test.low > 0 or test.high < 0)
        by_verdict = rate(tests, lambda test: test.verdict != "no evidence")
        print(f"invented {invented}, {metric}: p {by_p:.4f}, interval {by_interval:.4f}, verdict {by_verdict:.4f}")
        assert 0.03 <= by_p <= 0.07
        if not (invented and metric == "miou"):
            assert 0.03 <= by_interval <= 0.07
            assert by_verdict >= 0.03
        assert by_verdict <= min(by_p, by_interval)


@pytest.mark.slow
@pytest.mark.parametrize(("gain", "verdict"), [(0.1, "better"), (-0.1, "worse")])
def test_a_clear_difference_is_found(gain: float, verdict: str) -> None:
    for tests in simulate(gain, data_sets=300).values():
        assert rate(tests, lambda test: test.verdict == verdict) >= 0.99


@pytest.mark.slow
def test_a_detectable_difference_is_found_four_times_in_five() -> None:
    """The gain makes the true difference about the mean of ``detectable``; 1000 data sets, error 1.3 points."""
    tests = simulate(0.038, data_sets=1000)[PRIMARY_METRIC]
    difference = np.mean([test.difference for test in tests])
    error = np.std([test.difference for test in tests])
    detectable = np.mean([test.detectable for test in tests])
    found = rate(tests, lambda test: test.p < 0.05)
    print(f"difference {difference:.4f}, its error {error:.4f}, detectable {detectable:.4f}, found {found:.3f}")
    assert detectable == pytest.approx(2.8016 * error, rel=0.1)
    assert difference == pytest.approx(detectable, rel=0.05)
    assert found == pytest.approx(0.8, abs=0.05)


# --- memory ---


def large_counts(rows: int) -> np.ndarray:
    """2000 images of 150 classes, all of them everywhere; 6.9 MiB a row."""
    numbers = np.random.default_rng(0)
    counts = np.empty((rows, 3, 2000, 150), dtype=np.int64)
    for row in counts:
        row[2] = numbers.integers(1, 10_000, (2000, 150))
        row[1] = counts[0, 2][::-1]
        np.minimum(row[1], row[2], out=row[0])
    return counts


def operands_mib(rows: int) -> float:
    """float64 intersection and union of every row, the ground truth once."""
    return (2 * rows + 1) * 2000 * 150 * 8 / 2**20


@pytest.mark.parametrize(("rows", "resamples"), [(12, 100), (2, 3000)])
def test_arrays_are_bounded(rows: int, resamples: int) -> None:
    """One array of all 3000 resamples would be 46 MiB, and several live at a time."""
    counts = large_counts(rows)
    tracemalloc.start()
    compare_rows(counts, resamples=resamples)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    print(f"{rows} rows, {resamples} resamples: {peak:.0f} MiB")
    assert operands_mib(rows) < peak < operands_mib(rows) + 60


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc; ru_maxrss has other units elsewhere")
def test_memory_of_a_large_run_is_bounded() -> None:
    """The process's own peak over what it held before, with all 10 000 resamples; the counts are 82 MiB beside it."""
    program = """if True:
        import resource
        from pathlib import Path
        from lit_samseg.metrics.significance import compare_rows
        from tests.metrics.test_significance import large_counts

        counts = large_counts(12)
        before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1024
        compare_rows(counts)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
    """
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    growth = float(done.stdout)
    print(f"12 rows, 10 000 resamples: {growth:.0f} MiB")
    assert operands_mib(12) < growth < operands_mib(12) + 120
