"""Boundary counts (Boundary IoU, trimaps and mBA together) of one map on one core."""

import statistics
import time
from typing import Any

import cv2
import numpy as np

from lit_samseg.metrics import BoundaryTruth

from .job import Job


def run_boundary(job: Job) -> dict[str, Any]:
    """Return the median time of preparing a ground truth of 20 classes and counting one prediction."""
    assert job.blobs is not None
    num_classes = job.blobs[-1]
    cv2.setNumThreads(1)
    numbers = np.random.default_rng(num_classes)
    classes = numbers.choice(num_classes, 20, replace=False)
    target = np.kron(numbers.choice(classes, (15, 20)), np.ones((25, 25), dtype=np.int64))
    prediction = np.roll(target, (3, 4), axis=(0, 1))
    target[::25] = 255
    seconds = []
    for _ in range(job.warmup + job.images):
        start = time.perf_counter()
        BoundaryTruth(target, num_classes, 255).count(prediction)
        seconds.append(time.perf_counter() - start)
    return {"seconds": statistics.median(seconds[job.warmup :])}
