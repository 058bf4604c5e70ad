from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lit_samseg.data.sharding import PIXELS_PER_IMAGE, estimate_cost, share_out


@given(st.lists(st.floats(0.1, 100), max_size=60), st.integers(1, 9))
def test_each_image_goes_to_one_process_and_none_has_much_more(costs: list[float], processes: int) -> None:
    shares = share_out(costs, processes)
    assert len(shares) == processes
    assert sorted(position for share in shares for position in share) == list(range(len(costs)))
    assert all(share == sorted(share) for share in shares)
    loads = [sum(costs[position] for position in share) for share in shares]
    # What Graham proved of this order: the last image taken up ends no later than so.
    assert max(loads) <= sum(costs) / processes + (1 - 1 / processes) * max(costs, default=0) + 1e-9
    if costs:
        assert shares[0]


def test_equal_images_take_turns() -> None:
    assert share_out([1.0] * 7, 3) == [[0, 3, 6], [1, 4], [2, 5]]
    assert share_out([1.0] * 2, 3) == [[0], [1], []]


def test_a_large_image_has_a_process_to_itself() -> None:
    assert share_out([1, 1, 6, 1, 1, 1], 2) == [[2], [0, 1, 3, 4, 5]]


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_cost_is_read_from_the_header(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture.{suffix}"
    Image.fromarray(np.zeros((300, 500, 3), np.uint8)).save(path)
    assert estimate_cost(path) == 1 + 300 * 500 / PIXELS_PER_IMAGE


def test_what_cannot_be_read_costs_something(tmp_path: Path) -> None:
    """It is found out where it is read, by a process that can say so."""
    (tmp_path / "text.png").write_text("text")
    assert [estimate_cost(path) for path in (None, tmp_path / "none.png", tmp_path / "text.png", tmp_path)] == [1] * 4
