"""Where tiles lie: pixel by pixel."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_samseg.tiling.plan import Plan, Tiling, Window
from tests.conftest import refuses

PLANS = st.builds(
    lambda height, width, tile, share: Plan(height, width, tile, max(1, int(tile * share))),
    *(st.integers(1, 40), st.integers(1, 40), st.integers(8, 30), st.floats(0.01, 0.5)),
)


@given(PLANS)
@settings(max_examples=25, deadline=None)
def test_cells_cover_the_picture_once_and_have_their_tiles_corner(plan: Plan) -> None:
    seen = np.zeros((plan.height, plan.width), int)
    for place in plan.places():
        tile, cell = plan.window(place), plan.cell(place)
        assert (cell.top, cell.left) == (tile.top, tile.left)
        assert 0 < cell.height <= tile.height
        assert 0 < cell.width <= tile.width
        assert tile.top + tile.height <= plan.height
        assert tile.left + tile.width <= plan.width
        seen[cell.area] += 1
    assert (seen == 1).all()
    assert len(list(plan.places())) == len(plan)


@given(PLANS)
@settings(max_examples=25, deadline=None)
def test_neighbours_overlap_and_a_cell_is_reached_by_no_later_tile(plan: Plan) -> None:
    for starts, side in ((plan.rows, plan.shape[0]), (plan.columns, plan.shape[1])):
        assert all(before < after <= before + side - plan.overlap for before, after in pairwise(starts))
    pixels = {place: np.zeros((plan.height, plan.width), bool) for place in plan.places()}
    for place, own in pixels.items():
        own[plan.window(place).area] = True
    done: list[tuple[int, int]] = []
    for place in plan.places():
        done.append(place)
        under = list(plan.cells_under(place))
        assert under[0] == place
        assert under == [p for p in plan.places() if pixels[place][plan.cell(p).area].any()]
        later = [p for p in plan.places() if p not in done]
        assert not any(pixels[p][plan.cell(place).area].any() for p in later)


def test_the_last_tiles_are_moved_inwards() -> None:
    plan = Plan(100, 30, 40, 10)
    assert plan.rows == (0, 30, 60)
    assert Plan(101, 30, 40, 10).rows == (0, 30, 60, 61)
    assert plan.columns == (0,)
    assert plan.window((2, 0)) == Window(60, 0, 40, 30)
    assert plan.cell((1, 0)) == Window(30, 0, 30, 30)


@pytest.mark.parametrize(("longest", "tiles"), [(2048, 1), (2049, 3), (12_000, 16)])
def test_auto_cuts_what_the_square_would_shrink_below_half(longest: int, tiles: int) -> None:
    plan = Tiling().plan(longest, 500, 1024)
    assert len(plan.rows) == tiles
    assert plan.shape == ((1024 if tiles > 1 else longest), 500)
    assert plan.overlap == (256 if tiles > 1 else round(longest / 4))
    assert len(Tiling(None).plan(longest, 500, 1024)) == 1
    assert Tiling(300, 0.1).plan(longest, 500, 1024).shape == (300, 300)


def test_numbers_that_cannot_be_used() -> None:
    for tile in (0, -1, 31, 2.5, True, "all"):
        refuses(lambda tile=tile: Tiling(tile), "tile is", repr(tile), "auto, none or a number")  # type: ignore[misc]
    for overlap in (0, 0.6, -1, float("nan")):
        refuses(lambda overlap=overlap: Tiling(64, overlap), "overlap is", "0.5 at most")  # type: ignore[misc]
    with pytest.raises(ValueError, match="no tiles"):
        Plan(10, 10, 4, 3)
    assert len(Tiling(None).plan(1, 1, 64)) == 1
