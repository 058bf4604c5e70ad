"""Where a large picture's tiles lie."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from lit_samseg.errors import InputError

LEAST_TILE = 32
"""Pixels: in less no SAM sees anything."""
_MOST_SHRUNK = 2
"""A picture that SAM's square makes smaller than by this is cut into tiles of the square's own size."""

Place = tuple[int, int]
"""Row and column of a tile among the tiles."""


class Window(NamedTuple):
    """A rectangle of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def area(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


@dataclass(frozen=True)
class Plan:
    """Tiles of one size that overlap and cover a picture; the last ones are moved inwards to end where it ends.

    A tile's *cell* is its part above and left of the next tiles: cells have the tile's corner, do not overlap and cover
    the picture. Taken row by row, a tile is the last one that says anything about its cell.

    Attributes:
        height: The picture's, in pixels.
        width: The picture's.
        tile: Side of the tiles; less where the picture is smaller.
        overlap: Pixels that neighbours have in common at least, half a tile at most.
    """

    height: int
    width: int
    tile: int
    overlap: int

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ValueError: No tiles can be laid so.
        """
        if min(self.height, self.width, self.tile) < 1 or not 0 < self.overlap <= self.tile / 2:
            raise ValueError(f"no tiles of {self.tile} with {self.overlap} in common on {self.height}x{self.width}")

    @cached_property
    def rows(self) -> tuple[int, ...]:
        """The first row of each row of tiles, ascending."""
        return _starts(self.height, self.tile, self.overlap)

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """The first column of each column of tiles, ascending."""
        return _starts(self.width, self.tile, self.overlap)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a tile."""
        return min(self.tile, self.height), min(self.tile, self.width)

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    def places(self) -> Iterator[Place]:
        """Yield the tiles' places, row by row."""
        return itertools.product(range(len(self.rows)), range(len(self.columns)))

    def window(self, place: Place) -> Window:
        """Return where a tile is."""
        return Window(self.rows[place[0]], self.columns[place[1]], *self.shape)

    def cell(self, place: Place) -> Window:
        """Return where a tile's cell is."""
        (top, bottom), (left, right) = (
            _cell(starts, n, length)
            for starts, n, length in zip((self.rows, self.columns), place, (self.height, self.width), strict=True)
        )
        return Window(top, left, bottom - top, right - left)

    def cells_under(self, place: Place) -> Iterator[Place]:
        """Yield the places of all cells that a tile reaches; its own is the first."""
        rows, columns = (
            [n for n in range(own, len(starts)) if starts[n] < starts[own] + side]
            for starts, own, side in zip((self.rows, self.columns), place, self.shape, strict=True)
        )
        return itertools.product(rows, columns)


def _starts(length: int, tile: int, overlap: int) -> tuple[int, ...]:
    last = max(0, length - tile)
    return (*range(0, last, tile - overlap), last)


def _cell(starts: tuple[int, ...], n: int, length: int) -> tuple[int, int]:
    return starts[n], starts[n + 1] if n + 1 < len(starts) else length


@dataclass(frozen=True)
class Tiling:
    """How pictures are cut.

    Attributes:
        tile: Side of the tiles in pixels; ``auto`` cuts a picture that SAM's square would make smaller than half into
            tiles of the square's own size, so that small things are seen at full resolution; None cuts nothing.
        overlap: What neighbours have in common at least, as a part of the tile's side, above 0 and 0.5 at most.

    Raises:
        InputError: A number cannot be used.
    """

    tile: int | Literal["auto"] | None = "auto"
    overlap: float = 0.25

    def __post_init__(self) -> None:
        """Check the numbers."""
        whole = isinstance(self.tile, int) and not isinstance(self.tile, bool)
        if self.tile not in ("auto", None) and not (whole and int(self.tile) >= LEAST_TILE):
            raise InputError(f"tile is {self.tile!r}; it is auto, none or a number of pixels, {LEAST_TILE} or more")
        if not 0 < self.overlap <= 0.5:
            raise InputError(f"overlap is {self.overlap!r}; it is a part of a tile's side, above 0 and 0.5 at most")

    def plan(self, height: int, width: int, square: int) -> Plan:
        """Lay tiles on a picture.

        Args:
            height: The picture's, in pixels.
            width: The picture's.
            square: Side of what SAM's encoder sees, in pixels.

        Returns:
            The tiles; a single one, of the picture's size, where it is not cut.
        """
        longest = max(height, width)
        side = self.tile
        if side == "auto":
            side = square if longest > _MOST_SHRUNK * square else None
        side = max(longest, 2) if side is None else side
        return Plan(height, width, side, max(1, round(self.overlap * side)))
