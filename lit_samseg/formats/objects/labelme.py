"""Masks as LabelMe writes them: a JSON file for each picture, with a list of labelled shapes.

Shapes of one label and one group are one object. Of shapes that lie over each other the later one has the pixels, as in
LabelMe. A polygon's points lie in COCO's plane (`lit_samseg.formats.objects.filling`), as on LabelMe's screen.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import Classes, MaskWriter
from lit_samseg.formats.listing import counted, in_words
from lit_samseg.formats.naming import said_names
from lit_samseg.formats.objects.categories import object_classes, void_category, void_said
from lit_samseg.formats.objects.json_files import entries, entry, read_json
from lit_samseg.formats.objects.labelme_shapes import WITH_AREA, Shape, kind_of, pixels_of
from lit_samseg.formats.objects.labelme_writer import LabelMeWriter
from lit_samseg.formats.objects.object_set import ObjectSet
from lit_samseg.formats.objects.painting import Outlined
from lit_samseg.formats.objects.picture_names import files_by_key
from lit_samseg.formats.objects.run_lengths import united
from lit_samseg.formats.source import MaskSource

_LOOKED_AT = 8


class LabelMe(ObjectSet):
    """A folder of LabelMe's files.

    Args:
        files: By the picture's key.
        classes: What labels mean; their values are the labels' places in the alphabet, or in the user's list.
        labels: Each label's number, void's too.
        folder: The folder of masks.
        found: See `ObjectSet`.
    """

    format = "labelme"
    rule = "the later one has them"

    def __init__(
        self, files: Mapping[str, Path], classes: Classes, labels: Mapping[str, int], folder: Path, found: Sequence[str]
    ) -> None:
        super().__init__(classes, found)
        self._files, self._labels, self._folder = files, labels, folder

    @property
    @override
    def keys(self) -> list[str]:
        return sorted(self._files)

    @override
    def files(self, key: str) -> list[Path]:
        return [self._files[key]]

    @override
    def named(self, key: str, number: int) -> str:
        return f"object {number} of {self._files[key]}"

    @override
    def outlined(self, key: str, height: int, width: int) -> list[Outlined]:
        path = self._files[key]
        content = self.content(key)
        said = tuple(content.get(side) or real for side, real in (("imageHeight", height), ("imageWidth", width)))
        if said != (height, width):
            raise InputError(
                f"masks {path} are of a picture of {said[1]}x{said[0]}, but theirs is {width}x{height}; label that one"
            )
        found = []
        for number, group in enumerate(grouped(content, path)):
            pieces = [pixels_of(shape, height, width, f"masks {path}: shape {index}") for index, shape in group]
            class_id = self.class_of[self._labels[group[0][1]["label"]]]
            facts = {name: value for name, value in group[0][1].items() if name not in ("label", "points", "mask")}
            found.append(Outlined(class_id, united(pieces, height, width), float(number), facts))
        return found

    @override
    def writer(self, folder: Path) -> MaskWriter:
        names = {number: label for label, number in self._labels.items()}
        places = {key: path.relative_to(self._folder) for key, path in self._files.items()}
        return LabelMeWriter(self.classes, names, lambda key: folder / places[key], self)

    def content(self, key: str) -> dict[str, Any]:
        """Return a picture's file as it is.

        Raises:
            InputError: It is broken.
        """
        return read_json(self._files[key], "masks")

    def objects(self, key: str) -> list[list[Shape]]:
        """Return the shapes of each object, as they are in the file."""
        return [[shape for _, shape in group] for group in grouped(self.content(key), self._files[key])]


def grouped(content: dict[str, Any], path: Path) -> list[list[tuple[int, Shape]]]:
    """Return the objects of a file, each as its shapes and their places; in the order of their last shapes.

    Raises:
        InputError: A shape has no label, or is of a kind that is not known.
    """
    groups: dict[object, list[tuple[int, Shape]]] = {}
    for index, shape in enumerate(entries(content, "shapes", f"masks {path}")):
        where = f"masks {path}: shape {index}"
        label = entry(shape, "label", str, where)
        group = shape.get("group_id")
        if not isinstance(group, int | str | None):
            raise InputError(f"{where} has {str(group)[:40]!r} for a group; give it a number, or none")
        if kind_of(shape, where) in WITH_AREA:
            groups.setdefault(index if group is None else (label, group), []).append((index, shape))
    return sorted(groups.values(), key=lambda group: group[-1][0])


def describe_labelme(source: MaskSource) -> str | None:
    """Tell whether JSON files have shapes."""
    files = source.ending_in(".json")
    if files and all(re.search(rb'"shapes"\s*:', path.read_bytes()) for path in files[:_LOOKED_AT]):
        return f"shapes in {in_words([path.name for path in files], 1)}"
    return None


def open_labelme(source: MaskSource) -> LabelMe:
    """Open a folder of LabelMe's files, or a single one.

    Raises:
        InputError: There is none, or one is broken.
    """
    files = source.ending_in(".json")
    if not files:
        raise InputError(f"masks {source.path} holds no JSON files; give the folder of those that LabelMe wrote")
    folder = source.path if source.path.is_dir() else source.path.parent
    labels: set[str] = set()
    others: Counter[str] = Counter()
    for path in files:
        for index, shape in enumerate(entries(read_json(path, "masks"), "shapes", f"masks {path}")):
            kind = kind_of(shape, f"masks {path}: shape {index}")
            if kind in WITH_AREA:
                labels.add(entry(shape, "label", str, f"masks {path}: shape {index}"))
            else:
                others[kind] += 1
    names = _numbered(labels, source)
    classes = object_classes(names, source.options, f"masks {source.path}")
    found = [f"{counted(len(labels), 'label')} in {counted(len(files), 'file')}"]
    if others:
        kinds = ", ".join(f"{number} of {kind}" for kind, number in sorted(others.items()))
        found.append(f"shapes without an area stay as they are: {kinds}")
    places = {path.relative_to(folder).with_suffix("").as_posix(): path for path in files}
    by_key, said = files_by_key(places, source)
    found += [*void_said(names, classes), *said]
    return LabelMe(by_key, classes, {name: number for number, name in names.items()}, folder, found)


def _numbered(labels: set[str], source: MaskSource) -> dict[int, str]:
    """Return labels by number: in the alphabet's order, or in the user's, who may name some that never occur."""
    found, where = dict(enumerate(sorted(labels))), f"masks {source.path}"
    if source.options.classes is None or isinstance(source.options.classes, int):
        return found
    names = said_names(source.options.classes) or ()
    void = void_category(found, source.options, where)
    strange = sorted(labels - {*names, found.get(-1 if void is None else void)})
    if strange:
        raise InputError(f"{where} have the label {strange[0]!r}, which --masks.classes lacks; add it there")
    rest = [found[void]] if void is not None and found[void] not in names else []
    return dict(enumerate([*names, *rest]))
