"""Write objects into one COCO file: what did not change stays as it was."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from typing_extensions import override

from lit_samseg.formats.interface import Classes, LabelMap, MaskWriter
from lit_samseg.formats.objects.categories import for_new_file
from lit_samseg.formats.objects.coco_file import CocoFile, Record, read_coco
from lit_samseg.formats.objects.outlines import outline
from lit_samseg.formats.objects.painting import Cut, Outlined, cut
from lit_samseg.formats.objects.parts import Parts
from lit_samseg.formats.objects.run_lengths import Piece, plain_counts, text_of
from lit_samseg.runtime.atomic import atomic_file


class Originals(Protocol):
    """What a file has of pictures."""

    def image(self, key: str) -> Record:
        """Return a picture's record; that of a new one has no id."""

    def annotations(self, key: str) -> Sequence[Record]:
        """Return a picture's annotations."""

    def outlined(self, key: str, height: int, width: int) -> Sequence[Outlined]:
        """Return the same as objects, in the same order."""


class CocoWriter(MaskWriter):
    """Writes a COCO file; pictures that are not written are not in it.

    Args:
        path: The file. Where it is there already, its other pictures stay in it.
        classes: What classes mean; their values are the categories' ids.
        file: What the file has in common with the one that was read; its ids are not given again.
        originals: What that one has of each picture.
    """

    def __init__(self, path: Path, classes: Classes, file: CocoFile, originals: Originals) -> None:
        self._path, self._classes, self._file, self._originals = path, classes, file, originals
        self._parts = Parts(path)
        self._finished = read_coco(path) if path.is_file() else replace(file, images=(), annotations={})
        self._names_finished = {image["file_name"] for image in self._finished.images}

    @override
    def write(self, key: str, masks: LabelMap) -> None:
        height, width = masks.labels.shape
        raw = self._originals.annotations(key)
        annotations = []
        for one in cut(masks, self._classes, self._originals.outlined(key, height, width), f"masks of {key}"):
            old = raw[one.number] if one.number < len(raw) else {}
            annotations.append(old if one.is_same else self._annotation(one, old, (height, width)))
        image = self._originals.image(key)
        if "id" not in image:
            image = {**image, "height": height, "width": width}
        self._parts.put(key, {"image": image, "annotations": annotations})

    @override
    def is_written(self, key: str) -> bool:
        name = self._originals.image(key)["file_name"]
        return self._parts.has(key) or name in self._names_finished

    def finish(self) -> None:
        """Write the file, and remove what was kept for it."""
        found = {
            image["file_name"]: (image, self._finished.annotations[image["id"]]) for image in self._finished.images
        }
        found |= {part["image"]["file_name"]: (part["image"], part["annotations"]) for _, part in self._parts.all()}
        order = {image["file_name"]: place for place, image in enumerate(self._file.images)}
        names = sorted(found, key=lambda name: (order.get(name, len(order)), name))
        images, annotations = [], []
        next_image = _next([*self._file.images, *(image for image, _ in found.values())])
        kept = [one for ones in self._file.annotations.values() for one in ones]
        next_annotation = _next([*kept, *(one for _, ones in found.values() for one in ones)])
        for name in names:
            image, ones = found[name]
            if "id" not in image:
                image, next_image = {"id": next_image, **image}, next_image + 1
            images.append(image)
            for one in ones:
                number = one.get("id", next_annotation)
                next_annotation += "id" not in one
                annotations.append({**one, "id": number, "image_id": image["id"]})
        whole = {**self._file.rest, "images": images, "annotations": annotations, "categories": self._file.categories}
        with atomic_file(self._path) as draft:
            draft.write_text(json.dumps(whole), encoding="utf-8")
        self._parts.remove()

    def _annotation(self, one: Cut, old: Mapping[str, Any], size: tuple[int, int]) -> Record:
        rows, columns = one.piece.mask.shape
        return {
            "iscrowd": 0,
            **old,
            "category_id": self._classes.values[one.class_id] if one.class_id >= 0 else self._classes.void,
            "segmentation": _segmentation(one.piece, old.get("segmentation"), size),
            "area": one.piece.area,
            "bbox": [one.piece.left, one.piece.top, columns, rows],
        }


@dataclass(frozen=True)
class NewPictures:
    """Pictures of which no file has anything yet.

    Attributes:
        names: The names of their files by their keys; where there is none, the key is the name.
    """

    names: Mapping[str, str]

    def image(self, key: str) -> Record:
        """Return a record without an id."""
        return {"file_name": self.names.get(key, key)}

    def annotations(self, key: str) -> Sequence[Record]:
        """Return nothing."""
        return ()

    def outlined(self, key: str, height: int, width: int) -> Sequence[Outlined]:
        """Return nothing."""
        return ()


def new_coco(path: Path, classes: Classes, names: Mapping[str, str]) -> CocoWriter:
    """Return what writes masks of another format as a COCO file.

    Args:
        path: The file.
        classes: What the masks' classes mean.
        names: The names of pictures' files by their keys.
    """
    # Many programs take category 0 for none.
    own, names_by_number = for_new_file(classes, 1)
    categories = [{"id": number, "name": name} for number, name in names_by_number.items()]
    return CocoWriter(path, own, CocoFile(path, {}, categories, (), {}), NewPictures(names))


def _segmentation(piece: Piece, old: object, size: tuple[int, int]) -> Any:
    """Return a mask as polygons, or as run lengths where it was such, or has holes."""
    if not isinstance(old, dict):
        polygons = outline(piece.mask)
        if not any(polygon.interiors for polygon in polygons):
            return [np.add(polygon.exterior, (piece.left, piece.top)).ravel().tolist() for polygon in polygons]
    plain = isinstance(old, dict) and isinstance(old.get("counts"), list)
    counts = plain_counts(piece, *size) if plain else text_of(piece, *size)
    return {"size": list(size), "counts": counts}


def _next(records: Sequence[Record]) -> int:
    """Return a number above all of the records' numbers, from 1 on: pycocotools takes 0 for no annotation."""
    return max([record["id"] for record in records if isinstance(record.get("id"), int)], default=0) + 1
