"""Write masks as pictures that never were: for results in another format than the masks that were read."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import Classes, Ids, LabelMap, MaskWriter
from lit_samseg.formats.palettes import RGB, colours_of, voc_palette
from lit_samseg.formats.pixels.colour_table import TABLE_FILE, write_table
from lit_samseg.formats.pixels.forms import Form
from lit_samseg.formats.pixels.places import first_place
from lit_samseg.formats.pixels.saving import BYTE, WORD, save_colours, save_numbers
from lit_samseg.formats.published import CITYSCAPES_CLASSES, LABEL_IDS
from lit_samseg.void import VOID

_PICTURE_ENDING = "_leftImg8bit"


class FreshWriter(MaskWriter):
    """Writes a PNG for each picture, under its name.

    Args:
        place: A file by a picture's name.
        save: Writes labels into a file.
        finish: Writes what is of all pictures together.
    """

    def __init__(
        self,
        place: Callable[[str], Path],
        save: Callable[[Path, Ids], None],
        finish: Callable[[], None] = lambda: None,
    ) -> None:
        self._place, self._save, self._finish = place, save, finish

    def write(self, key: str, masks: LabelMap) -> None:
        """Write a mask; see `MaskWriter.write`."""
        self._save(self._place(key), masks.labels)

    def is_written(self, key: str) -> bool:
        """Tell whether the file is there; it appears whole."""
        return self._place(key).is_file()

    def finish(self) -> None:
        """Write what is of all pictures together."""
        self._finish()


def fresh_index(classes: Classes, folder: Path) -> MaskWriter:
    """Return what writes class ids, void 255, with a palette; of more than 255 classes as 16-bit grey, void 65535."""
    is_wide = len(classes) > BYTE
    usual = tuple(colours_of(voc_palette()).values())
    form = Form(mode="I;16") if is_wide else Form(mode="P", palette=_colours(classes) + usual[len(classes) :])
    void = WORD if is_wide else BYTE

    def save(path: Path, labels: Ids) -> None:
        save_numbers(path, np.where(labels == VOID, void, labels), form)

    return FreshWriter(_png_in(folder), save)


def fresh_colours(classes: Classes, folder: Path) -> MaskWriter:
    """Return what writes the colours of classes, or VOC's, and their table beside the masks.

    Raises:
        InputError: There are more classes than VOC's palette has colours.
    """
    void = colours_of(voc_palette())[BYTE]
    colours = _colours(classes)
    if void in colours:
        raise InputError(f"{folder}: a class has the colour of void, {void}; write another format than colours")
    table = np.array([(*colour, BYTE) for colour in (*colours, void)], np.uint8)

    def save(path: Path, labels: Ids) -> None:
        # Void is -1, and its colour the last one.
        save_colours(path, table[labels], Form(mode="RGB"))

    return FreshWriter(_png_in(folder), save, lambda: write_table(folder / TABLE_FILE, classes.names, colours, (void,)))


def fresh_binary(classes: Classes, folder: Path) -> MaskWriter:
    """Return what writes 0 for the background, or the first class, and 255 for the other.

    Raises:
        InputError: There are not two classes.
    """
    if len(classes) != 2:
        raise InputError(f"{folder}: binary masks have 2 classes, not {len(classes)}; write another format")
    yes = 1 if classes.background != 1 else 0

    def save(path: Path, labels: Ids) -> None:
        _refuse_void(path, labels, "binary masks have no number")
        save_numbers(path, (labels == yes).astype(np.int32) * BYTE, Form())

    return FreshWriter(_png_in(folder), save)


def fresh_cityscapes(classes: Classes, folder: Path) -> MaskWriter:
    """Return what writes label ids, named as Cityscapes' files.

    Raises:
        InputError: The classes are not Cityscapes'.
    """
    # Masks of train ids may be without names.
    if len(classes) != len(LABEL_IDS) or (classes.named and classes.names != CITYSCAPES_CLASSES):
        raise InputError(
            f"{folder}: Cityscapes has the {len(LABEL_IDS)} classes {CITYSCAPES_CLASSES[0]}, {CITYSCAPES_CLASSES[1]}, "
            f"..., and these are {len(classes)}, {classes.names[0]!a}, ...; write another format"
        )
    # The last one is that of void: unlabeled.
    numbers = np.array([*LABEL_IDS, 0], np.int32)

    def place(key: str) -> Path:
        return folder / f"{key.removesuffix(_PICTURE_ENDING)}_gtFine_labelIds.png"

    return FreshWriter(place, lambda path, labels: save_numbers(path, numbers[labels], Form()))


class FreshClassFiles(MaskWriter):
    """Writes ``KEY/CLASS.png``, 0 and 255, for each class but the background; and ``KEY/void.png`` where there is void.

    Raises:
        InputError: There is no class but the background, or a class's name cannot be a file's.
    """

    def __init__(self, classes: Classes, folder: Path) -> None:
        self.classes, self.folder = classes, folder
        odd = next((name for name in classes.names if "/" in name or "\\" in name or name.startswith(".")), None)
        if odd is not None:
            raise InputError(f"{folder}: class {odd!a} cannot name a file; rename it, or write another format")
        self.written = [number for number in range(len(classes)) if number != classes.background]
        if not self.written:
            raise InputError(f"{folder}: there is no class but the background; write another format than per-class")

    def write(self, key: str, masks: LabelMap) -> None:
        """Write a picture's masks, the last class's last; see `MaskWriter.write`."""
        void = masks.labels == VOID
        if void.any():
            self._save(key, "void", void)
        for number in self.written:
            self._save(key, self.classes.names[number], masks.labels == number)

    def _save(self, key: str, name: str, mask: NDArray[np.bool_]) -> None:
        save_numbers(self.folder / key / f"{name}.png", mask.astype(np.int32) * BYTE, Form())

    def is_written(self, key: str) -> bool:
        """Tell whether the last class's file is there."""
        return (self.folder / key / f"{self.classes.names[self.written[-1]]}.png").is_file()


def _png_in(folder: Path) -> Callable[[str], Path]:
    return lambda key: folder / f"{key}.png"


def _colours(classes: Classes) -> tuple[RGB, ...]:
    if classes.colours is not None:
        return classes.colours
    usual = colours_of(voc_palette())
    if len(classes) > BYTE:
        raise InputError(f"{len(classes)} classes have no colours of their own; write index, or give --masks.colours")
    return tuple(usual[number] for number in range(len(classes)))


def _refuse_void(path: Path, labels: Ids, why: str) -> None:
    if (labels == VOID).any():
        raise InputError(f"{path}: at {first_place(labels == VOID)} there is void, for which {why}; write index")
