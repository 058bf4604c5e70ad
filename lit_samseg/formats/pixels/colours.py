"""Masks in colours, RGB with or without transparency, or of a palette: a table says what they stand for."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import Classes, LabelMap, MaskOptions, MaskSet, MaskWriter
from lit_samseg.formats.naming import background_of, said_names
from lit_samseg.formats.palettes import RGB
from lit_samseg.formats.pixels.colour_codes import RGB_ONLY, codes_of, packed, rgb_of
from lit_samseg.formats.pixels.colour_table import FOUND, TABLE_FILE, ColourTable, choose_table
from lit_samseg.formats.pixels.colour_writer import ColourWriter
from lit_samseg.formats.pixels.looks import pixel_masks
from lit_samseg.formats.pixels.places import check_mask_size, first_place
from lit_samseg.formats.reading import read_colours
from lit_samseg.formats.source import MaskSource
from lit_samseg.void import VOID

MOST = 256
"""Colours that masks have at most, where nobody gave a table: more are those of a photograph, or of smoothed edges."""

_NEAR = 8
"""What two colours of different classes differ by at least in one channel, where nobody gave a table."""

_MOST_SHOWN = 12
"""Colours that are printed; the others are in the file."""


class ColourMasks(MaskSet):
    """Masks in colours.

    Args:
        source: The masks.

    Raises:
        InputError: One cannot be read, has a colour that is none of the table, or which table it is is in doubt.
    """

    format = "colours"

    def __init__(self, source: MaskSource) -> None:
        self.masks, options = pixel_masks(source), source.options
        if options.mapping is not None:
            raise InputError("--masks.mapping is of numbers; for colours give --masks.colours a file of name,r,g,b")
        found: set[RGB] = set()
        for path, look in self.masks.looks.items():
            found |= look.colours
            if len(look.colours) > MOST and options.colours in ("auto", FOUND):
                raise InputError(
                    f"mask {path} has {len(look.colours)} colours: it is a photograph, or its edges were smoothed; "
                    "give masks in the plain colours of classes, saved as PNG"
                )
        table = choose_table(options.colours, found, f"masks {source.path}")
        self.table = _with_void(table, options)
        known = {*self.table.colours, *self.table.void}
        for path, look in self.masks.looks.items():
            strange = sorted(look.colours - known)
            if strange:
                raise InputError(_unknown(path, strange[0], self.place_in(path, strange[0]), self.table))
        if options.colours == "auto" and self.table.word == FOUND:
            self._check_apart()
        self.alphas = self._find_alphas()
        names = said_names(options.classes)
        if names is not None and len(names) != len(self.table.names):
            raise InputError(
                f"--masks.classes are {len(names)}, but there are {len(self.table.names)} colours of classes in "
                f"{source.path}; give names and colours by --masks.colours FILE"
            )
        if names is not None:
            self.table = replace(self.table, names=names)
        named = self.table.named or isinstance(options.classes, list | str)
        void = packed(self.table.void[0]) if self.table.void else None
        background = background_of(self.table.names, options.background)
        values = tuple(map(packed, self.table.colours))
        self.classes = Classes(self.table.names, values, self.table.colours, void, background, named)
        meant = {**dict.fromkeys(map(packed, self.table.void), VOID), **{value: n for n, value in enumerate(values)}}
        self._known = np.array(sorted(meant), np.int64)
        self._ids = np.array([meant[value] for value in sorted(meant)], np.int32)

    def _check_apart(self) -> None:
        """Refuse colours that are all but equal: one of them may be the other, changed by smoothing."""
        colours = np.array(self.table.colours, np.int32)
        near = np.abs(colours[:, None] - colours).max(axis=2) < _NEAR
        np.fill_diagonal(near, False)
        if not near.any():
            return
        first, second = (self.table.colours[int(place)] for place in np.argwhere(near)[0])
        path = next(path for path, look in self.masks.looks.items() if second in look.colours)
        raise InputError(
            f"mask {path} has the colour {_said(second)} at {self.place_in(path, second)}, which is all but "
            f"{_said(first)}: smoothing or scaling may have changed it; export the masks anew, or set --masks.colours "
            "to found if both are classes"
        )

    def _find_alphas(self) -> dict[RGB, int]:
        """Return how opaque each colour is; it must be so everywhere, since transparency tells no classes apart."""
        alphas: dict[RGB, int] = {}
        for path, look in self.masks.looks.items():
            for code in look.found if look.coloured else ():
                colour = rgb_of(code)
                if alphas.setdefault(colour, code >> 24) != code >> 24:
                    raise InputError(
                        f"mask {path} has the colour {_said(colour)} more and less transparent (as at "
                        f"{self.place_in(path, colour)}); save the masks without transparency"
                    )
        return alphas

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
        colours = read_colours(path, upright=True)
        check_mask_size(colours.shape, height, width, path)
        codes = codes_of(colours) & RGB_ONLY
        places = np.searchsorted(self._known, codes).clip(max=len(self._known) - 1)
        strange = self._known[places] != codes
        if strange.any():
            raise InputError(_unknown(path, rgb_of(int(codes[strange][0])), first_place(strange), self.table))
        return LabelMap(self._ids[places])

    def place_in(self, path: Path, colour: RGB) -> str:
        """Return where a file has a colour, in words."""
        return first_place(codes_of(read_colours(path, upright=True)) & RGB_ONLY == packed(colour))

    def writer(self, folder: Path) -> MaskWriter:
        """Return what writes such masks."""
        return ColourWriter(self.masks, self.table, self.alphas, folder)

    def called(self) -> str:
        """Say which table it is."""
        return f"colours: {self.table.word}"

    def why_void(self) -> str:
        """Say which colours are taken for void."""
        colours = " and ".join(map(_said, self.table.void[:3]))
        return f"{colours} is no class of {self.table.word}; if it is one, give --masks.colours a file that has it"

    def understood(self) -> list[str]:
        """Say which table it is, with all its colours if it was found."""
        lines = [*self.masks.pairs.said(), self.called()]
        if self.table.word == FOUND:
            pairs = zip(self.table.names, self.table.colours, strict=True)
            shown = [f"{name} is {_said(colour)}" for name, colour in pairs]
            shown = [*shown[:_MOST_SHOWN], *(["..."] if len(shown) > _MOST_SHOWN else [])]
            lines[-1] += f" ({'; '.join(shown)}); written to {TABLE_FILE}, where they can be named for --masks.colours"
        return lines


def _with_void(table: ColourTable, options: MaskOptions) -> ColourTable:
    """Return a table with the void that the user says."""
    if options.void == "auto":
        return table
    if options.void == "none":
        return replace(table, void=())
    parts = options.void.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() and int(part) < 256 for part in parts):
        raise InputError(f"--masks.void is {options.void!r}; give the colour of void as R,G,B, each of 0..255, or none")
    red, green, blue = map(int, parts)
    rest = [(n, c) for n, c in zip(table.names, table.colours, strict=True) if c != (red, green, blue)]
    if table.word != FOUND and len(rest) < len(table.names):
        raise InputError(f"--masks.void is {options.void}, which is a class of --masks.colours {table.word}")
    names = tuple(name for name, _ in rest) if table.named else tuple(f"class {number}" for number in range(len(rest)))
    return replace(table, names=names, colours=tuple(colour for _, colour in rest), void=((red, green, blue),))


def _unknown(path: Path, colour: RGB, place: str, table: ColourTable) -> str:
    distances = [max(abs(a - b) for a, b in zip(colour, known, strict=True)) for known in table.colours]
    nearest = min(range(len(distances)), key=distances.__getitem__)
    return (
        f"mask {path} has the colour {_said(colour)} at {place}, which is none of {table.word} (the nearest is "
        f"{_said(table.colours[nearest])}, {table.names[nearest]!a}); export the masks without smoothing, or give "
        "--masks.colours a file that has it"
    )


def _said(colour: RGB) -> str:
    return ",".join(map(str, colour))
