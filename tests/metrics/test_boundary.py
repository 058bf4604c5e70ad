"""Scores from the counts, and the torchmetrics classes: alone, and as two processes."""

import multiprocessing
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import distributed

from lit_samseg.metrics import (
    BoundaryCounts,
    BoundaryIoU,
    BoundaryMetric,
    BoundaryScores,
    BoundaryTruth,
    GatheredCounts,
    ImageFacts,
    ImageRows,
    MeanBoundaryAccuracy,
    TrimapIoU,
    score_boundaries,
)
from lit_samseg.results.evidence import boundary_arrays
from tests.conftest import has_loopback
from tests.metrics.label_maps import SHAPES, random_pair

CLASSES = 6
ROWS = 2


def pairs(seed: int, images: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Maps with void in every ground truth, and something wrong beside it."""
    numbers = np.random.default_rng(seed)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    while len(found) < images:
        prediction, target = random_pair(numbers, (60 + len(found), 110), CLASSES)
        if 0 < (target == 255).mean() < 1 and ((prediction != target) & (target != 255)).any():
            found.append((prediction, target))
    return found


def rows_of(prediction: np.ndarray, target: np.ndarray) -> list[BoundaryCounts]:
    """Two rows: a prediction, and the same turned upside down."""
    truth = BoundaryTruth(target, CLASSES, 255)
    return [truth.count(prediction), truth.count(prediction[::-1])]


def scores_of(images: list[BoundaryCounts]) -> BoundaryScores:
    return score_boundaries(
        before=np.stack([c.before for c in images], axis=1),
        after=np.stack([c.after for c in images], axis=1),
        trimap=sum(c.trimap for c in images),
        trimap_void=sum(c.trimap_void for c in images),
        mba=np.stack([c.mba for c in images], axis=1),
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(SHAPES))
def test_scores_lie_between_0_and_1(seed: int, shape: tuple[int, int]) -> None:
    prediction, target = random_pair(np.random.default_rng(seed), shape, CLASSES)
    scores = scores_of([BoundaryTruth(target, CLASSES, 255).count(prediction)])
    for values in (scores.before, scores.after, *scores.trimap):
        every = np.array([values.miou, values.miou_gt_present, values.macc, *values.iou, *values.acc])
        assert ((every >= 0) & (every <= 1) | np.isnan(every)).all()
    assert 0 <= scores.mba <= 1 or np.isnan(scores.mba)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(SHAPES))
def test_a_perfect_prediction_scores_1_or_has_no_score(seed: int, shape: tuple[int, int]) -> None:
    other, target = random_pair(np.random.default_rng(seed), shape, CLASSES)
    # In void it may say what it likes; there only `after` looks at it.
    scores = scores_of([BoundaryTruth(target, CLASSES, 255).count(np.where(target == 255, other, target))])
    present = np.isin(np.arange(CLASSES), target)
    labels = len(np.unique(target))
    np.testing.assert_array_equal(scores.before.iou, np.where(present, 1.0, np.nan))
    if 255 not in target:
        np.testing.assert_array_equal(scores.after.iou, np.where(present, 1.0, np.nan))
    assert scores.before.miou == 1 or not present.any()
    assert scores.mba == 1 if labels > 1 else np.isnan(scores.mba)
    for width in scores.trimap:
        assert width.miou == 1 if labels > 1 else np.isnan(width.miou)
        assert np.isin(width.iou[~np.isnan(width.iou)], 1).all()


def test_what_void_hides_changes_only_after() -> None:
    target = np.zeros((40, 60), dtype=np.uint8)
    target[10:30, 20:40] = 255
    target[14:26, 24:36] = 1
    one = np.where(target == 255, 0, target)
    other = np.where(target == 255, np.random.default_rng(0).integers(0, 3, target.shape), target)
    truth = BoundaryTruth(target, 3, 255)
    a, b = truth.count(one), truth.count(other)
    for name in ("before", "trimap", "trimap_void", "mba"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert not np.array_equal(a.after, b.after)


def test_means_over_classes() -> None:
    """Pooled over images; class 2 is only predicted, class 3 is nowhere."""
    counts = np.array([[[1, 2, 0, 0], [1, 0, 0, 0]], [[4, 4, 0, 0], [2, 0, 0, 0]], [[3, 2, 5, 0], [2, 0, 0, 0]]])
    trimap = np.zeros((2, 3, 4), dtype=np.int64)
    trimap[1] = [[2, 0, 0, 0], [4, 0, 0, 0], [2, 0, 1, 0]]
    scores = score_boundaries(counts, counts * 0, trimap, np.array([0, 12]), np.array([[[1] * 5], [[4] * 5]]))
    # Class 0: (1 + 1) / (6 + 5 - 2); class 1: 2 / (4 + 2 - 2).
    assert scores.before.miou == pytest.approx((2 / 9 + 1 / 2 + 0) / 3)
    assert scores.before.miou_gt_present == pytest.approx((2 / 9 + 1 / 2) / 2)
    assert np.isnan(scores.after.miou)
    assert np.isnan(scores.trimap[0].miou)
    assert scores.trimap[1].miou == pytest.approx((2 / 4 + 0) / 2)
    assert scores.trimap[1].miou_gt_present == pytest.approx(1 / 2)
    np.testing.assert_array_equal(scores.trimap_void_share, [np.nan, 12 / 16])
    assert scores.mba == pytest.approx(0.25)


def test_metrics_agree_with_the_scores() -> None:
    images = pairs(1, 4)
    expected = scores_of([rows_of(*image)[0] for image in images])
    before, after = BoundaryIoU(CLASSES, void="before"), BoundaryIoU(CLASSES, void="after")
    trimap, mba = TrimapIoU(CLASSES), MeanBoundaryAccuracy(CLASSES)
    for prediction, target in images:
        for metric in (before, after, trimap, mba):
            metric.update(torch.from_numpy(prediction.astype(np.int64)), torch.from_numpy(target))
    assert before.compute().item() == expected.before.miou
    assert after.compute().item() == expected.after.miou
    assert expected.after.miou != expected.before.miou
    np.testing.assert_array_equal(trimap.compute().numpy(), [width.miou for width in expected.trimap])
    assert mba.compute().item() == expected.mba


def counted(prediction: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
    """What the metric counts of the two rows."""
    maps = torch.from_numpy(np.stack([prediction, prediction[::-1]]).astype(np.int16))
    image = ImageRows(ImageFacts("image", CLASSES, 255), maps, torch.from_numpy(target))
    return BoundaryMetric().count_rows(image)


def test_gathered_by_position() -> None:
    images = pairs(2, 3)
    metric = GatheredCounts(BoundaryMetric(), ROWS, CLASSES)
    for position in (2, 0, 1):
        metric.update(position, counted(*images[position]))
    gathered = metric.compute()
    assert gathered.positions == [0, 1, 2]
    for row in range(ROWS):
        of_row = [rows_of(*image)[row] for image in images]
        for n, counts in enumerate(of_row):
            np.testing.assert_array_equal(gathered.counts["before"][row, n], counts.before)
            np.testing.assert_array_equal(gathered.counts["after"][row, n], counts.after)
            np.testing.assert_array_equal(gathered.counts["mba"][row, n], counts.mba)
        np.testing.assert_array_equal(gathered.counts["trimap"][row], sum(c.trimap for c in of_row))
        np.testing.assert_array_equal(gathered.counts["trimap_void"][row], sum(c.trimap_void for c in of_row))
    metric.reset()
    metric.update(0, counted(*images[0]))
    alone = metric.compute()
    assert alone.positions == [0]
    assert alone.counts["before"].shape == alone.counts["after"].shape == (ROWS, 1, 3, CLASSES)
    assert alone.counts["mba"].shape == (ROWS, 1, 2, 5)
    np.testing.assert_array_equal(alone.counts["trimap"][1], rows_of(*images[0])[1].trimap)


def test_files_have_the_images_behind_what_was_counted() -> None:
    images = pairs(2, 3)
    metric = GatheredCounts(BoundaryMetric(), ROWS, CLASSES)
    for position, image in enumerate(images):
        metric.update(position, counted(*image))
    arrays = boundary_arrays(metric.compute().counts)
    assert {name: array.shape for name, array in arrays.items()} == {
        "before": (ROWS, 3, 3, CLASSES),
        "after": (ROWS, 3, 3, CLASSES),
        "trimap": (ROWS, 20, 3, CLASSES),
        "trimap_void": (20,),
        "mba": (ROWS, 2, 3, 5),
    }
    np.testing.assert_array_equal(arrays["before"][1, :, 2], rows_of(*images[2])[1].before)
    np.testing.assert_array_equal(arrays["mba"][0, :, 1], rows_of(*images[1])[0].mba)


def test_the_metric_scores_what_the_counts_do() -> None:
    images = pairs(4, 3)
    metric = GatheredCounts(BoundaryMetric(), ROWS, CLASSES)
    for position, image in enumerate(images):
        metric.update(position, counted(*image))
    gathered = metric.compute()
    for row in range(ROWS):
        expected = scores_of([rows_of(*image)[row] for image in images])
        found = BoundaryMetric().score_images(gathered.of_row(row))
        assert found == {
            "iou_before": expected.before.miou,
            "iou_before_gt_present": expected.before.miou_gt_present,
            "iou_after": expected.after.miou,
            "iou_after_gt_present": expected.after.miou_gt_present,
            "mba": expected.mba,
        }


def test_an_image_counted_twice_is_an_error() -> None:
    metric = GatheredCounts(BoundaryMetric(), ROWS, CLASSES)
    for _ in range(2):
        metric.update(0, counted(*pairs(0, 1)[0]))
    with pytest.raises(RuntimeError, match="twice"):
        metric.compute()


def share(rank: int, folder: Path) -> tuple[dict[str, torch.Tensor], list[torch.Tensor]]:
    """One of two processes: every second of five images."""
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=2, timeout=timedelta(minutes=3)
    )
    try:
        return evaluate(range(rank, 5, 2))
    finally:
        distributed.destroy_process_group()


def evaluate(positions: range) -> tuple[dict[str, torch.Tensor], list[torch.Tensor]]:
    images = pairs(3, 5)
    per_image = GatheredCounts(BoundaryMetric(), ROWS, CLASSES)
    metrics = [BoundaryIoU(CLASSES), TrimapIoU(CLASSES), MeanBoundaryAccuracy(CLASSES)]
    for position in positions:
        per_image.update(position, counted(*images[position]))
        prediction, target = images[position]
        for metric in metrics:
            metric.update(torch.from_numpy(prediction.astype(np.int64)), torch.from_numpy(target))
    gathered = per_image.compute()
    arrays = {"positions": np.array(gathered.positions)} | gathered.counts
    return {name: torch.from_numpy(array) for name, array in arrays.items()}, [metric.compute() for metric in metrics]


@pytest.mark.skipif(not has_loopback(), reason="needs the loopback interface between the processes")
@pytest.mark.slow
def test_two_processes_give_the_same(tmp_path: Path) -> None:
    other_process = multiprocessing.get_context("spawn").Process(target=share, args=(1, tmp_path))
    other_process.start()
    gathered, values = share(0, tmp_path)
    other_process.join()
    assert other_process.exitcode == 0
    alone, alone_values = evaluate(range(5))
    assert alone["positions"].tolist() == [0, 1, 2, 3, 4]
    for name, tensor in alone.items():
        assert torch.equal(gathered[name], tensor), name
    for one, other in zip(values, alone_values, strict=True):
        assert not one.isnan().any()
        assert torch.equal(one, other)
