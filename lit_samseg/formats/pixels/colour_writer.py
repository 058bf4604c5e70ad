"""Write masks in colours."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import LabelMap, MaskWriter
from lit_samseg.formats.palettes import RGB
from lit_samseg.formats.pixels.colour_codes import RGB_ONLY, Codes, code_of, codes_of, colours_of_codes, packed
from lit_samseg.formats.pixels.colour_table import FOUND, TABLE_FILE, ColourTable, write_table
from lit_samseg.formats.pixels.forms import Form
from lit_samseg.formats.pixels.looks import PixelMasks
from lit_samseg.formats.pixels.places import first_place, successors
from lit_samseg.formats.pixels.saving import save_colours
from lit_samseg.formats.reading import read_colours
from lit_samseg.void import VOID


class ColourWriter(MaskWriter):
    """Writes masks in colours as they were: with their names, forms and colours.

    Args:
        masks: The masks that were read.
        table: What colours stand for.
        alphas: How opaque each colour is.
        folder: Where to.
    """

    def __init__(self, masks: PixelMasks, table: ColourTable, alphas: Mapping[RGB, int], folder: Path) -> None:
        self.masks, self.table, self.folder = masks, table, folder
        places = successors(masks.pairs.masks.values(), masks.source, folder)
        self.places = {key: places[path] for key, path in masks.pairs.masks.items()}
        # The last one is that of void, which is -1.
        codes = [code_of(colour, alphas.get(colour, 255)) for colour in (*table.colours, *table.void[:1])]
        self._codes = np.array(codes, np.int64)

    def write(self, key: str, masks: LabelMap) -> None:
        """Write a mask; see `MaskWriter.write`."""
        path = self.masks.pairs.masks[key]
        if not self.table.void and (masks.labels == VOID).any():
            raise InputError(
                f"{self.places[key]}: at {first_place(masks.labels == VOID)} there is void, for which these masks have "
                "no colour; say it by --masks.void R,G,B"
            )
        codes = self._codes[masks.labels]
        self._keep_void(path, codes, masks.labels == VOID)
        save_colours(self.places[key], colours_of_codes(codes), _in_colour(self.masks.looks[path].form))

    def _keep_void(self, path: Path, codes: Codes, void: NDArray[np.bool_]) -> None:
        """Give pixels that were void, and are, the colour back that they had."""
        if len(self.table.void) < 2 or not void.any():
            return
        before = codes_of(read_colours(path, upright=True))
        if before.shape == codes.shape:
            kept = void & np.isin(before & RGB_ONLY, [packed(colour) for colour in self.table.void])
            codes[kept] = before[kept]

    def is_written(self, key: str) -> bool:
        """Tell whether the file is there; it appears whole."""
        return self.places[key].is_file()

    def finish(self) -> None:
        """Write the table, if it was found."""
        if self.table.word == FOUND:
            write_table(self.folder / TABLE_FILE, self.table.names, self.table.colours, self.table.void)


def _in_colour(form: Form) -> Form:
    """Return a form that holds colours; files that were grey among coloured ones may get some."""
    return replace(form, mode="RGB") if form.mode not in ("RGB", "RGBA", "P") else form
