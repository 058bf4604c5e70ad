"""What a figure of pictures consists of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes:
        pixels: RGB, uint8 ``[H, W, 3]``.
        caption: Below it.
        boxes: Outlined on it: x_min, y_min, x_max, y_max of each in its pixels, corners inclusive.
        points: Marked on it: x, y of each in its pixels.
        negative: Marked otherwise: points of the background.
        is_photo: Whether pixels may be averaged where there is no room for all; those of label maps may not.
    """

    pixels: NDArray[np.uint8]
    caption: str = ""
    boxes: Sequence[Sequence[float]] = ()
    points: Sequence[Sequence[float]] = ()
    negative: Sequence[Sequence[float]] = ()
    is_photo: bool = True

    @property
    def aspect(self) -> float:
        """Width by height."""
        height, width = self.pixels.shape[:2]
        return float(width / height)


@dataclass(frozen=True)
class Entry:
    """A line of the legend.

    Attributes:
        name: What the colour means.
        colour: RGB.
        is_outline: Whether it stands for lines, not areas.
        marker: Matplotlib's name of what it stands for, if that is points.
    """

    name: str
    colour: Colour
    is_outline: bool = False
    marker: str = ""


@dataclass(frozen=True)
class Plate:
    """A figure.

    Attributes:
        lines: Panels beside each other, and such lines below each other.
        legend: Below all.
        titles: Above the columns, a name and below it, smaller, another or nothing; none where lines have no columns.
    """

    lines: Sequence[Sequence[Panel]]
    legend: Sequence[Entry]
    titles: Sequence[tuple[str, str]] = ()
