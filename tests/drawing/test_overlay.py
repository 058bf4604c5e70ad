import numpy as np

from lit_samseg.data.ade20k import ade20k_palette
from lit_samseg.drawing import VOID_COLOUR, class_colours, draw_overlay
from lit_samseg.drawing.overlay import OPACITY
from lit_samseg.formats.palettes import voc_palette


def test_classes_are_tinted_and_the_background_is_left() -> None:
    image = np.full((5, 6, 3), 100, np.uint8)
    labels = np.zeros((5, 6), np.int64)
    labels[:, 3:] = 1
    drawn = draw_overlay(image, labels, class_colours(2, [0, 0, 0, 200, 0, 40]), background=0)
    assert (drawn[:, :2] == 100).all()
    assert (drawn[:, 2] == 255).all()
    expected = [round((1 - OPACITY) * 100 + OPACITY * value) for value in (200, 0, 40)]
    assert (drawn[:, 3:] == expected).all()


def test_colours_are_those_of_the_written_index() -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    drawn = draw_overlay(image, np.full((2, 2), 149), class_colours(150, ade20k_palette(), 1))
    assert (drawn == [round(OPACITY * value) for value in (92, 0, 255)]).all()


def test_void_of_the_ground_truth_is_drawn_in_its_own_colour() -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    drawn = draw_overlay(image, np.full((2, 2), 255), class_colours(21, voc_palette()), background=0)
    assert (drawn == [round(OPACITY * value) for value in VOID_COLOUR]).all()


def test_without_a_palette_classes_still_differ() -> None:
    image = np.zeros((1, 40, 3), np.uint8)
    # Every class twice: a border is white in the first of two neighbours.
    drawn = draw_overlay(image, np.arange(20).repeat(2)[None], class_colours(20, None))
    assert len({tuple(pixel) for pixel in drawn[0, ::2].tolist()}) == 20


def test_more_classes_than_a_palette_has_get_colours_too() -> None:
    colours = class_colours(300, voc_palette())
    # Class 255 would look like void.
    assert not (colours == VOID_COLOUR).all(1).any()
    assert colours.shape == (300, 3)
    assert colours[:21].ravel().tolist() == voc_palette()[:63]
    assert len({tuple(colour) for colour in colours[256:].tolist()}) == 44
