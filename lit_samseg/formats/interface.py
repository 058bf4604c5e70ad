"""What a set of masks on disk is to this package, whatever its format: read, understood, and written the same way."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lit_samseg.formats.palettes import RGB

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Classes:
    """What the labels of a set of masks mean.

    Attributes:
        names: By class id; made up (``class 3``) where nobody said them.
        values: The files' own number of each class id: a pixel's value, or a category's id.
        colours: By class id, for formats of colours and for drawing; None where there are none.
        void: The files' own number for pixels of no class; None where there is no such number.
        background: The class that is never prompted and fills what no mask claims; None where there is none, or nobody
            knows.
        named: Whether names were given, by the files or by the user, and not made up.
    """

    names: tuple[str, ...]
    values: tuple[int, ...]
    colours: tuple[RGB, ...] | None = None
    void: int | None = None
    background: int | None = None
    named: bool = False

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class LabelMap:
    """The masks of one picture.

    Attributes:
        labels: Class ids, int32 ``[H, W]``; `lit_samseg.void.VOID` where there is no class.
        objects: The number of the object that each pixel belongs to, int32 ``[H, W]``, -1 for none; None for formats
            that tell no objects apart.
        facts: What the format says of each object beside its pixels (its id, a score, whether it is a crowd), by its
            number; written back as it is.
    """

    labels: Ids
    objects: Ids | None = None
    facts: Mapping[int, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True)
class MaskOptions:
    """How masks are to be understood; what is left out is found out, and said.

    Attributes:
        format: The word of a format; ``auto`` recognises it, and refuses what may be two.
        classes: Names by class id: how many, a list, or a file (see `lit_samseg.formats.class_list`).
        colours: The colour table of RGB masks: ``voc``, ``cityscapes``, ``camvid``, ``ade20k``, or a file of colours
            and names; ``found`` makes one of the colours of all files; ``auto`` recognises one of those, or makes one.
        void: The value (or, of RGB masks, the colour as ``R,G,B``) of pixels of no class; ``none``: there are no such
            pixels; ``auto`` finds out.
        background: A class's id or name; None for none; ``auto`` takes the class of that name, and 0 of binary masks.
        mapping: Values to change before anything else, ``{7: 0, 8: 1}``, or a CSV file of two columns; values that are
            not in it are refused, unless it has a line ``*``.
        suffix: How mask files' names end after the picture's name, as ``_gtFine_labelIds.png``.
        pairs: A CSV file of two columns, picture and mask, where names do not tell.
    """

    format: str = "auto"
    classes: int | list[str] | str | None = None
    colours: str = "auto"
    void: str = "auto"
    background: str | None = "auto"
    mapping: dict[str, int] | str | None = None
    suffix: str | None = None
    pairs: str | None = None


class MaskWriter(ABC):
    """Writes masks in one format. `write` may be called from several threads, of different pictures."""

    @abstractmethod
    def write(self, key: str, masks: LabelMap) -> None:
        """Write the masks of a picture; whoever looks sees them whole or not at all.

        Args:
            key: The picture's name: its path without suffix, as in `MaskSet.keys`.
            masks: In the class ids of the set that the writer came from.

        Raises:
            InputError: The format cannot hold them: more classes than it has numbers, void where it has none.
        """

    @abstractmethod
    def is_written(self, key: str) -> bool:
        """Tell whether `write` was finished for a picture, by this process or one before: to go on with."""

    def finish(self) -> None:  # noqa: B027 (most formats have no more to write)
        """Write what is of all pictures together, as a COCO file is; mostly nothing."""


class MaskSet(ABC):
    """The masks of a set of pictures, in one format.

    Attributes:
        format: The word of ``--masks.format``.
        classes: What labels mean.
    """

    format: ClassVar[str]
    classes: Classes

    @property
    @abstractmethod
    def keys(self) -> Sequence[str]:
        """The names of pictures it has masks of, sorted: paths without suffix, with ``/``, relative to the pictures."""

    @abstractmethod
    def read(self, key: str, height: int, width: int) -> LabelMap:
        """Read the masks of a picture.

        Args:
            key: One of `keys`.
            height: Of the picture, in pixels.
            width: Of the picture, in pixels.

        Raises:
            InputError: They are broken, of another size, or have a value, colour or category that is none; the message
                names the file, the place and the remedy.
        """

    @abstractmethod
    def files(self, key: str) -> list[Path]:
        """Return the files that decide the masks of a picture."""

    @abstractmethod
    def writer(self, folder: Path) -> MaskWriter:
        """Return what writes masks in this very form into a folder: names, suffixes, numbers, palette and all."""

    def called(self) -> str:
        """Return the format in a few words, with what was chosen in it: ``colours: voc``."""
        return self.format

    def why_void(self) -> str:
        """Say why pixels may be void though they should not, and what to do: the end of a warning."""
        return "see that --masks.void and --masks.classes say what the masks have"

    def understood(self) -> list[str]:
        """Say what was found out that nobody told it, a line each: ``colours: voc``, ``0/255 is binary``."""
        return []
