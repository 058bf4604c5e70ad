"""Label maps as pictures: colours in, pixels out; arrays only."""

from lit_samseg.drawing.colours import VOID_COLOUR, class_colours
from lit_samseg.drawing.errors import ERROR_KINDS, find_errors
from lit_samseg.drawing.overlay import draw_overlay

__all__ = ["ERROR_KINDS", "VOID_COLOUR", "class_colours", "draw_overlay", "find_errors"]
