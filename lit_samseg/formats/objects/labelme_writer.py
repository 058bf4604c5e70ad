"""Write objects as LabelMe's files: what did not change stays as it was."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from typing_extensions import override

from lit_samseg.formats.interface import Classes, LabelMap, MaskWriter
from lit_samseg.formats.objects.categories import for_new_file
from lit_samseg.formats.objects.labelme_shapes import WITHOUT_AREA, Shape, shapes_of
from lit_samseg.formats.objects.painting import Outlined, cut
from lit_samseg.runtime.atomic import atomic_file

_NEW: Shape = {"label": "", "points": [], "group_id": None, "description": "", "shape_type": "polygon", "flags": {}}


class Originals(Protocol):
    """What files have of pictures."""

    def content(self, key: str) -> dict[str, Any]:
        """Return a picture's file."""

    def objects(self, key: str) -> Sequence[list[Shape]]:
        """Return the shapes of each object."""

    def outlined(self, key: str, height: int, width: int) -> Sequence[Outlined]:
        """Return the same as objects, in the same order."""


class LabelMeWriter(MaskWriter):
    """Writes a file for each picture.

    Args:
        classes: What classes mean.
        labels: The label of each of their values.
        place: Returns a picture's file.
        originals: What there was of each picture.
    """

    def __init__(
        self, classes: Classes, labels: Mapping[int, str], place: Callable[[str], Path], originals: Originals
    ) -> None:
        self._classes, self._labels, self._place, self._originals = classes, labels, place, originals

    @override
    def write(self, key: str, masks: LabelMap) -> None:
        height, width = masks.labels.shape
        content, old = self._originals.content(key), self._originals.objects(key)
        cuts = cut(masks, self._classes, self._originals.outlined(key, height, width), f"masks of {key}")
        if len(cuts) != len(old) or not all(one.is_same for one in cuts):
            shapes: list[Shape] = []
            groups = [shape.get("group_id") for shape in content["shapes"]]
            group = max([number for number in groups if isinstance(number, int)], default=0) + 1
            for one in cuts:
                before = old[one.number] if one.number < len(old) else [_NEW]
                if one.is_same:
                    shapes += before
                    continue
                number = self._classes.values[one.class_id] if one.class_id >= 0 else self._classes.void
                assert number is not None
                shapes += [{**shape, "label": self._labels[number]} for shape in shapes_of(one.piece, before, group)]
                group += 1
            shapes += [shape for shape in content["shapes"] if shape.get("shape_type") in WITHOUT_AREA]
            content = {**content, "shapes": shapes, "imageHeight": height, "imageWidth": width}
        with atomic_file(self._place(key)) as draft:
            draft.write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")

    @override
    def is_written(self, key: str) -> bool:
        return self._place(key).is_file()


class NewFiles:
    """Pictures of which there is no file yet.

    Args:
        names: The names of pictures' files by their keys; where there is none, the key is the name.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def content(self, key: str) -> dict[str, Any]:
        """Return a file without shapes."""
        name = self._names.get(key, key)
        return {"version": "5.5.0", "flags": {}, "shapes": [], "imagePath": name, "imageData": None}

    def objects(self, key: str) -> Sequence[list[Shape]]:
        """Return nothing."""
        return ()

    def outlined(self, key: str, height: int, width: int) -> Sequence[Outlined]:
        """Return nothing."""
        return ()


def new_labelme(folder: Path, classes: Classes, names: Mapping[str, str]) -> LabelMeWriter:
    """Return what writes masks of another format as LabelMe's files.

    Args:
        folder: Where files come to lie, at the places that pictures have.
        classes: What the masks' classes mean.
        names: The names of pictures' files by their keys.
    """
    own, labels = for_new_file(classes, 0)
    return LabelMeWriter(own, labels, lambda key: folder / f"{key}.json", NewFiles(names))
