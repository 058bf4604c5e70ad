"""Holm's correction, verdicts, and what cannot be tested."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_samseg.metrics.paired import METRICS, PRIMARY_METRIC
from lit_samseg.metrics.significance import Significance, compare_pair, compare_rows, correct, holm
from tests.metrics.paired_rows import some_counts


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
    test = Significance(1, PRIMARY_METRIC, difference, low, high, p, p, "no evidence", 0.01, 100, 100)
    assert correct([test])[0].verdict == verdict


def test_correction_takes_a_verdict_back() -> None:
    test = Significance(1, PRIMARY_METRIC, 0.02, 0.01, 0.03, 0.03, 0.03, "better", 0.01, 100, 100)
    assert [t.verdict for t in correct([test, dataclasses.replace(test, row=2)])] == ["no evidence"] * 2


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
        assert np.isnan([test.low, test.high, test.detectable]).all()
        assert test.p == 1
        # 2 ** -5 is the first power of a half below 0.05.
        assert (test.verdict, test.enough) == ("too few images", 6)


@pytest.mark.parametrize(("rows", "images"), [(1, 5), (1, 6), (5, 6), (5, 7), (5, 8), (7, 8), (7, 9)])
def test_too_few_images_are_those_with_which_no_row_could_be_better(rows: int, images: int) -> None:
    """Against rows that are better on every image by far: nothing could be clearer, and still p is not below 5 %."""
    counts = np.zeros((rows + 1, 3, images, 2), dtype=np.int64)
    counts[:, 1:] = 1000
    counts[0, 0], counts[1:, 0] = 100, 900
    found = [test for test in compare_rows(counts) if test.metric == PRIMARY_METRIC]
    decided = rows * 2.0 ** (1 - images) < 0.05
    assert {test.p for test in found} == {2.0 ** (1 - images)} == {test.least_p for test in found}
    assert {test.verdict for test in found} == {"better" if decided else "too few images"}
    needed = min(n for n in range(99) if rows * 2.0 ** (1 - n) < 0.05)
    assert {test.enough for test in found} == {None if decided else needed}


def test_images_that_a_row_does_not_change_decide_nothing() -> None:
    counts = some_counts(16, rows=2, images=40, gains=(0, 0.3))
    counts[1, :, 4:] = counts[0, :, 4:]
    for test in compare_rows(counts, resamples=500):
        assert (test.images, test.changed, test.least_p) == (40, 4, 0.125)
        # Six such images, of which there are one in ten.
        assert (test.verdict, test.enough) == ("too few images", 60)
    equal = np.stack([counts[0], counts[0]])
    assert {(test.verdict, test.enough) for test in compare_rows(equal, 99)} == {("no evidence", None)}
    assert {test.verdict for test in compare_rows(equal[:, :, :5], 99)} == {"too few images"}


def test_holm_lets_rows_follow_those_that_are_sure() -> None:
    """Four rows change all of 20 images; the fifth changes six, which is enough once the others are rejected."""
    counts = np.zeros((6, 3, 20, 2), dtype=np.int64)
    counts[:, 1:] = 1000
    counts[0, 0], counts[1:, 0] = 100, 900
    counts[5, 0, 6:] = 100
    verdicts = [test.verdict for test in compare_rows(counts) if test.metric == PRIMARY_METRIC]
    assert verdicts == ["better"] * 5
    counts[5, 0, 5:] = 100
    last = compare_rows(counts)[-2]
    assert (last.row, last.metric, last.verdict, last.enough) == (5, PRIMARY_METRIC, "too few images", 24)


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
        assert (test.low <= test.high) == (images > 1)
        assert back.difference == pytest.approx(-test.difference, abs=1e-12)
        assert (back.low, back.high) == pytest.approx((-test.high, -test.low), abs=1e-12, nan_ok=True)
        if images <= 7:
            assert back.p == pytest.approx(test.p, abs=1e-12)
        assert (test.verdict == "too few images") == (test.enough is not None)
        if test.verdict in ("no evidence", "too few images"):
            continue
        assert test.p < 0.05
        assert (test.verdict == "better") == (test.difference > 0) == (test.low > 0) == (test.high > 0)
