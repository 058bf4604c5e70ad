"""Which colours stand for which classes: published tables, a file's, or one made of the colours that occur."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.formats.class_list import read_class_list
from lit_samseg.formats.naming import is_void
from lit_samseg.formats.palettes import RGB, colours_of, hex_palette, voc_palette
from lit_samseg.formats.published import (
    ADE20K_CLASSES,
    ADE20K_COLOURS,
    CAMVID_CLASSES,
    CAMVID_COLOURS,
    CITYSCAPES_CLASSES,
    CITYSCAPES_COLOURS,
    VOC_CLASSES,
)
from lit_samseg.runtime.atomic import atomic_file

FOUND = "found"
"""The word for a table of all colours that occur."""

TABLE_FILE = "colours.csv"

_FEW = 3
"""Colours that are many enough to be known by: fewer are in many tables."""

# Those of Cityscapes' labels that are no class, where no class has them (cityscapesScripts, helpers/labels.py).
_CITYSCAPES_VOID = "000000 6f4a00 510051 faaaa0 e6968c b4a5b4 966464 96785a 00005a 00006e"


@dataclass(frozen=True)
class ColourTable:
    """Classes by their colours.

    Attributes:
        word: What it is called: a published data set, a file's name, or ``found``.
        names: By class id.
        colours: By class id.
        void: Colours of no class; what becomes void is written in the first of them.
        named: Whether anybody said the names.
    """

    word: str
    names: tuple[str, ...]
    colours: tuple[RGB, ...]
    void: tuple[RGB, ...] = ()
    named: bool = True


def published_tables() -> dict[str, ColourTable]:
    """Return the tables of published data sets by their words."""
    camvid, black = _colours(hex_palette(CAMVID_COLOURS)), (0, 0, 0)
    voc, city = colours_of(voc_palette()), _colours(hex_palette(CITYSCAPES_COLOURS))
    tables = (
        ColourTable("voc", VOC_CLASSES, tuple(voc[label] for label in range(len(VOC_CLASSES))), (voc[255],)),
        ColourTable("cityscapes", CITYSCAPES_CLASSES, city, _colours(hex_palette(_CITYSCAPES_VOID))),
        ColourTable("camvid", CAMVID_CLASSES, camvid[:-1], camvid[-1:]),
        _merged(ColourTable("ade20k", ADE20K_CLASSES, _colours(hex_palette(ADE20K_COLOURS)), (black,))),
    )
    return {table.word: table for table in tables}


def _colours(flat: list[int]) -> tuple[RGB, ...]:
    return tuple(colours_of(flat).values())


def _merged(table: ColourTable) -> ColourTable:
    """Return a table in which classes of one colour, which nobody can tell apart, are one."""
    names: dict[RGB, list[str]] = {}
    for name, colour in zip(table.names, table.colours, strict=True):
        names.setdefault(colour, []).append(name)
    return ColourTable(table.word, tuple(" or ".join(some) for some in names.values()), tuple(names), table.void)


def read_table(path: Path) -> ColourTable:
    """Read a file of names and colours (``name,r,g,b``, or CVAT's ``labelmap.txt``).

    A line named void or ignore gives the colour of pixels of no class.

    Raises:
        InputError: It cannot be read, has no colours, or one colour or name twice.
    """
    listed = read_class_list(path, 0, "--masks.colours")
    if listed.colours is None:
        raise InputError(
            f"--masks.colours: {path} does not give each class a colour of its own; give name,r,g,b a line"
        )
    twice = next((name for number, name in enumerate(listed.names) if name in listed.names[:number]), None)
    if twice is not None:
        raise InputError(f"--masks.colours: {path} has {twice!r} more than once; leave one of them")
    lines = list(zip(listed.names, listed.colours, strict=True))
    classes = [(name, colour) for name, colour in lines if not is_void(name)]
    if not classes:
        raise InputError(f"--masks.colours: {path} has no class; give name,r,g,b a line")
    names, colours = zip(*classes, strict=True)
    return ColourTable(path.name, names, colours, tuple(colour for name, colour in lines if is_void(name)))


def choose_table(word: str, found: Collection[RGB], where: str) -> ColourTable:
    """Return the table that masks of some colours have.

    Args:
        word: ``--masks.colours``.
        found: All colours that occur.
        where: What the masks are, for messages.

    Raises:
        InputError: A file is none, or several tables may be meant.
    """
    tables = published_tables()
    if word in tables:
        return tables[word]
    if word not in ("auto", FOUND):
        path = Path(word).expanduser()
        if not path.is_file():
            raise InputError(
                f"--masks.colours: no such file: {word}; give a file of name,r,g,b, {', '.join(tables)}, or {FOUND}"
            )
        return read_table(path)
    fitting = [table for table in tables.values() if set(found) <= {*table.colours, *table.void}]
    if word == "auto" and fitting:
        if len(fitting) == 1 and len(found) >= _FEW:
            return fitting[0]
        words = [table.word for table in fitting]
        raise InputError(
            f"{where}: all {len(found)} colours are those of {' and of '.join(words)}, which few colours may be by "
            f"chance; set --masks.colours to {', '.join(words)}, or to {FOUND} for classes by these colours alone"
        )
    colours = tuple(sorted(found))
    return ColourTable(FOUND, tuple(f"class {number}" for number in range(len(colours))), colours, named=False)


def write_table(path: Path, names: Sequence[str], colours: Iterable[RGB], void: Iterable[RGB]) -> None:
    """Write a table as a file that ``--masks.colours`` reads.

    Raises:
        OSError: The disk does not take it.
    """
    lines = [*zip(names, colours, strict=True), *(("void", colour) for colour in void)]
    with atomic_file(path) as draft:
        text = "".join(f"{name},{red},{green},{blue}\n" for name, (red, green, blue) in lines)
        draft.write_text(text, encoding="utf-8")
