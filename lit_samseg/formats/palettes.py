"""What the numbers of a palette picture stand for: themselves, greys or colours.

Programs that save a palette picture may number its colours anew (Pillow does so for GIF, editors for PNG). It looks as
before, but its indices are no labels any more. What is told from here is which of the readings is meant.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError

Reading = Literal["indices", "grey palette", "colours"]
"""How labels were found: pixels are labels; the greys that a palette gives them are; or the colours stand for them."""

RGB = tuple[int, int, int]
Pixels = NDArray[np.uint8]
Labels = NDArray[np.integer]


def voc_palette() -> list[int]:
    """Return VOC's colour map, 256 x RGB, flat: bit k of each index sets bit 7 - k of R, G, B in turn."""
    palette = []
    for index in range(256):
        colour = [0, 0, 0]
        for position in range(8):
            for channel in range(3):
                colour[channel] |= (index >> (3 * position + channel) & 1) << (7 - position)
        palette += colour
    return palette


def hex_palette(digits: str) -> list[int]:
    """Return a flat palette whose colours are written as six hexadecimal digits each; blanks are left out."""
    return list(bytes.fromhex(digits))


def colours_of(palette: list[int] | None) -> dict[int, RGB]:
    """Return RGB by index of a flat palette."""
    numbers = iter(palette or [])
    return dict(enumerate(zip(numbers, numbers, numbers, strict=False)))


def _usual_colours() -> dict[int, RGB]:
    return {label: colour for label, colour in colours_of(voc_palette()).items() if label <= 20 or label == 255}


@dataclass(frozen=True)
class FileLabels:
    """Which labels files hold, and how these are drawn. The default is for label maps of anybody's.

    Attributes:
        values: All labels, void included; None where that is not known.
        colours: RGB by label, those of VOC's classes where nothing is known: most label maps are drawn with them.
        void: The label of pixels without a class. Its colour says nothing: many files give it another one.
        own: The colours are the data set's own. A file with these colours at other indices is read by colour, one
            with other colours is refused.
        option: The option that decides how labels are read (``indices``, ``colours``, ...), for messages.
        indices: The option's word for indices.
    """

    values: Collection[int] | None = None
    colours: Mapping[int, RGB] = field(default_factory=_usual_colours)
    void: int | None = 255
    own: bool = False
    option: str | None = None
    indices: str = "indices"

    @property
    def by_colour(self) -> dict[RGB, int]:
        """The label that each colour stands for, of labels that files hold."""
        return {c: label for label, c in self.colours.items() if self.values is None or label in self.values}


ANY_LABELS = FileLabels()


def labels_of_palette(
    indices: Pixels, palette: list[int] | None, labels: FileLabels, name: str
) -> tuple[Labels, Reading]:
    """Return the labels of a palette picture ``[H, W]``, and how they were found.

    Args:
        indices: uint8 ``[H, W]``.
        palette: RGB by index, flat.
        labels: What the labels may be.
        name: What the picture is, for messages.

    Raises:
        InputError: Its colours are not the data set's, or two readings are possible.
    """
    table = np.array(palette or [], np.uint8).reshape(-1, 3)
    used = np.flatnonzero(np.bincount(indices.ravel(), minlength=256)).tolist()
    shown: dict[int, RGB] = {index: _rgb(table[index]) for index in used if index < len(table)}
    if (table == table[:1]).all() and len(table) != 1:
        # All of one colour, or none at all: nothing is told.
        return indices, "indices"
    if all(index == labels.void or labels.colours.get(index) == colour for index, colour in shown.items()):
        return indices, "indices"
    if all(colour == (index, index, index) for index, colour in shown.items()):
        return indices, "indices"
    if len(shown) == len(used):
        by_colour = labels.by_colour
        if set(shown.values()) <= set(by_colour):
            if labels.own:
                return _translate(indices, {index: by_colour[colour] for index, colour in shown.items()}), "colours"
            if _has_only(table, by_colour):
                raise InputError(_renumbered(shown, labels, name))
        greys = {index: colour[0] for index, colour in shown.items() if len(set(colour)) == 1}
        if len(greys) == len(shown):
            if labels.own or (table == table[:, :1]).all():
                _check_greys(greys, labels, name)
                return _translate(indices, greys), "grey palette"
            _refuse_doubtful_greys(greys, labels, name)
    if labels.own:
        raise InputError(_foreign(shown, labels, name))
    return indices, "indices"


def labels_of_colours(pixels: Pixels, labels: FileLabels, name: str) -> Labels:
    """Return the labels, integer ``[H, W]``, of a picture uint8 ``[H, W, 3]`` in the data set's own colours.

    Raises:
        InputError: It has another colour.
    """
    shifts = np.array([1 << 16, 1 << 8, 1], np.int32)
    codes = pixels.astype(np.int32) @ shifts
    label_of = {int(np.array(colour, np.int32) @ shifts): label for colour, label in labels.by_colour.items()}
    known = np.array(sorted(label_of), np.int32)
    places = np.searchsorted(known, codes).clip(max=len(known) - 1)
    strange = known[places] != codes
    if strange.any():
        raise InputError(
            f"{name} has mode RGB, and {_rgb(pixels[strange][0])} is the colour of no class; class indices need a "
            "palette or 8-bit grey PNG"
        )
    found: Labels = _as_labels([label_of[code] for code in known.tolist()])[places]
    return found


def _rgb(colour: Pixels) -> RGB:
    red, green, blue = colour.tolist()
    return red, green, blue


def _translate(indices: Pixels, label_of: Mapping[int, int]) -> Labels:
    return _as_labels([label_of.get(index, 0) for index in range(256)])[indices]


def _as_labels(values: Sequence[int]) -> Labels:
    """Return labels as uint8, or int32 where they are more than a byte holds."""
    return np.array(values, np.uint8 if max(values) <= np.iinfo(np.uint8).max else np.int32)


def _has_only(table: Pixels, colours: Collection[RGB]) -> bool:
    """Tell whether a whole palette has only these colours; black fills what is not used."""
    return {_rgb(colour) for colour in np.unique(table, axis=0)} <= {*colours, (0, 0, 0)}


def _check_greys(greys: Mapping[int, int], labels: FileLabels, name: str) -> None:
    for index, grey in greys.items():
        if labels.values is not None and grey not in labels.values:
            raise InputError(
                f"{name} has a palette of greys, of which index {index} is {grey}, no label; {_remedy(labels)}"
            )


def _refuse_doubtful_greys(greys: Mapping[int, int], labels: FileLabels, name: str) -> None:
    """Refuse greys amid a palette of colours that could be labels; black and white are in any palette."""
    if labels.values is None or set(greys.values()) <= {0, 255} or not set(greys.values()) <= set(labels.values):
        return
    index, grey = next((index, grey) for index, grey in greys.items() if index != grey)
    raise InputError(
        f"{name} uses only greys of its palette, and index {index} is grey {grey}: either could be the label; "
        f"{_remedy(labels)}"
    )


def _remedy(labels: FileLabels) -> str:
    remedy = "save it as 8-bit grey"
    return (
        remedy
        if labels.option is None
        else f"{remedy}, or set {labels.option} to {labels.indices} if those are the labels"
    )


def _renumbered(shown: Mapping[int, RGB], labels: FileLabels, name: str) -> str:
    index, colour = next((i, c) for i, c in shown.items() if labels.colours.get(i) != c)
    remedy = "save it as 8-bit grey"
    if labels.option is not None:
        remedy = f"set {labels.option} to colours or to {labels.indices}, whichever are the labels"
    return (
        f"{name} has the usual colours at other indices: index {index} is {colour}, the colour of label "
        f"{labels.by_colour[colour]}; a program may have numbered it anew: {remedy}"
    )


def _foreign(shown: Mapping[int, RGB], labels: FileLabels, name: str) -> str:
    index, colour = next((i, c) for i, c in shown.items() if labels.colours.get(i) != c)
    expected = labels.colours.get(index, "none")
    return (
        f"{name} has a palette of other colours than the data set's: index {index} is {colour}, there {expected}; "
        f"{_remedy(labels)}"
    )
