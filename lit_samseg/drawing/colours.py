"""The colour of each class."""

import colorsys

import numpy as np
from numpy.typing import NDArray

VOID_COLOUR = (224, 224, 192)
"""Pixels without a class in the ground truth, as VOC's own pictures have them."""


def class_colours(num_classes: int, palette: list[int] | None, label_offset: int = 0) -> NDArray[np.uint8]:
    """Return the colours of classes 0, 1, ..., RGB, uint8 ``[C, 3]``.

    Args:
        num_classes: ``C``.
        palette: RGB by written index, flat (``SegmentationDataModule.palette``); None spreads hues over the classes. A
            class that has void's colour there gets a hue too.
        label_offset: What written indices exceed class ids by.
    """
    given = np.array(palette or [], np.uint8).reshape(-1, 3)[label_offset : label_offset + num_classes]
    void = (given == VOID_COLOUR).all(1)
    # A palette has at most 256 colours; there may be more classes, and then VOC's void is a class of them.
    given[void] = np.array([_hue(index) for index in np.flatnonzero(void).tolist()], np.uint8).reshape(-1, 3)
    spread = np.array([_hue(index) for index in range(len(given), num_classes)], np.uint8).reshape(-1, 3)
    return np.concatenate([given, spread])


def _hue(index: int) -> list[int]:
    # Steps of the golden ratio keep neighbouring ids apart however many there are.
    return [round(255 * value) for value in colorsys.hsv_to_rgb(index * 0.618034 % 1, 0.8, 0.95)]
