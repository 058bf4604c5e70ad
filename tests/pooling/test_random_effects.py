"""The pooled mean against published examples, another algorithm, and what must hold of any numbers."""

import dataclasses

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_samseg.pooling.heterogeneity import Differences, Method
from lit_samseg.pooling.random_effects import Pooled, leave_one_out, pool
from tests.pooling.examples import EXAMPLES, Study, bcg, clasp, hospital, lidocaine, smoking, teachers
from tests.pooling.independent import pool_by_scoring


def wald(pooled: Pooled) -> float:
    """The standard error without Hartung and Knapp, which is what most of print has."""
    return pooled.standard_error / np.sqrt(pooled.factor)


@pytest.mark.parametrize("method", ["reml", "dl"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_published_examples_equal_another_algorithm(name: str, method: Method) -> None:
    y, v = EXAMPLES[name]()
    found = dataclasses.asdict(pool(y, v, method=method))
    for key, expected in pool_by_scoring(y, v, method).items():
        assert found[key] == pytest.approx(expected, rel=1e-9, abs=1e-6), key
    assert sum(found["weights"]) == pytest.approx(1, abs=1e-12)
    assert np.dot(found["weights"], y) == pytest.approx(found["mean"], abs=1e-12)


def test_bcg_equals_print() -> None:
    """Viechtbauer (2010), Journal of Statistical Software 36(3), and metafor's own front page."""
    found = pool(*bcg())
    assert found.pairs == 13
    assert (round(found.mean, 4), round(found.standard_error, 4), round(found.p, 4)) == (-0.7145, 0.1808, 0.0019)
    assert (round(found.low, 4), round(found.high, 4)) == (-1.1084, -0.3206)
    assert (round(found.tau**2, 4), round(found.tau, 4), round(100 * found.i2, 2)) == (0.3132, 0.5597, 92.22)
    assert round(found.q, 4) == 152.2330
    # metafor takes K - 1 degrees of freedom for the next pair.
    ends = scipy.stats.t.interval(0.95, 12, found.mean, np.hypot(found.tau, found.standard_error))
    assert np.round(np.exp(ends), 2).tolist() == [0.14, 1.76]
    assert found.predicted_low < ends[0]
    assert found.predicted_high > ends[1]


def test_teachers_equal_print() -> None:
    """Raudenbush (2009), Handbook of Research Synthesis, Table 16.2, in the digits of metafor's copy of it."""
    found = pool(*teachers())
    assert (round(found.mean, 4), round(found.tau**2, 4), round(found.q, 4)) == (0.0837, 0.0188, 35.8295)
    assert round(found.mean / wald(found), 4) == 1.6208
    half = 1.959964 * np.hypot(found.tau, wald(found))
    # metafor ends its search for tau^2 at a step of 1e-5.
    assert (found.mean - half, found.mean + half) == pytest.approx((-0.2036, 0.3711), abs=2e-4)


def test_hospital_equals_print() -> None:
    """Normand (1999), Table IX."""
    for method, mean, low, high, tau2 in (
        ("reml", -15.12, -32.67, 2.43, 685.20),
        ("dl", -14.10, -24.45, -3.75, 218.72),
    ):
        found = pool(*hospital(), method=method)
        assert (round(found.mean, 2), round(found.tau**2, 2)) == (mean, tau2)
        ends = found.mean + np.array([-1.959964, 1.959964]) * wald(found)
        assert np.round(ends, 2).tolist() == [low, high]


def test_clasp_equals_print() -> None:
    """DerSimonian and Kacker (2007), Tables 3 and 4."""
    for method, tau, mean, error in (("reml", 0.1843, -0.2980, 0.1343), ("dl", 0.2323, -0.3240, 0.1540)):
        found = pool(*clasp(), method=method)
        assert (round(found.tau, 4), round(found.mean, 4), round(wald(found), 4)) == (tau, mean, error)


def test_smoking_equals_print() -> None:
    """Hackshaw, Law and Wald (1997): an excess risk of 24 % (13 % to 36 %)."""
    found = pool(*smoking(), method="dl")
    ends = np.exp(found.mean + np.array([-1.959964, 0, 1.959964]) * wald(found))
    assert np.round(ends, 2).tolist() == [1.13, 1.24, 1.36]


@pytest.mark.parametrize("method", ["reml", "dl"])
def test_lidocaine_equals_print(method: Method) -> None:
    """Normand (1999), Table VII: nothing between the studies."""
    found = pool(*lidocaine(), method=method)
    assert (round(found.mean, 2), found.tau, found.i2) == (2.94, 0, 0)
    ends = found.mean + np.array([-1.959964, 1.959964]) * wald(found)
    assert np.round(ends, 1).tolist() == [0.4, 5.5]
    # The effects agree better than they should: the interval as it is, and the factor says so.
    assert found.factor < 1
    assert found.high - found.low < ends[1] - ends[0]


def some_pairs(seed: int, pairs: int, scale: float = 1.0) -> Study:
    """Effects with a full covariance whose variances differ a hundredfold."""
    numbers = np.random.default_rng(seed)
    errors = scale * np.exp(numbers.uniform(np.log(0.1), 0, pairs))
    base = numbers.normal(size=(pairs, 2 * pairs))
    shared = base @ base.T
    v = shared / np.sqrt(np.outer(np.diag(shared), np.diag(shared))) * np.outer(errors, errors)
    y = scale * numbers.choice([0.0, 0.3, 2.0]) * numbers.normal(size=pairs) + numbers.multivariate_normal(
        0 * errors, v
    )
    return y + scale * numbers.normal(), v


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(3, 9), st.sampled_from(["reml", "dl"]))
def test_full_covariances_equal_another_algorithm(seed: int, pairs: int, method: Method) -> None:
    y, v = some_pairs(seed, pairs)
    found, expected = dataclasses.asdict(pool(y, v, method=method)), pool_by_scoring(y, v, method)
    if method == "reml" and abs(found["tau"] - expected["tau"]) > 1e-6:
        # Scoring ends in the maximum beside its start; ours must be the higher one.
        loss = [likelihood_loss(y, v, tau) for tau in (found["tau"], expected["tau"])]
        assert loss[0] <= loss[1]
        return
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=1e-6, abs=1e-6), key


def likelihood_loss(y: np.ndarray, v: np.ndarray, tau: float) -> float:
    """Twice the negative restricted log-likelihood, by whole matrices."""
    total = v + tau**2 * np.eye(len(y))
    w = np.linalg.inv(total)
    one = np.ones(len(y))
    rest = y - one @ w @ y / (one @ w @ one)
    return float(np.linalg.slogdet(total)[1] + np.log(one @ w @ one) + rest @ w @ rest)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(2, 12), st.floats(-9, 9))
def test_reml_finds_the_highest_likelihood(seed: int, pairs: int, size: float) -> None:
    scale = 10.0**size
    y, v = some_pairs(seed, pairs, scale)
    differences = Differences.of(y, v)
    d, z2 = differences.variances, differences.squares
    found = differences.tau2("reml")
    tried = np.concatenate([[0.0], np.geomspace(1e-9, 1e3, 4000) * scale**2, found * np.linspace(0.9, 1.1, 401)])
    losses = (np.log(d[:, None] + tried) + z2[:, None] / (d[:, None] + tried)).sum(axis=0)
    assert (np.log(d + found) + z2 / (d + found)).sum() <= losses.min() + 1e-9
    # The slope, in units of the information: how far the maximum may still be away.
    left = ((z2 - d - found) / (d + found) ** 2).sum() / (1 / (d + found) ** 2).sum()
    assert (abs(left) <= 1e-10 * scale**2) if found > 0 else (left <= 0)


def test_of_two_maxima_the_higher_is_found() -> None:
    """One precise difference says 0, four coarse ones say much: the likelihood has two maxima."""
    d, z2 = np.array([1e-6, 1.0, 1.0, 1.0, 1.0]), np.array([1e-6, 30.0, 2.0, 60.0, 9.0])
    found = Differences(d, z2).tau2("reml")
    tried = np.geomspace(1e-9, 1e3, 200_001)
    losses = (np.log(d[:, None] + tried) + z2[:, None] / (d[:, None] + tried)).sum(axis=0)
    inner = np.flatnonzero((losses[1:-1] < losses[:-2]) & (losses[1:-1] < losses[2:])) + 1
    assert len(inner) > 1 or losses[0] < losses[1]
    assert found == pytest.approx(tried[losses.argmin()], rel=1e-3)


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(2, 8), st.sampled_from(["reml", "dl"]))
def test_units_and_order_play_no_part(seed: int, pairs: int, method: Method) -> None:
    y, v = some_pairs(seed, pairs)
    found = pool(y, v, method=method)
    order = np.random.default_rng(seed).permutation(pairs)
    turned = pool(y[order], v[np.ix_(order, order)], method=method)
    percent = pool(100 * y + 7, 1e4 * v, method=method)
    for field in ("mean", "low", "high", "predicted_low", "predicted_high"):
        value = getattr(found, field)
        assert getattr(turned, field) == pytest.approx(value, rel=1e-7, abs=1e-9, nan_ok=True)
        assert getattr(percent, field) == pytest.approx(100 * value + 7, rel=1e-7, abs=1e-7, nan_ok=True)
    assert percent.i2 == pytest.approx(found.i2, abs=1e-8)
    np.testing.assert_allclose(turned.weights, np.array(found.weights)[order], atol=1e-8)


def test_one_pair_and_none() -> None:
    one = pool([0.02], [0.0001])
    assert (one.mean, one.pairs, one.weights) == (0.02, 1, (1.0,))
    none = pool([], np.zeros((0, 0)))
    assert (none.pairs, none.weights) == (0, ())
    assert np.isnan(none.mean)
    for field in ("low", "high", "standard_error", "p", "tau", "i2", "q", "q_p", "predicted_low", "predicted_high"):
        assert np.isnan(getattr(one, field))


def test_two_pairs_by_hand() -> None:
    found = pool([1.0, 3.0], [0.5, 0.5])
    # Equal variances: the mean's error is that of two numbers, |1 - 3| / 2, and tau^2 is what 0.5 leaves of 2.
    assert (found.mean, found.standard_error, found.tau) == pytest.approx((2.0, 1.0, np.sqrt(1.5)), abs=1e-12)
    assert found.high == pytest.approx(2 + 12.7062047, abs=1e-6)
    assert np.isnan(found.predicted_low)


def test_pairs_that_are_not_known_are_left_out() -> None:
    y, v = some_pairs(3, 5)
    whole = pool(y, v)
    padded = np.full((7, 7), np.nan)
    kept = [0, 1, 3, 4, 6]
    padded[np.ix_(kept, kept)] = v
    padded[5, 5] = 1.0
    effects = np.full(7, np.nan)
    effects[kept] = y
    found = pool(effects, padded)
    assert dataclasses.replace(found, weights=whole.weights) == whole
    assert np.array(found.weights)[[2, 5]].tolist() == [0, 0]


def test_a_row_that_changes_nothing_is_not_certain() -> None:
    y, v = np.array([0.0, 0.0, 0.02, 0.03, 0.01]), np.array([0.0, 0.0, 4e-5, 9e-5, 1e-4])
    found = pool(y, v)
    assert found.mean > 0.005
    assert found == pool(y, [4e-5, 4e-5, 4e-5, 9e-5, 1e-4])
    # Nor is one that changes a few pixels of one image.
    hardly = pool(np.add(y, [1e-6, 2e-6, 0, 0, 0]), [1e-12, 1e-12, 4e-5, 9e-5, 1e-4])
    assert hardly.mean == pytest.approx(found.mean, abs=2e-6)
    # Nothing at all: 0, and no doubt about these pairs.
    nothing = pool(np.zeros(4), np.zeros((4, 4)))
    assert (nothing.mean, nothing.low, nothing.high, nothing.p, nothing.tau) == (0, 0, 0, 1, 0)
    # Without any variance the effects speak alone.
    alone = pool([0.01, 0.02, 0.06], np.zeros((3, 3)))
    low, high = scipy.stats.t.interval(0.95, 2, 0.03, np.std([0.01, 0.02, 0.06], ddof=1) / np.sqrt(3))
    assert (alone.mean, alone.low, alone.high) == pytest.approx((0.03, low, high), abs=1e-9)


def test_the_same_pair_twice_counts_once() -> None:
    y, v = some_pairs(8, 4)
    once, twice = pool(y, v), [0, 1, 2, 3, 1]
    found = pool(y[twice], v[np.ix_(twice, twice)])
    expected = np.array(once.weights)[twice] * [1, 0.5, 1, 1, 0.5]
    assert dataclasses.replace(found, weights=once.weights) == once
    np.testing.assert_allclose(found.weights, expected, atol=1e-12)


def test_a_singular_covariance_has_an_answer() -> None:
    """The third pair is the mean of two others, as where its images are theirs."""
    mix = np.array([[1, 0], [0, 1], [0.5, 0.5]])
    v = mix @ np.diag([1e-4, 4e-4]) @ mix.T
    agreeing, other = pool(mix @ [0.01, 0.03], v), pool([0.01, 0.03, 0.05], v)
    assert agreeing.mean == pytest.approx(pool([0.01, 0.03], [1e-4, 4e-4]).mean, abs=1e-9)
    assert all(np.isfinite(value) for value in dataclasses.asdict(other).values() if isinstance(value, float))
    assert other.tau > 0


def test_each_pair_is_left_out_in_turn() -> None:
    y, v = some_pairs(1, 5)
    found = leave_one_out(y, v, method="dl", level=0.9)
    assert len(found) == 5
    for pair, one in enumerate(found):
        rest = np.delete(np.arange(5), pair)
        expected = pool(y[rest], v[np.ix_(rest, rest)], method="dl", level=0.9)
        assert one.weights[pair] == 0
        assert dataclasses.replace(one, weights=expected.weights) == expected


@pytest.mark.parametrize(
    ("effects", "covariance"),
    [
        ([1.0, 2.0], [1.0]),
        ([[1.0]], [[1.0]]),
        ([1.0, 2.0], [[1.0, 2.0], [2.0, 1.0]]),
        ([1.0, 2.0], [[1.0, 0.5], [0.1, 1.0]]),
        ([1.0, 2.0], [1.0, -1.0]),
        ([1.0, 2.0], [[1.0, np.nan], [np.nan, 1.0]]),
    ],
)
def test_what_is_no_covariance_is_refused(effects: list[float], covariance: list[float]) -> None:
    with pytest.raises(ValueError, match="covariance"):
        pool(effects, covariance)
