"""A COCO file: its images, categories and annotations, each checked, and each kept as it is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lit_samseg.errors import InputError
from lit_samseg.formats.objects.filling import filled, is_number
from lit_samseg.formats.objects.json_files import entries, entry, read_json
from lit_samseg.formats.objects.run_lengths import Piece, counts_of, piece_of

Record = dict[str, Any]

_KEYS = tuple(re.compile(rb'"%s"\s*:' % key) for key in (b"images", b"annotations"))


@dataclass(frozen=True)
class CocoFile:
    """A file's content.

    Attributes:
        path: The file.
        rest: What it holds beside images, annotations and categories (``info``, ``licenses``).
        categories: As they are.
        images: As they are.
        annotations: As they are, of each image's id, which may have none.
    """

    path: Path
    rest: Mapping[str, Any]
    categories: Sequence[Record]
    images: Sequence[Record]
    annotations: Mapping[int | str, Sequence[Record]]

    @property
    def names(self) -> dict[int, str]:
        """The categories' names by their ids."""
        return {category["id"]: category["name"] for category in self.categories}


def looks_like_coco(path: Path) -> bool:
    """Tell whether a file names what COCO files have; it may be broken."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return all(key.search(content) for key in _KEYS)


def read_coco(path: Path) -> CocoFile:
    """Read a file of instances: polygons or run lengths.

    Raises:
        InputError: It is broken, is COCO of another kind, or an annotation's image or category is not there.
    """
    content, where = read_json(path, "masks"), f"masks {path}"
    images = entries(content, "images", where)
    annotations = entries(content, "annotations", where)
    if annotations and "segments_info" in annotations[0]:
        raise InputError(f"{where} are COCO's panoptic ones, whose masks are PNG files; give their folder")
    categories = entries(content, "categories", where)
    _check_ids(categories, "category", where)
    _check_ids(images, "image", where)
    _check_ids(annotations, "annotation", where)
    for category in categories:
        number = entry(category, "id", int, f"{where}: a category")
        entry(category, "name", str, f"{where}: category {number}")
        if number < 0:
            raise InputError(f"{where}: category {number} has a number below 0; give it another")
    for image in images:
        entry(image, "file_name", str, f"{where}: image {image['id']!r}")
    by_image: dict[int | str, list[Record]] = {image["id"]: [] for image in images}
    known = {category["id"] for category in categories}
    for annotation in annotations:
        name = f"{where}: annotation {annotation['id']!r}"
        image_id, category_id = annotation.get("image_id"), annotation.get("category_id")
        if not isinstance(image_id, int | str) or image_id not in by_image:
            raise InputError(f"{name} is of image {str(image_id)[:40]!r}, which is not among the images; delete it")
        if not isinstance(category_id, int) or category_id not in known:
            raise InputError(
                f"{name} has category {str(category_id)[:40]!r}, which is not among the categories; add that one"
            )
        by_image[image_id].append(annotation)
    rest = {key: value for key, value in content.items() if key not in ("images", "annotations", "categories")}
    return CocoFile(path, rest, categories, images, by_image)


def check_size(image: Record, height: int, width: int, where: str) -> None:
    """Refuse an image of another size than its picture; one without a size, or of size 0, is taken as it is.

    Raises:
        InputError: The sizes differ.
    """
    said = tuple(image.get(side) or real for side, real in (("height", height), ("width", width)))
    if said != (height, width):
        name = f"image {image['id']!r} ({image['file_name']!r})"
        raise InputError(
            f"{where}: {name} is said to be {said[1]}x{said[0]}, but its picture is {width}x{height}; export the "
            "annotations for that very picture"
        )


def segmented(annotation: Record, height: int, width: int, where: str) -> Piece:
    """Return an annotation's pixels.

    Raises:
        InputError: It has no polygons and no run lengths, or broken ones, or such of another size.
    """
    where = f"{where}: annotation {annotation['id']!r}"
    found = annotation.get("segmentation")
    if isinstance(found, list) and found:
        return filled(found, height, width, where)
    if not isinstance(found, dict):
        raise InputError(f"{where} has no segmentation (a box alone?); outline the object, or delete it")
    size, counts = found.get("size"), found.get("counts")
    if size != [height, width]:
        raise InputError(f"{where} has run lengths of size {str(size)[:40]}, not {[height, width]}; export it again")
    try:
        if isinstance(counts, str):
            return piece_of(counts_of(counts.encode()), height, width)
        if isinstance(counts, list) and all(is_number(count) and count == int(count) for count in counts):
            return piece_of(np.array([int(count) for count in counts], np.int64), height, width)
        raise ValueError("no list of whole numbers, and no text")
    except (ValueError, OverflowError) as error:
        raise InputError(f"{where} has broken run lengths ({error}); export it again") from error


def _check_ids(records: Sequence[Record], what: str, where: str) -> None:
    seen: set[int | str] = set()
    for record in records:
        found = record.get("id")
        if isinstance(found, bool) or not isinstance(found, int | str):
            raise InputError(f"{where}: one {what} has {str(found)[:40]!r} for an id; number them")
        if found in seen:
            raise InputError(f"{where}: the {what} id {found!r} is there twice; number them anew")
        seen.add(found)
