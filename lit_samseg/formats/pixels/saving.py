"""Write numbers and colours into picture files of a given form."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lit_samseg.errors import InputError
from lit_samseg.formats.palettes import RGB, colours_of, voc_palette
from lit_samseg.formats.pixels.colour_codes import codes_of, rgb_of
from lit_samseg.formats.pixels.forms import Form
from lit_samseg.runtime.atomic import atomic_file

BYTE, WORD = 255, 65_535
"""The largest numbers of 8 and of 16 bits."""

_LEAST = {1: 1, 2: 3, 4: 5, 8: 17}
"""Colours of a palette's that need more than the next smaller number of bits, by bits."""


def save_numbers(path: Path, numbers: NDArray[np.integer], form: Form) -> None:
    """Write numbers ``[H, W]`` in a form; with more bits where it has too few, and more colours in its palette.

    Raises:
        InputError: The format has too few bits.
        OSError: The disk does not take it.
    """
    most = int(numbers.max())
    limit = WORD if form.kind in ("PNG", "TIFF") else BYTE
    if most > limit:
        raise InputError(f"{path}: {form.kind} holds numbers up to {limit}, not {most}; have the masks as 16-bit PNG")
    if form.mode == "1" and most <= 1:
        _save(path, numbers.astype(bool), form)
    elif form.mode == "I;16" or most > BYTE:
        _save(path, numbers.astype(np.uint16), form)
    elif form.mode == "P":
        _save(path, numbers.astype(np.uint8), form, _longer(form.palette, most + 1))
    elif form.mode in ("RGB", "RGBA"):
        channels = np.repeat(numbers.astype(np.uint8)[..., None], len(form.mode), axis=2)
        channels[..., 3:] = BYTE
        _save(path, channels, form)
    else:
        _save(path, numbers.astype(np.uint8), form)


def save_colours(path: Path, colours: NDArray[np.uint8], form: Form) -> None:
    """Write colours uint8 ``[H, W, 4]`` in a form: as pixels, or as indices into its palette, which may get longer.

    Raises:
        InputError: A palette would need more than 256 colours.
        OSError: The disk does not take it.
    """
    if form.mode != "P":
        _save(path, np.ascontiguousarray(colours[..., : 4 if form.mode == "RGBA" else 3]), form)
        return
    palette = list(form.palette)
    index_of: dict[RGB, int] = {}
    for index, colour in enumerate(palette):
        index_of.setdefault(colour, index)
    found, places = np.unique(codes_of(colours), return_inverse=True)
    indices = []
    for code in found.tolist():
        colour = rgb_of(code)
        if colour not in index_of:
            index_of[colour] = len(palette)
            palette.append(colour)
        indices.append(index_of[colour])
    if len(palette) > BYTE + 1:
        raise InputError(f"{path}: a palette has {BYTE + 1} colours, which are too few here; have the masks as RGB PNG")
    _save(path, np.array(indices, np.uint8)[places].reshape(colours.shape[:2]), form, palette)


def _longer(palette: Sequence[RGB], length: int) -> list[RGB]:
    """Return a palette with so many colours at least; VOC's are those that are added."""
    usual = colours_of(voc_palette())
    return [*palette, *(usual[index] for index in range(len(palette), length))]


def _save(path: Path, pixels: NDArray[Any], form: Form, palette: Sequence[RGB] = ()) -> None:
    picture, options = Image.fromarray(pixels), dict(form.options)
    if palette:
        # Pillow takes the fewest bits that a PNG's palette needs: a longer one keeps the bits that it had.
        bits = options.pop("bits", 1)
        palette = _longer(palette, next(least for most, least in _LEAST.items() if bits <= most))
        picture.putpalette([part for colour in palette for part in colour])
    elif form.mode == "P":
        # It became grey of 16 bits.
        options = {name: value for name, value in options.items() if name not in ("bits", "transparency")}
    if picture.mode != "1" and str(options.get("compression")).startswith(("group", "tiff_ccitt")):
        # Such compression knows black and white only.
        options["compression"] = "tiff_adobe_deflate"
    with atomic_file(path) as draft:
        picture.save(draft, form.kind, **options)
