"""Counts and scores against independent numpy code and torchmetrics, with absent and predicted-only classes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchmetrics.classification import MulticlassConfusionMatrix, MulticlassJaccardIndex

from lit_samseg.metrics import PerImageCounts, TorchmetricsScores, count_pixels, score
from lit_samseg.metrics.counts import PAIRED, count_pairs
from lit_samseg.void import VOID as NOTHING
from tests.conftest import SHARED

CLASSES = 6
VOID = 255


def random_pair(seed: int, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A target that lacks classes and a prediction that has some of them."""
    numbers = np.random.default_rng(seed)
    in_target = numbers.choice(CLASSES, numbers.integers(1, CLASSES), replace=False)
    in_prediction = numbers.choice(CLASSES, numbers.integers(1, CLASSES), replace=False)
    target = numbers.choice([*in_target, VOID], shape)
    return numbers.choice(in_prediction, shape), target.astype(np.uint8)


def histogram(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Areas as mmsegmentation counts them: histograms of label maps without void."""
    seen = target != VOID
    p, t = prediction[seen], target[seen]
    bins = np.arange(CLASSES + 1) - 0.5
    return np.stack([np.histogram(labels, bins)[0] for labels in (p[p == t], t, p)])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 9))
def test_counts_are_histograms(seed: int, height: int, width: int) -> None:
    prediction, target = random_pair(seed, (height, width))
    if seed % 2:
        # No class: in no area, and wrong.
        prediction[:, ::2] = NOTHING
    counts = count_pixels(torch.from_numpy(prediction), torch.from_numpy(target), CLASSES, VOID)
    assert counts.dtype == torch.int64
    assert np.array_equal(counts.numpy(), histogram(prediction, target))


def test_one_class_is_compared_with_torchmetrics() -> None:
    """Of one class alone, torchmetrics gives a number instead of a vector."""
    target = torch.tensor([[0, 0, VOID, 0]])
    reference = TorchmetricsScores(["whole", "half"], 1)
    counts, pairs = [], []
    for prediction in ([[0, 0, 0, 0]], [[0, NOTHING, 0, 0]]):
        labels = torch.tensor(prediction)
        counts.append(count_pixels(labels, target, 1, VOID))
        pairs.append(count_pairs(labels, target, 1, VOID))
    reference.update(torch.stack(pairs))
    reference.check(torch.stack(counts)[:, :, None].numpy())
    assert [score(own[:, None].numpy()).miou for own in counts] == [1.0, pytest.approx(2 / 3)]


@pytest.mark.parametrize("num_classes", [PAIRED, PAIRED + 1, 65_535])
def test_many_classes(num_classes: int) -> None:
    numbers = np.random.default_rng(num_classes)
    target = numbers.choice([0, 7, num_classes - 1, num_classes], (9, 11))
    prediction = numbers.choice([0, 8, num_classes - 1, NOTHING], (9, 11))
    pair = torch.from_numpy(prediction).int(), torch.from_numpy(target).int()
    counts = count_pixels(*pair, num_classes, ignore_index=num_classes).numpy()
    seen = target < num_classes
    for c in (0, 7, 8, num_classes - 1):
        truth, guess = seen & (target == c), seen & (prediction == c)
        assert counts[:, c].tolist() == [(truth & guess).sum(), truth.sum(), guess.sum()]
    assert counts.shape == (3, num_classes)
    assert counts[1].sum() == seen.sum()


@pytest.mark.parametrize("num_classes", [CLASSES, PAIRED + 1])
def test_rows_together_count_as_each_alone(num_classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = np.random.default_rng(5)
    target = torch.from_numpy(numbers.choice([*range(CLASSES), VOID], (7, 9)).astype(np.uint8))
    maps = torch.from_numpy(numbers.integers(-1, CLASSES, (5, 7, 9)).astype(np.int16))
    alone = torch.stack([count_pixels(label_map, target, num_classes, VOID) for label_map in maps])
    # All, two, and one at a time.
    for pixels in (5 * 63, 2 * 63, 1):
        monkeypatch.setattr("lit_samseg.metrics.counts.TOGETHER", pixels)
        assert torch.equal(count_pixels(maps, target, num_classes, VOID), alone)
    assert alone[:, 1].sum(-1).unique().tolist() == [int((target != VOID).sum())]


def test_a_ground_truth_with_other_labels_is_refused() -> None:
    target = torch.tensor([[0, CLASSES + 1]])
    with pytest.raises(ValueError, match="neither 255 nor"):
        count_pairs(torch.zeros(2, 1, 2, dtype=torch.int64), target, CLASSES, VOID)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="differ"):
        count_pixels(torch.zeros(2, 3).long(), torch.zeros(3, 2).long(), CLASSES, VOID)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_scores_agree_with_three_other_roads(seed: int, images: int) -> None:
    pairs = [random_pair(seed + n, (7 + n, 9)) for n in range(images)]
    checks_void = seed % 3 == 0
    if checks_void:
        pairs[0][0][::2] = NOTHING
    counts = np.stack([histogram(p, t) for p, t in pairs], axis=1)
    scores = score(counts)

    jaccard = MulticlassJaccardIndex(CLASSES, average="macro", ignore_index=VOID)
    confusion = MulticlassConfusionMatrix(CLASSES, ignore_index=VOID)
    checked = TorchmetricsScores(["row"], CLASSES)
    for p, t in pairs:
        checked.update(count_pairs(torch.from_numpy(p)[None], torch.from_numpy(t), CLASSES, VOID))
        if checks_void:
            # Torchmetrics knows no void in predictions: only the comparison that runs make is tried.
            continue
        jaccard.update(torch.from_numpy(p)[None], torch.from_numpy(t).long()[None])
        confusion.update(torch.from_numpy(p)[None], torch.from_numpy(t).long()[None])
    if checks_void:
        checked.check(counts[None])
        return
    pairs = sum(count_pairs(torch.from_numpy(p), torch.from_numpy(t), CLASSES, VOID) for p, t in pairs)
    assert isinstance(pairs, torch.Tensor)
    assert torch.equal(pairs[:, :-1], confusion.compute())
    assert not pairs[:, -1].any()
    matrix = confusion.compute().numpy().astype(float)
    diagonal, truth, guess = matrix.diagonal(), matrix.sum(1), matrix.sum(0)
    with np.errstate(invalid="ignore"):
        iou = diagonal / (truth + guess - diagonal)
        acc = diagonal / truth
    if truth.sum() == 0:
        assert np.isnan(scores.miou_gt_present)
        return
    assert scores.miou == pytest.approx(float(jaccard.compute()), abs=1e-6)
    assert scores.miou == pytest.approx(np.nanmean(iou), abs=1e-12)
    assert scores.miou_gt_present == pytest.approx(iou[truth > 0].mean(), abs=1e-12)
    assert scores.macc == pytest.approx(np.nanmean(acc), abs=1e-12)
    assert scores.pixel_acc == pytest.approx(diagonal.sum() / truth.sum(), abs=1e-12)
    np.testing.assert_array_equal(np.isnan(scores.iou), np.isnan(iou))
    checked.check(counts[None])
    # One pixel more that is right, of the class there is most of.
    wrong = counts.copy()
    wrong[0, 0, truth.argmax()] += 1
    with pytest.raises(RuntimeError, match=r"row: m(iou|acc) is .* by counts, .* by torchmetrics"):
        checked.check(wrong[None])


@pytest.mark.real
def test_real_maps_agree_with_other_roads() -> None:
    """VOC's ground truth against itself shifted by eight pixels, one class renamed to one that is not there."""
    folder = SHARED / "data/VOCdevkit/VOC2012/SegmentationClass"
    jaccard, counts, areas = MulticlassJaccardIndex(21, average="macro", ignore_index=VOID), [], []
    for image_id in ("2007_000033", "2007_000042", "2007_000129"):
        target = np.array(Image.open(folder / f"{image_id}.png"))
        prediction = np.roll(np.where(target == VOID, 0, target), 8, axis=1)
        prediction[prediction == 15] = 12
        pair = torch.from_numpy(prediction), torch.from_numpy(target).long()
        jaccard.update(pair[0][None], pair[1][None])
        counts.append(count_pixels(*pair, 21, VOID).numpy())
        seen = target != VOID
        p, t = prediction[seen], target[seen]
        areas.append([np.bincount(labels, minlength=21) for labels in (p[p == t], t, p)])
    ours = score(np.stack(counts, axis=1))
    intersection, truth, guess = np.sum(areas, axis=0)
    union = truth + guess - intersection
    assert ((truth == 0) & (guess > 0)).any()
    assert (union == 0).any()
    assert ours.miou == pytest.approx(float(jaccard.compute()), abs=1e-6)
    assert ours.miou == pytest.approx((intersection[union > 0] / union[union > 0]).mean(), abs=1e-12)


def test_a_class_only_predicted_lowers_miou_but_not_macc() -> None:
    """FIELD's D2: macro accuracy would count the invented class as 0."""
    target = torch.tensor([[0, 0, 1, 1]])
    prediction = torch.tensor([[0, 2, 1, 1]])
    scores = score(count_pixels(prediction, target, 3, VOID).numpy()[:, None])
    assert scores.miou == pytest.approx((0.5 + 1 + 0) / 3)
    assert scores.miou_gt_present == pytest.approx((0.5 + 1) / 2)
    assert scores.macc == pytest.approx((0.5 + 1) / 2)


def test_per_image_counts_come_back_by_position() -> None:
    metric = PerImageCounts()
    rows = torch.arange(2 * 3 * 4).view(2, 3, 4)
    metric.update(2, rows + 200)
    metric.update(0, rows)
    metric.update(1, rows + 100)
    positions, counts = metric.compute()
    assert positions == [0, 1, 2]
    assert counts.shape == (2, 3, 3, 4)
    for n in range(3):
        assert torch.equal(counts[:, :, n], rows + 100 * n)


def test_a_single_image_keeps_its_dimensions() -> None:
    """Torchmetrics squeezes what has one element."""
    metric = PerImageCounts()
    metric.update(0, torch.zeros(1, 3, 2, dtype=torch.int64))
    positions, counts = metric.compute()
    assert positions == [0]
    assert counts.shape == (1, 3, 1, 2)


def test_an_image_counted_twice_is_an_error() -> None:
    metric = PerImageCounts()
    for _ in range(2):
        metric.update(0, torch.zeros(1, 3, 2, dtype=torch.int64))
    with pytest.raises(RuntimeError, match="twice"):
        metric.compute()
