"""The measure of seams finds one that is there."""

import math

import numpy as np

from lit_samseg.tiling import Plan, measure_seams

PLAN = Plan(200, 160, 80, 20)


def test_changes_at_borders_and_beside_them() -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 2, (200, 160))
    seams = measure_seams(noise, PLAN)
    assert 0.95 < seams.excess < 1.05
    assert 0.48 < seams.at_borders < 0.52
    # Tiles begin or end before columns 60, 80 and 140.
    assert (PLAN.columns, PLAN.rows) == ((0, 60, 80), (0, 60, 120))
    cut = np.zeros((200, 160), int)
    cut[:, 60:] = 1
    seams = measure_seams(cut, PLAN)
    borders = (60, 80, 140)
    pairs = 200 * len(borders) + 160 * len({60, 80, 120, 140})
    assert seams.at_borders == 200 / pairs
    assert seams.beside == 0
    assert math.isnan(seams.excess)
    elsewhere = np.zeros((200, 160), int)
    elsewhere[:, 76:] = 1
    seams = measure_seams(elsewhere, PLAN)
    assert seams.at_borders == 0
    assert seams.beside > 0
