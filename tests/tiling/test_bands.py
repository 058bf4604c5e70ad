"""Which bands are colours, and what becomes of their values."""

import numpy as np
import pytest

from lit_samseg.tiling import ToRgb
from lit_samseg.tiling.bands import Range, of_palette, to_bytes
from tests.conftest import refuses

RGBN = ["red", "green", "blue", "undefined"]
UNNAMED = ["gray", *["undefined"] * 6]


@pytest.mark.parametrize(
    ("colours", "chosen"),
    [
        (["gray"], (1, 1, 1)),
        (["gray", "alpha"], (1, 1, 1)),
        (["blue", "green", "red"], (3, 2, 1)),
        (["gray", "undefined", "undefined"], (1, 2, 3)),
        (UNNAMED[:4], (1, 2, 3)),
        (["undefined", "blue", "green", "red", "undefined", "undefined"], (4, 3, 2)),
    ],
)
def test_bands_that_are_chosen(colours: list[str], chosen: tuple[int, int, int]) -> None:
    assert ToRgb().choose(colours, "image a.tif") == chosen


def test_bands_that_nobody_can_tell() -> None:
    refuses(lambda: ToRgb().choose(UNNAMED[:5], "image a.tif"), "image a.tif has 5 bands", "--bands [3, 2, 1]")
    refuses(lambda: ToRgb().choose(UNNAMED[:2], "image a.tif"), "image a.tif has 2 bands", "--bands")
    assert ToRgb((5, 1, 1)).choose(UNNAMED[:5], "image a.tif") == (5, 1, 1)
    refuses(lambda: ToRgb((6, 2, 1)).choose(UNNAMED[:5], "image a.tif"), "has 5 bands; bands are [6, 2, 1]")


@pytest.mark.parametrize("bands", [(1, 2), (0, 1, 2), (1, 2, 3, 4), (1.0, 2, 3)])
def test_options_that_are_none(bands: tuple[int, ...]) -> None:
    refuses(lambda: ToRgb(bands), "three numbers from 1 on")


@pytest.mark.parametrize("values", ["minmax", (3, 1), (1, 1), (0, float("nan"))])
def test_ranges_that_are_none(values: Range) -> None:
    refuses(lambda: ToRgb(range=values), "range is", "percentile, dtype")


def test_limits() -> None:
    pixels = np.stack([np.arange(0, 1001), np.arange(1000, 2001), np.full(1001, 7)]).astype(np.uint16)
    for chosen in ("auto", "percentile"):
        to_rgb = ToRgb(range=chosen)  # type: ignore[arg-type]
        assert to_rgb.measures("uint16")
        assert to_rgb.limits("uint16", pixels, "image a.tif") == ((20, 980), (1020, 1980), (7, 7))
    assert not ToRgb().measures("uint8")
    assert ToRgb(range="percentile").measures("uint8")
    assert ToRgb().limits("uint8", None, "") == ((0, 255),) * 3
    assert ToRgb(range="dtype").limits("int16", None, "") == ((-32768, 32767),) * 3
    assert ToRgb(range="dtype").limits("float32", None, "") == ((0, 1),) * 3
    assert ToRgb(range=(5, 90)).limits("float32", None, "") == ((5, 90),) * 3
    refuses(lambda: ToRgb().limits("uint16", pixels[:, :0], "image a.tif"), "image a.tif has no pixel with data")


def test_what_was_chosen_is_said() -> None:
    found = ToRgb().describe((3, 2, 1), ((20, 980), (1020, 1980), (7, 7)), "uint16")
    assert found == (
        "bands 3, 2, 1 as red, green, blue; of uint16, 20 to 980, 1020 to 1980, 7 to 7 become 0 to 255 "
        "(percentiles 2 and 98 of a decimated copy)"
    )
    assert ToRgb().describe((1, 1, 1), ((0, 255),) * 3, "uint8") == "band 1 as grey, uint8 as it is"
    assert (
        ToRgb(range=(0, 3000))
        .describe((1, 2, 3), ((0, 3000),) * 3, "int16")
        .endswith("of int16, 0 to 3000 become 0 to 255 (as given)")
    )


def test_bytes() -> None:
    values = np.array([[[0, 10, 60, 110, 500]], [[-5, 0, 1, 2, 3]], [[7, 7, 7, 7, 7]]], np.int16)
    found = to_bytes(values, ((10, 110), (0, 2), (7, 7)))
    assert found.dtype == np.uint8
    assert found[:, 0].tolist() == [[0, 0, 128, 255, 255], [0, 0, 128, 255, 255], [0] * 5]
    assert to_bytes(np.array([[[np.nan, 0.5]]] * 3, np.float32), ((0, 1),) * 3)[0].tolist() == [[0, 128]]
    as_they_are = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    assert to_bytes(as_they_are, ((0, 255),) * 3) is as_they_are
    assert of_palette(np.array([[0, 3]]), {0: (9, 8, 7, 255), 2: (1, 1, 1, 255)}).tolist() == [
        [[9, 0]],
        [[8, 0]],
        [[7, 0]],
    ]
