"""Rows of counts to compare, with classes that come and go."""

import numpy as np

from lit_samseg.metrics import score
from lit_samseg.metrics.paired import METRICS
from lit_samseg.metrics.significance import Significance

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
