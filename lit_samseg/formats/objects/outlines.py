"""Outlines of masks along the borders of pixels: rings of corners, which fill to the very same pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.int64]
"""Corners of pixels ``[N, 2]`` as x, y: pixel (x, y) lies between corner (x, y) and (x + 1, y + 1). It is closed."""


@dataclass(frozen=True)
class Rings:
    """The outline of a mask.

    Attributes:
        outer: A ring round each piece; pieces are connected by sides of pixels, not by corners.
        holes: A ring round each hole.
    """

    outer: tuple[Ring, ...]
    holes: tuple[Ring, ...]


def rings_of(mask: NDArray[np.bool_]) -> Rings:
    """Return the outline of a mask ``[H, W]``; no corner lies on a straight line between its neighbours.

    Corners of a row belong together in pairs, from left to right, by the horizontal sides between them; and those of a
    column by the vertical ones. Following one and the other in turn gives a ring.
    """
    framed = np.pad(mask, 1)
    upper_left, upper_right = framed[:-1, :-1], framed[:-1, 1:]
    lower_left, lower_right = framed[1:, :-1], framed[1:, 1:]
    # Where two pixels touch by a corner alone, two rings pass it: it counts twice.
    falling = upper_left & lower_right & ~upper_right & ~lower_left
    rising = upper_right & lower_left & ~upper_left & ~lower_right
    crossed = falling | rising
    ys, xs = np.nonzero((upper_left ^ upper_right ^ lower_left ^ lower_right) | crossed)
    times = 1 + crossed[ys, xs]
    turned = np.repeat(rising[ys, xs], times)
    ys, xs = np.repeat(ys, times), np.repeat(xs, times)
    # Of a corner that counts twice the first end of a row's side goes with the upper side, or else with the lower.
    second = np.concatenate([np.zeros(1, np.bool_), (ys[1:] == ys[:-1]) & (xs[1:] == xs[:-1])])[: len(ys)]
    by_column = np.lexsort((second ^ turned, ys, xs))
    along_column = np.empty(len(ys), np.int64)
    along_column[by_column[0::2]] = by_column[1::2]
    along_column[by_column[1::2]] = by_column[0::2]
    corners = np.stack([xs, ys], 1)
    outer: list[Ring] = []
    holes: list[Ring] = []
    for ring in _followed(along_column.tolist()):
        x, y = xs[ring[0]], ys[ring[0]]
        (outer if mask[y, x] else holes).append(corners[ring])
    return Rings(tuple(outer), tuple(holes))


def joined(rings: Sequence[Ring]) -> Ring:
    """Return one ring that fills as all of them do by the even-odd rule, whose bridges are gone there and back.

    Args:
        rings: One or more, holes among them.
    """
    whole = rings[0]
    for ring in rings[1:]:
        here = int(np.abs(whole - ring[0]).sum(1).argmin())
        whole = np.insert(whole, here + 1, np.concatenate([ring, ring[:1], whole[here : here + 1]]), 0)
    return whole


def _followed(along_column: Sequence[int]) -> list[list[int]]:
    """Return the corners of each ring; corner 2k and 2k + 1 are the ends of a row's side."""
    rings, seen = [], bytearray(len(along_column))
    for start in range(0, len(along_column), 2):
        if not seen[start]:
            ring, corner = [], start
            while not seen[corner]:
                other = corner ^ 1
                seen[corner] = seen[other] = 1
                ring += [corner, other]
                corner = along_column[other]
            rings.append(ring)
    return rings
