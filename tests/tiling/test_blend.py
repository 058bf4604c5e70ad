"""What tiles say is added up: against the whole picture's sums, written out with numpy."""

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lit_samseg.refine import ClassScores, certain
from lit_samseg.tiling.blend import Blend
from lit_samseg.tiling.plan import Plan
from lit_samseg.void import VOID


def weight(plan: Plan, axis: int, n: int, at: int) -> float:
    """How much tile ``n`` of an axis counts at pixel ``at`` of the picture."""
    starts, side = (plan.rows, plan.columns)[axis], plan.shape[axis]
    found = 1.0
    if n > 0:
        found *= math.sin(math.pi / 2 * min(1, (at - starts[n] + 0.5) / plan.overlap)) ** 2
    if n + 1 < len(starts):
        found *= math.sin(math.pi / 2 * min(1, (starts[n] + side - at - 0.5) / plan.overlap)) ** 2
    return found


@given(st.integers(3, 23), st.integers(3, 23), st.integers(4, 12), st.integers(1, 6), st.integers(0, 99))
@example(22, 22, 6, 1, 48)
@settings(max_examples=25, deadline=None)
def test_it_is_the_weighted_mean_of_all_tiles(height: int, width: int, tile: int, overlap: int, seed: int) -> None:
    plan = Plan(height, width, tile, min(overlap, tile // 2))
    generator, random = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    sums = np.zeros((6, height, width))
    label_map, confidence = np.full((height, width), -9), np.zeros((height, width))
    blend = Blend(plan)
    for place in plan.places():
        rows, columns = plan.window(place).area
        classes = torch.from_numpy(np.sort(random.choice(np.arange(-1, 5), random.integers(1, 5), replace=False)))
        scores = torch.rand(len(classes), *plan.shape, generator=generator).softmax(0)
        weights = np.array(
            [
                [
                    weight(plan, 0, place[0], y) * weight(plan, 1, place[1], x)
                    for x in range(columns.start, columns.stop)
                ]
                for y in range(rows.start, rows.stop)
            ]
        )
        for class_id, probability in zip(classes.tolist(), scores, strict=True):
            sums[class_id + 1, rows, columns] += probability.numpy() * weights
        finished, area = blend.add(place, ClassScores(classes, scores)), plan.cell(place).area
        label_map[area], confidence[area] = finished.label_map, finished.confidence
    # Two tiles that are sure of one class each, and count alike, are even but for rounding.
    second, most = np.sort(sums, axis=0)[-2:]
    even = most - second < 1e-6 * most
    assert np.array_equal(label_map[~even], sums.argmax(0)[~even] - 1)
    chosen = np.take_along_axis(sums, label_map[None] + 1, 0)[0]
    np.testing.assert_allclose(chosen[even], most[even], rtol=1e-6)
    np.testing.assert_allclose(confidence, sums.max(0) / sums.sum(0), rtol=1e-5)


def test_tiles_that_agree_leave_no_trace() -> None:
    labels = torch.from_numpy(np.random.default_rng(1).integers(VOID, 4, (50, 61)))
    plan = Plan(50, 61, 16, 5)
    blend = Blend(plan)
    for place in plan.places():
        finished = blend.add(place, certain(labels[plan.window(place).area]))
        assert torch.equal(finished.label_map, labels[plan.cell(place).area])
        torch.testing.assert_close(finished.confidence, torch.ones_like(finished.confidence))
    assert not blend._pieces


def test_a_tile_says_next_to_nothing_at_its_border() -> None:
    """The upper tile is sure of class 1 and the lower one of class 2: they meet in the middle of the overlap."""
    plan = Plan(30, 4, 20, 10)
    blend = Blend(plan)
    columns = [blend.add((n, 0), certain(torch.full((20, 4), label))) for n, label in enumerate((1, 2))]
    rows = torch.cat([finished.label_map[:, 0] for finished in columns]).tolist()
    assert rows == [1] * 15 + [2] * 15
    sure = torch.cat([finished.confidence[:, 0] for finished in columns])
    assert sure[10] == pytest.approx(math.cos(math.pi / 40) ** 2)
    assert sure[14] < 0.6
