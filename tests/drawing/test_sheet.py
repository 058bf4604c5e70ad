import numpy as np
import pytest

from lit_samseg.drawing.sheet import COLUMNS, GAP, NAME_HEIGHT, draw_sheet


def blocks(count: int, height: int, width: int) -> dict[str, np.ndarray]:
    """Pictures of one colour each, none of them white, with names narrower than they are."""
    return {str(n): np.full((height, width, 3), (n, 2 * n, 100), np.uint8) for n in range(count)}


@pytest.mark.parametrize("count", [1, COLUMNS - 1, COLUMNS, COLUMNS + 1, 2 * COLUMNS + 3])
def test_pictures_stand_in_reading_order_below_their_names(count: int) -> None:
    pictures = blocks(count, 30, 50)
    sheet = draw_sheet(pictures)
    columns, lines = min(count, COLUMNS), -(-count // COLUMNS)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (lines * (NAME_HEIGHT + 30) + (lines - 1) * GAP, columns * 50 + (columns - 1) * GAP, 3)
    covered = np.zeros(sheet.shape[:2], bool)
    for n, picture in enumerate(pictures.values()):
        top, left = n // COLUMNS * (NAME_HEIGHT + 30 + GAP), n % COLUMNS * (50 + GAP)
        assert (sheet[top : top + NAME_HEIGHT, left : left + 50] < 100).all(-1).any(), "no name is written"
        below = slice(top + NAME_HEIGHT, top + NAME_HEIGHT + 30), slice(left, left + 50)
        assert np.array_equal(sheet[below], picture)
        covered[below] = covered[top : top + NAME_HEIGHT, left : left + 50] = True
    assert (sheet[~covered] == 255).all()


def test_a_long_name_does_not_run_into_the_next_picture() -> None:
    name = "points+box+mask@component/score/baseline"
    narrow = {name: np.zeros((10, 8, 3), np.uint8), "b": np.zeros((10, 8, 3), np.uint8)}
    sheet = draw_sheet(narrow)
    dark_columns = (sheet[:NAME_HEIGHT] < 128).all(-1).any(0).nonzero()[0]
    second = (sheet[NAME_HEIGHT:] == 0).all((0, 2)).nonzero()[0][8]
    assert dark_columns[dark_columns < second].max() > 150, "the whole first name is there"
    gap = sheet[:, second - GAP : second]
    assert gap.shape[1] == GAP
    assert (gap == 255).all()
