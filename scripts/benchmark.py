"""Time what has a time to keep. Run it alone: other programs on the machine make every figure larger.

Boundary counts (Boundary IoU, trimaps and mBA together) of one 375 x 500 map on one core; the budget is 30 ms.
"""

import statistics
import time

import cv2
import numpy as np

from lit_samseg.metrics import BoundaryTruth

REPETITIONS = 40
BUDGET_MS = 30


def boundary_ms(num_classes: int) -> float:
    """Return the median time of preparing a ground truth of 20 classes and counting one prediction, in ms."""
    numbers = np.random.default_rng(num_classes)
    classes = numbers.choice(num_classes, 20, replace=False)
    target = np.kron(numbers.choice(classes, (15, 20)), np.ones((25, 25), dtype=np.int64))
    prediction = np.roll(target, (3, 4), axis=(0, 1))
    target[::25] = 255
    seconds = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        BoundaryTruth(target, num_classes, 255).count(prediction)
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    for count in (21, 150):
        print(f"boundary counts, 375 x 500, {count} classes: {boundary_ms(count):.1f} ms (budget {BUDGET_MS} ms)")
