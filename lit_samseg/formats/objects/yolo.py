"""Masks as YOLO's segmentation labels: a text file for each picture, a line for each object.

A line is a class number and a polygon, x y x y ..., in shares of the picture's width and height. An object of several
pieces, or with holes, is written as one polygon that goes from one ring to the next and back.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from typing_extensions import override

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import Classes, MaskWriter
from lit_samseg.formats.listing import counted, in_words
from lit_samseg.formats.naming import said_names
from lit_samseg.formats.objects.categories import object_classes, void_said
from lit_samseg.formats.objects.filling import filled
from lit_samseg.formats.objects.object_set import ObjectSet
from lit_samseg.formats.objects.painting import Outlined
from lit_samseg.formats.objects.picture_names import files_by_key
from lit_samseg.formats.objects.yolo_names import LISTS, names_file, read_names
from lit_samseg.formats.objects.yolo_writer import YoloWriter
from lit_samseg.formats.source import MaskSource

_LOOKED_AT = 8
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_LINE = re.compile(rf"\d{{1,9}}(?:\s+{_NUMBER}){{4,}}")
_BOX = 4
_EDGE = 0.01
"""What a coordinate may lie outside of the picture, as a share of its side: programs round."""


class Yolo(ObjectSet):
    """A folder of YOLO's segmentation labels.

    Args:
        files: By the picture's key; None where a picture has no file, and so no object.
        classes: What numbers mean.
        folder: The folder of masks, within which files are written at the places that they have here.
        names: The file of names, or None.
        found: See `ObjectSet`.
    """

    format = "yolo"

    def __init__(
        self,
        files: Mapping[str, Path | None],
        classes: Classes,
        folder: Path,
        names: Path | None,
        found: Sequence[str],
    ) -> None:
        super().__init__(classes, found)
        self._files, self._folder, self._names = files, folder, names

    @property
    @override
    def keys(self) -> list[str]:
        return sorted(self._files)

    @override
    def files(self, key: str) -> list[Path]:
        return [path for path in (self._files[key], self._names) if path is not None]

    @override
    def named(self, key: str, number: int) -> str:
        return f"object {number + 1} of {self._files[key]}"

    @override
    def outlined(self, key: str, height: int, width: int) -> list[Outlined]:
        path = self._files[key]
        found = []
        for index, line in enumerate(self.lines(key)):
            where = f"masks {path}: object {index + 1}"
            number, values = _parsed(line, where)
            if number not in self.class_of:
                raise InputError(
                    f"{where} has class {number}, which has no name; add it to {self._names or 'the names'}"
                )
            facts = {"confidence": values.pop()} if len(values) % 2 else {}
            polygon = [value * (height if place % 2 else width) for place, value in enumerate(values)]
            piece = filled([polygon], height, width, where)
            found.append(Outlined(self.class_of[number], piece, -float(piece.area), facts))
        return found

    @override
    def writer(self, folder: Path) -> MaskWriter:
        named = self._names if self._names is not None and self._names.is_relative_to(self._folder) else None
        names = {} if named is None else {folder / named.relative_to(self._folder): named.read_bytes()}
        return YoloWriter(self.classes, lambda key: folder / self.place(key), self, names)

    def place(self, key: str) -> Path:
        """Return where a picture's file is in the folder of masks, or would be."""
        path = self._files[key]
        if path is not None:
            return path.relative_to(self._folder)
        return (Path("labels") if (self._folder / "labels").is_dir() else Path()) / f"{key}.txt"

    def lines(self, key: str) -> list[str]:
        """Return a picture's objects as they are in the file.

        Raises:
            InputError: The file cannot be read.
        """
        path = self._files.get(key)
        return [] if path is None else _lines(path)


def describe_yolo(source: MaskSource) -> str | None:
    """Tell whether text files have lines of YOLO's kind."""
    files = _label_files(source)
    lines = [line for path in files[:_LOOKED_AT] for line in _lines(path)]
    is_named = names_file(source.path if source.path.is_dir() else source.path.parent) is not None
    if files and (lines or is_named) and all(_LINE.fullmatch(line) for line in lines):
        return f"class numbers and coordinates in {in_words([path.name for path in files], 1)}"
    return None


def open_yolo(source: MaskSource) -> Yolo:
    """Open a folder of YOLO's labels.

    Raises:
        InputError: It has none, or the file of names is broken.
    """
    files = _label_files(source)
    if not files:
        raise InputError(f"masks {source.path} holds no text files; give the folder 'labels' of the YOLO data set")
    folder = source.path if source.path.is_dir() else source.path.parent
    named = names_file(folder)
    given = None if isinstance(source.options.classes, int) else said_names(source.options.classes)
    if named is not None:
        names = read_names(named)
    elif given is not None:
        names = dict(enumerate(given))
    else:
        highest = max((_parsed(line, f"masks {path}")[0] for path in files for line in _lines(path)), default=0)
        names = {number: f"class {number}" for number in range(highest + 1)}
    is_named = named is not None or given is not None
    classes = object_classes(names, source.options, f"masks {source.path}", is_named)
    places = {path.relative_to(folder).with_suffix("").as_posix().removeprefix("labels/"): path for path in files}
    by_key, said = files_by_key(places, source)
    said += void_said(names, classes)
    if named is not None:
        said = [f"names of {named}", *said]
    elif not is_named:
        said = ["classes have no names; data.yaml or classes.txt would give them", *said]
    missing = len(source.keys) - len(by_key)
    said += [f"{counted(missing, 'picture')} without a file: no objects"] * bool(missing)
    return Yolo(dict.fromkeys(source.keys) | by_key, classes, folder, named, said)


def _label_files(source: MaskSource) -> list[Path]:
    """Return the files of labels: of a whole data set those in its folder ``labels``, not its lists of pictures."""
    files = [path for path in source.ending_in(".txt") if path.name not in LISTS]
    below = [path for path in files if source.relative(path).parts[0] == "labels"]
    return below or files


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"masks {path} is no readable text file; export it again") from error
    return [line.strip() for line in lines if line.strip()]


def _parsed(line: str, where: str) -> tuple[int, list[float]]:
    if _LINE.fullmatch(line) is None:
        raise InputError(f"{where} is {line[:60]!a}, not a class number and coordinates; export it again")
    number, *texts = line.split()
    values = [float(text) for text in texts]
    if len(values) == _BOX or len(values) == _BOX + 1:
        raise InputError(f"{where} is a box; YOLO's segmentation labels have three points or more: export those")
    coordinates = values[: len(values) // 2 * 2]
    odd = next((value for value in coordinates if not -_EDGE <= value <= 1 + _EDGE), None)
    if odd is not None:
        raise InputError(f"{where} has the coordinate {odd:.6g}, but they are shares of the picture, 0 to 1")
    return int(number), values
