"""Palettes of several files: where one index has two colours, indices are no labels."""

import itertools
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from lit_samseg.errors import InputError
from lit_samseg.formats.opening import opened
from lit_samseg.formats.palettes import RGB, FileLabels, colours_of, labels_of_palette


def check_palettes_agree(paths: Iterable[Path], labels: FileLabels, what: str) -> None:
    """Check that pictures whose indices are read as labels give each index one colour.

    Only headers are read, unless palettes differ. Files that cannot be read are left to whoever reads them.

    Args:
        paths: The pictures.
        labels: What their labels may be.
        what: What one of them is, for messages.

    Raises:
        InputError: Two files give an index different colours; the message names both. Or palettes differ, and one of
            them can be read in two ways.
    """
    by_palette: dict[bytes, list[Path]] = {}
    for path in paths:
        table = _palette_in_header(path)
        if table is not None:
            by_palette.setdefault(table, []).append(path)
    if len(by_palette) < 2:
        return
    seen: dict[int, tuple[RGB, Path]] = {}
    # One of each palette first: a contradiction is found soon.
    for path in itertools.chain.from_iterable(itertools.zip_longest(*by_palette.values())):
        if path is None:
            continue
        for index, colour in _colours_of_labels(path, labels, what).items():
            known, first = seen.setdefault(index, (colour, path))
            if known != colour:
                remedy = "save them as 8-bit grey"
                if labels.option is not None:
                    remedy += f", or set {labels.option} to {labels.indices} if those are the labels all the same"
                raise InputError(
                    f"{what}s {first} and {path} have palettes of their own: index {index} is {known} in one and "
                    f"{colour} in the other, so indices cannot be the labels of both; {remedy}"
                )


def _palette_in_header(path: Path) -> bytes | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with path.open("rb") as file, Image.open(file) as picture:
                palette = picture.palette if picture.mode == "P" else None
                return None if palette is None else bytes(palette.palette)
        except (OSError, SyntaxError, ValueError, TypeError, Image.DecompressionBombError):
            return None


def _colours_of_labels(path: Path, labels: FileLabels, what: str) -> dict[int, RGB]:
    """Return the colours of indices that a picture holds and that are its labels for no other reason."""
    try:
        with opened(path, what) as picture:
            indices, palette = np.array(picture), picture.getpalette()
    except InputError:
        return {}
    _, reading = labels_of_palette(indices, palette, labels, f"{what} {path}")
    if reading != "indices":
        return {}
    used = set(np.unique(indices).tolist()) - {labels.void}
    shown = {index: colour for index, colour in colours_of(palette).items() if index in used}
    expected = (shown.items() <= labels.colours.items(), all(c == (i, i, i) for i, c in shown.items()))
    return {} if any(expected) else shown
