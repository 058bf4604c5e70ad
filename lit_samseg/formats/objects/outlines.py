"""Masks as polygons that are exact to the pixel.

A polygon runs along the edges of pixels, not through their middles: pixel (x, y) is the square from (x, y) to (x + 1,
y + 1). So a polygon's area is the number of its pixels, one pixel is a polygon of four corners, and whoever fills the
polygons has the mask again. rasterio and GDAL have the same convention; OpenCV's contours run through the middles of
pixels, and lose half a pixel on each side.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Ring = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Polygon:
    """One connected region: pixels that share edges.

    Rings are not closed, the last corner is joined with the first. None touches itself, so that libraries take the
    polygon for a valid one; two may meet in a corner.

    Attributes:
        exterior: Corners (x, y) in pixels, int32 ``[N, 2]``; its shoelace area is above 0 with y downwards.
        interiors: The holes; their shoelace areas are below 0.
    """

    exterior: Ring
    interiors: tuple[Ring, ...] = ()

    @property
    def area(self) -> int:
        """Area without the holes: the number of pixels."""
        return sum(map(_area, (self.exterior, *self.interiors)))


def outline(mask: NDArray[np.bool_]) -> list[Polygon]:
    """Return the polygons of a mask, by the first pixel of each in row-major order.

    Args:
        mask: bool ``[H, W]``.
    """
    # With a frame of nothing, so that each corner of a pixel has four pixels around it.
    numbers, count = ndimage.label(np.pad(mask, 1))
    exteriors: dict[int, Ring] = {}
    interiors: dict[int, list[Ring]] = {number: [] for number in range(1, count + 1)}
    for number, ring in _rings(numbers):
        if _area(ring) > 0:
            exteriors[number] = ring
        else:
            interiors[number].append(ring)
    return [Polygon(exteriors[number], tuple(interiors[number])) for number in range(1, count + 1)]


def joined(polygons: Sequence[Polygon]) -> Ring:
    """Return one ring that fills as all polygons do by the even-odd rule, whose bridges are gone there and back.

    Args:
        polygons: One or more.
    """
    rings = [polygon.exterior for polygon in polygons] + [hole for polygon in polygons for hole in polygon.interiors]
    whole = rings[0]
    for ring in rings[1:]:
        here = int(np.abs(whole - ring[0]).sum(1).argmin())
        whole = np.insert(whole, here + 1, np.concatenate([ring, ring[:1], whole[here : here + 1]]), 0)
    return whole


def _rings(numbers: NDArray[np.int32]) -> Iterator[tuple[int, Ring]]:
    """Yield all rings with the number of the region that each bounds.

    Corners of rings in one line are the ends of horizontal edges, two and two; those in one column are the ends of
    vertical ones. Where two regions touch in a corner, two rings pass it, and it is there twice.
    """
    x, y, line_order, column_order = _corners(numbers)
    along, down = _partners(np.lexsort((line_order, x, y))), _partners(np.lexsort((column_order, y, x)))
    left = np.flatnonzero(x < x[along])
    below = numbers[y[left] + 1, x[left] + 1]
    # With the region on the right hand: to the right where it is below, to the left where it is above.
    starts = np.where(below > 0, left, along[left])
    owner = dict(zip(starts.tolist(), np.where(below > 0, below, numbers[y[left], x[left] + 1]).tolist(), strict=True))
    ends, turns = along.tolist(), down.tolist()
    seen: set[int] = set()
    for start in starts.tolist():
        if start in seen:
            continue
        ring, corner = [], start
        while corner not in seen:
            seen.add(corner)
            ring += [corner, ends[corner]]
            corner = turns[ends[corner]]
        yield owner[start], np.stack([x[ring], y[ring]], axis=1).astype(np.int32)


def _corners(numbers: NDArray[np.int32]) -> tuple[NDArray[np.int64], ...]:
    """Return x and y of all rings' corners, and the order of two at one place: within their line, within their column.

    Args:
        numbers: The region of each pixel, 0 for none, integer ``[H + 2, W + 2]`` with a frame of 0.
    """
    upper_left, upper_right = numbers[:-1, :-1], numbers[:-1, 1:]
    lower_left, lower_right = numbers[1:, :-1], numbers[1:, 1:]
    filled = (np.stack([upper_left, upper_right, lower_left, lower_right]) > 0).sum(0)
    falling = (filled == 2) & (upper_left > 0) & (lower_right > 0)
    rising = (filled == 2) & (upper_right > 0) & (lower_left > 0)
    # Two diagonal pixels of one region hold together, and part what is around them; of two regions they are parted.
    joined = np.where(falling, upper_left == lower_right, upper_right == lower_left)
    one_y, one_x = np.nonzero(filled % 2)
    two_y, two_x = np.nonzero(falling | rising)
    # Of two, the one with the edge to the left is the first in its line; and in its column if its other edge goes up.
    goes_up = (falling ^ joined)[two_y, two_x]
    rest = np.zeros(len(one_x), np.int64)
    return (
        np.concatenate([two_x, two_x, one_x]),
        np.concatenate([two_y, two_y, one_y]),
        np.concatenate([np.zeros_like(two_x), np.ones_like(two_x), rest]),
        np.concatenate([~goes_up, goes_up, rest]).astype(np.int64),
    )


def _partners(order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the partner of each, of those that follow each other two and two."""
    partners = np.empty_like(order)
    partners[order[::2]], partners[order[1::2]] = order[1::2], order[::2]
    return partners


def _area(ring: Ring) -> int:
    x, y = ring.astype(np.int64).T
    return int(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) // 2
