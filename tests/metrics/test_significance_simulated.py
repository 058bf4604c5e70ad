"""How often the tests reject, on simulated data sets; and what they hold in memory."""

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lit_samseg.metrics.paired import METRICS, PRIMARY_METRIC
from lit_samseg.metrics.significance import Significance, compare_rows

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
        from tests.metrics.test_significance_simulated import large_counts

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
