"""Losses and targets, against the formulas written out in NumPy."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from lit_samseg.finetune.fused_loss import fused_loss
from lit_samseg.finetune.losses import mask_losses, sam_loss, target_shares, true_ious
from lit_samseg.finetune.schedule import LEAST, poly, warm_up_and_decay
from lit_samseg.finetune.training_prompts import Exercises
from lit_samseg.refine import Grid
from lit_samseg.refine.fusion import Fuse
from lit_samseg.sam import Frame
from tests.refine.contexts import regions_of

FRAME = Frame(30, 40, 80, 20)
"""20 x 20 cells of 4 pixels of the frame, 2 of the image; the image is 15 cells high."""


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def case() -> tuple[Tensor, Tensor, Tensor]:
    logits, target = 3 * numbers(2, 4, 6, 7), numbers(2, 6, 7, seed=1).sigmoid()
    weights = (numbers(2, 6, 7, seed=2) > -0.5).float() * numbers(2, 6, 7, seed=3).sigmoid()
    return logits, target, weights


def losses_by_hand(logits: np.ndarray, t: np.ndarray, w: np.ndarray) -> float:
    p = 1 / (1 + np.exp(-logits))
    cross = -(t * np.log(p) + (1 - t) * np.log(1 - p))
    focal = ((1 - (p * t + (1 - p) * (1 - t))) ** 2 * cross * w).sum() / max(1.0, w.sum())
    dice = 1 - (2 * (p * t * w).sum() + 1) / ((p * w).sum() + (t * w).sum() + 1)
    return float(20 * focal + dice)


def test_focal_and_dice_20_to_1() -> None:
    logits, target, weights = case()
    losses = mask_losses(logits, target, weights)
    for n in range(2):
        for m in range(4):
            expected = losses_by_hand(*(x.double().numpy() for x in (logits[n, m], target[n], weights[n])))
            assert float(losses[n, m]) == pytest.approx(expected, rel=1e-5)


def test_what_is_void_does_not_count() -> None:
    logits, target, weights = case()
    void = (weights == 0)[:, None]
    assert void.any()
    changed = torch.where(void, -logits + 5, logits)
    assert torch.allclose(mask_losses(changed, target, weights), mask_losses(logits, target, weights))
    assert torch.equal(true_ious(changed, target, weights), true_ious(logits, target, weights))


def test_borders_can_count_more() -> None:
    target = torch.zeros(1, 12, 12)
    target[:, :, 6:] = 1
    weights = torch.ones(1, 12, 12)
    near, far = torch.full((1, 1, 12, 12), -9.0), torch.full((1, 1, 12, 12), -9.0)
    near[..., 6:] = far[..., 6:] = 9.0
    near[..., 5], far[..., 0] = 3.0, 3.0  # the same mistake at the border and away from it
    plain = mask_losses(torch.cat([near, far]), target.expand(2, -1, -1), weights.expand(2, -1, -1))
    more = mask_losses(torch.cat([near, far]), target.expand(2, -1, -1), weights.expand(2, -1, -1), border=4.0)
    assert plain[0] == pytest.approx(float(plain[1]))
    assert more[0] > 1.5 * more[1]


def test_ious_are_those_of_the_known_pixels() -> None:
    logits, target, weights = case()
    for n in range(2):
        known = weights[n].numpy() > 0.5
        wanted = (target[n].numpy() > 0.5) & known
        for m in range(4):
            found = (logits[n, m].numpy() > 0) & known
            expected = (found & wanted).sum() / (found | wanted).sum()
            assert float(true_ious(logits, target, weights)[n, m]) == pytest.approx(expected)
    nothing = torch.full((1, 1, 2, 2), -1.0)
    assert true_ious(nothing, torch.zeros(1, 2, 2), torch.ones(1, 2, 2)).tolist() == [[1.0]]


def test_only_the_best_candidate_and_the_single_mask_learn() -> None:
    logits, target, weights = case()
    logits.requires_grad_(True)
    scores = numbers(2, 4, seed=5).requires_grad_(True)
    losses, ious = mask_losses(logits, target, weights).detach(), true_ious(logits, target, weights)
    loss = sam_loss(logits, scores, target, weights)
    expected = losses[:, 0] + losses[:, 1:].min(1).values + (scores.detach() - ious).square().sum(1)
    assert torch.allclose(loss, expected)
    torch.autograd.backward(loss.sum())
    assert logits.grad is not None
    assert scores.grad is not None
    moved = (logits.grad != 0).flatten(2).any(2)
    best = 1 + losses[:, 1:].argmin(1)
    for n in range(2):
        assert moved[n].tolist() == [m in (0, int(best[n])) for m in range(4)]
    assert (scores.grad != 0).all()


def test_targets_are_shares_of_what_is_known_of_a_cell() -> None:
    generator = torch.Generator().manual_seed(8)
    masks = torch.rand(2, 30, 40, generator=generator) > 0.4
    known = torch.rand(2, 30, 40, generator=generator) > 0.2
    shares, weights = target_shares(masks, known, FRAME)
    assert shares.shape == weights.shape == (2, 20, 20)
    # The frame is twice the image; interpolation lets a quarter of a pixel's neighbour in, so blocks are compared.
    block = torch.zeros(1, 30, 40, dtype=torch.bool)
    block[:, 8:20, 10:24] = True
    everywhere = torch.ones_like(block)
    shares, weights = target_shares(block, everywhere, FRAME)
    assert (shares[0, 5:9, 6:11] == 1).all()
    assert shares[0].sum() * 4 == pytest.approx(12 * 14)
    assert (weights[0, :15] == 1).all()
    assert (weights[0, 15:] == 0).all()
    assert (shares[0, 15:] == 0).all()
    everywhere[:, :, :16] = False
    shares, weights = target_shares(block, everywhere, FRAME)
    assert (weights[0, :15, :7] == 0).all()
    assert (shares[0, 5:9, 9:11] == 1).all()


def test_classes_compete_as_in_the_row() -> None:
    generator = torch.Generator().manual_seed(1)
    classes = torch.tensor([0, 2, 5])
    scores = torch.randn(3, 15, 20, generator=generator).log_softmax(0)
    grid = Grid(FRAME, classes, scores, torch.zeros(15, 20, dtype=torch.int64), torch.zeros(3, 15, 20))
    labels = torch.zeros(30, 40, dtype=torch.int64)
    labels[2:12, 2:12], labels[2:12, 20:30], labels[20:28, 5:30] = 2, 2, 5
    regions = regions_of(labels, "component")
    assert [region.class_id for region in regions] == [2, 2, 5]
    logits = 8 * torch.randn(3, 20, 20, generator=generator)
    target = torch.tensor([0, 2, 5, 7, 255])[torch.randint(0, 5, (15, 20), generator=generator)]
    whole = target.repeat_interleave(2, 0).repeat_interleave(2, 1)
    exercises = Exercises([], regions, torch.zeros(3, 20, 20), torch.zeros(3, 20, 20))
    loss = fused_loss(logits, exercises, grid, whole, Fuse(0.5))
    terms = []
    for y in range(15):
        for x in range(20):
            if int(target[y, x]) in (7, 255):  # a class that takes no part, and void
                continue
            cut = [min(10.0, max(-10.0, float(one[y, x]))) for one in logits]
            summed = np.array([float(s[y, x]) for s in scores]) + 0.5 * np.array([0, max(cut[:2]), cut[2]])
            terms.append(np.log(np.exp(summed).sum()) - summed[[0, 2, 5].index(int(target[y, x]))])
    assert loss is not None
    assert float(loss) == pytest.approx(float(np.mean(terms)), rel=1e-4)
    assert fused_loss(logits, exercises, grid, torch.full((30, 40), 255), Fuse(0.5)) is None


def test_rates_rise_and_fall() -> None:
    rates = [warm_up_and_decay(step, 100) for step in range(101)]
    assert all(a < b for a, b in itertools.pairwise(rates[:6]))
    assert max(rates) == rates[5] == 1.0
    assert all(a > b for a, b in itertools.pairwise(rates[5:]))
    assert rates[100] == pytest.approx(LEAST)
    assert warm_up_and_decay(7, float("inf")) == 1.0
    assert [poly(step, 10) for step in (0, 5, 10)] == pytest.approx([1, 0.5**0.9, 0])
