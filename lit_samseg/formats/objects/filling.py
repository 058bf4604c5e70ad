"""Polygons to pixels, by the one rule of all formats here: COCO's.

A polygon's points lie in a plane where pixel (x, y) is the square from (x, y) to (x + 1, y + 1). What it holds is told
by the even-odd rule, so that one that goes to a hole and back leaves the hole out; several of one object are united.
pycocotools fills them; polygons along pixels' borders (`lit_samseg.formats.objects.outlines`) it fills exactly.
"""

import math
from collections.abc import Sequence

import numpy as np
from pycocotools import mask as coco_mask

from lit_samseg.errors import InputError
from lit_samseg.formats.objects.run_lengths import Piece, counts_of, piece_of

_FEWEST = 6
"""Numbers of a polygon; pycocotools takes four for a box."""


def filled(polygons: Sequence[Sequence[float]], height: int, width: int, where: str) -> Piece:
    """Return the pixels of polygons, united.

    Args:
        polygons: Each x, y, x, y, ...; points may lie outside of the picture by its size at most.
        height: Of the picture.
        width: Of the picture.
        where: What they are, for messages.

    Raises:
        InputError: There is none, or one has fewer than three points, half a point, or a point that is none or far
            outside.
    """
    if not polygons:
        raise InputError(f"{where} has no polygon; delete it, or draw it anew")
    for polygon in polygons:
        _check(polygon, height, width, where)
    found = coco_mask.merge(coco_mask.frPyObjects([[float(v) for v in polygon] for polygon in polygons], height, width))
    return piece_of(counts_of(found["counts"]), height, width)


def circle(x: float, y: float, radii: tuple[float, float], size: tuple[int, int], where: str) -> Piece:
    """Return the pixels whose centres lie in a circle or an upright ellipse.

    Args:
        x: Its centre.
        y: Its centre.
        radii: Across and down.
        size: Height and width of the picture.
        where: What it is, for messages.

    Raises:
        InputError: A number is none, or far outside of the picture.
    """
    height, width = size
    across, down = radii
    corners = [x - across, y - down, x + across, y - down, x + across, y + down, x - across, y + down]
    _check(corners, height, width, where)
    if min(radii) <= 0:
        return Piece.cut_out(np.zeros((0, 0), np.bool_))
    ys, xs = np.ogrid[:height, :width]
    return Piece.cut_out(((xs + 0.5 - x) / across) ** 2 + ((ys + 0.5 - y) / down) ** 2 <= 1)


def is_number(value: object) -> bool:
    """Tell whether a value is a number, neither true or false nor infinite nor NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _check(polygon: Sequence[float], height: int, width: int, where: str) -> None:
    if not isinstance(polygon, list) or len(polygon) % 2 or len(polygon) < _FEWEST:
        count = f"{len(polygon)} numbers" if isinstance(polygon, list) else "something else"
        raise InputError(f"{where} has {count} for a polygon, which takes three points or more; draw it anew")
    for index, value in enumerate(polygon):
        side = height if index % 2 else width
        if not is_number(value):
            raise InputError(f"{where} has {str(value)[:40]!r} for a coordinate; draw it anew")
        # pycocotools keeps a number for each fifth of a pixel along the border.
        if not -side <= value <= 2 * side:
            raise InputError(
                f"{where} has a point at {'xy'[index % 2]} {value:.6g}, far outside of its picture of {width}x{height};"
                " draw it anew"
            )
