"""COCO's run lengths: how many pixels, down each column in turn, are outside, inside, outside, ...

pycocotools decodes run lengths that do not cover the picture to whatever lay in memory, so they are counted here first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Piece:
    """A mask and where it lies: what is not empty of it.

    Attributes:
        top: Row of its first pixel.
        left: Column of its first pixel.
        mask: bool ``[H, W]``, without empty rows and columns at its borders; ``[0, 0]`` for a mask without pixels.
    """

    top: int
    left: int
    mask: NDArray[np.bool_]

    @classmethod
    def cut_out(cls, mask: NDArray[np.bool_], top: int = 0, left: int = 0) -> Self:
        """Return what is not empty of a mask whose first pixel is at ``top``, ``left``."""
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if not len(rows):
            return cls(0, 0, np.zeros((0, 0), np.bool_))
        inside = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return cls(top + int(rows[0]), left + int(columns[0]), inside)

    @property
    def area(self) -> int:
        """The number of its pixels."""
        return int(np.count_nonzero(self.mask))

    @property
    def window(self) -> tuple[slice, slice]:
        """The rows and columns that it takes of a picture."""
        height, width = self.mask.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def equals(self, other: "Piece") -> bool:
        """Tell whether both have the same pixels."""
        return (self.top, self.left) == (other.top, other.left) and np.array_equal(self.mask, other.mask)


def united(pieces: Sequence[Piece], height: int, width: int) -> Piece:
    """Return the mask that some masks make together."""
    if len(pieces) == 1:
        return pieces[0]
    whole = np.zeros((height, width), np.bool_)
    for piece in pieces:
        whole[piece.window] |= piece.mask
    return Piece.cut_out(whole)


def counts_of(text: bytes) -> Counts:
    """Return the run lengths of a compressed text: five bits a character, the lowest first; a sign; differences.

    Raises:
        ValueError: It is none.
    """
    characters = np.frombuffer(text, np.uint8).astype(np.int64) - 48
    goes_on = (characters & 32) != 0
    if not len(characters) or goes_on[-1] or characters.min() < 0 or characters.max() > 63:
        raise ValueError("cut off, or characters that none has")
    last = np.flatnonzero(~goes_on)
    first = np.concatenate([[0], last[:-1] + 1])
    place = np.arange(len(characters)) - np.repeat(first, last - first + 1)
    if place.max() > 6:
        raise ValueError("a number longer than a picture can be")
    values = np.add.reduceat((characters & 31) << (5 * place), first)
    values -= np.where(characters[last] & 16, 1 << (5 * (place[last] + 1)), 0)
    # From the fourth on each is the difference to the one before the last.
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def piece_of(counts: Counts, height: int, width: int) -> Piece:
    """Return the mask of run lengths.

    Raises:
        ValueError: They do not cover the picture, or one is below 0.
    """
    if not len(counts) or counts.min() < 0 or counts.max() > height * width or int(counts.sum()) != height * width:
        raise ValueError(f"run lengths that add up to another number than the {height * width} pixels of the picture")
    ends = np.cumsum(counts)
    inside = np.flatnonzero(counts[1::2]) * 2 + 1
    if not len(inside):
        return Piece.cut_out(np.zeros((0, 0), np.bool_))
    left = int(ends[inside[0] - 1]) // height
    right = (int(ends[inside[-1]]) - 1) // height + 1
    lengths = np.diff(ends.clip(left * height, right * height), prepend=left * height)
    columns = np.repeat(np.arange(len(counts)) % 2 == 1, lengths).reshape(right - left, height)
    return Piece.cut_out(columns.T, left=left)


def text_of(piece: Piece, height: int, width: int) -> str:
    """Return the compressed run lengths of a mask."""
    whole = np.zeros((height, width), np.uint8, order="F")
    whole[piece.window] = piece.mask
    return str(coco_mask.encode(whole)["counts"], "ascii")


def plain_counts(piece: Piece, height: int, width: int) -> list[int]:
    """Return the run lengths of a mask as numbers."""
    found: list[int] = counts_of(text_of(piece, height, width).encode()).tolist()
    return found
