"""Masks whose pixels are numbers, a file for each picture: what index, binary and Cityscapes' masks have in common."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import Ids, LabelMap, MaskSet, MaskWriter
from lit_samseg.formats.pixels.forms import Form
from lit_samseg.formats.pixels.looks import PixelMasks, read_numbers
from lit_samseg.formats.pixels.places import check_mask_size, first_place, successors
from lit_samseg.formats.pixels.saving import save_numbers
from lit_samseg.void import VOID

_NOTHING = -2
"""Of numbers that mean nothing."""


class NumberMasks(MaskSet):
    """Masks whose pixels are numbers.

    Args:
        masks: Their files, and what these hold.

    Raises:
        InputError: A file holds colours.
    """

    def __init__(self, masks: PixelMasks) -> None:
        self.masks = masks
        if masks.source.options.colours != "auto":
            raise InputError(
                f"--masks.colours is of colours, and --masks.format is {self.format}; leave out one of them"
            )
        for path, look in masks.looks.items():
            if look.coloured:
                raise InputError(f"mask {path} holds colours, not numbers; set --masks.format to colours")

    @abstractmethod
    def ids_of(self, path: Path) -> Mapping[int, int]:
        """Return the class ids, or `VOID`, that a file's numbers stand for."""

    @abstractmethod
    def numbers_of(self, path: Path) -> Mapping[int, int]:
        """Return the number of each class id in a file, and of `VOID` where there is one."""

    def form_of(self, path: Path) -> Form:
        """Return the form in which a file's successor is written."""
        return self.masks.looks[path].form

    def fill_void(self, path: Path, numbers: NDArray[np.int32], void: NDArray[np.bool_]) -> None:
        """Change the numbers of pixels that are void, in place; mostly there is one number, which they have."""

    @property
    def keys(self) -> Sequence[str]:
        """The names of pictures that have a mask."""
        return list(self.masks.pairs.masks)

    def files(self, key: str) -> list[Path]:
        """Return the mask."""
        return [self.masks.pairs.masks[key]]

    def read(self, key: str, height: int, width: int) -> LabelMap:
        """Read a mask; see `MaskSet.read`."""
        path = self.masks.pairs.masks[key]
        numbers = read_numbers(path, self.masks.looks[path].form)
        check_mask_size(numbers.shape, height, width, path)
        ids = translate(numbers, self.ids_of(path))
        if (ids == _NOTHING).any():
            strange = int(numbers[ids == _NOTHING][0])
            raise InputError(
                f"mask {path} has the value {strange} at {first_place(numbers == strange)}, which it had not when it "
                "was looked at; run again when nobody writes it"
            )
        return LabelMap(ids)

    def writer(self, folder: Path) -> MaskWriter:
        """Return what writes such masks."""
        return NumberWriter(self, folder)

    def understood(self) -> list[str]:
        """Say which names belong together."""
        return self.masks.pairs.said()

    def place_in(self, path: Path, number: int) -> str:
        """Return where a file has a number, in words."""
        return first_place(read_numbers(path, self.masks.looks[path].form) == number)


class NumberWriter(MaskWriter):
    """Writes masks as `NumberMasks` were: their names, forms and numbers."""

    def __init__(self, masks: NumberMasks, folder: Path) -> None:
        self.masks = masks
        pairs = masks.masks.pairs.masks
        places = successors(pairs.values(), masks.masks.source, folder)
        self.places = {key: places[path] for key, path in pairs.items()}

    def write(self, key: str, masks: LabelMap) -> None:
        """Write a mask; see `MaskWriter.write`."""
        (path,) = self.masks.files(key)
        numbers = translate(masks.labels, self.masks.numbers_of(path))
        if (numbers == _NOTHING).any():
            where = numbers == _NOTHING
            what = "void, for which these masks have no number" if masks.labels[where][0] == VOID else "no class"
            raise InputError(f"{self.places[key]}: at {first_place(where)} there is {what}; say it by --masks.void")
        self.masks.fill_void(path, numbers, masks.labels == VOID)
        save_numbers(self.places[key], numbers, self.masks.form_of(path))

    def is_written(self, key: str) -> bool:
        """Tell whether the file is there; it appears whole."""
        return self.places[key].is_file()


def translate(numbers: NDArray[np.integer], table: Mapping[int, int]) -> Ids:
    """Return what a table says of numbers of -1 and more, int32 of the same shape; -2 of numbers that it has not."""
    most = max(int(numbers.max(initial=0)), *table, 0)
    # The last one is that of -1.
    dense = np.full(most + 2, _NOTHING, np.int32)
    for number, meaning in table.items():
        dense[number] = meaning
    found: Ids = dense[numbers]
    return found
