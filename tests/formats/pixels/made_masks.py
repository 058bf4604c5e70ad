"""Masks as other programs write them, by Pillow, OpenCV and NumPy alone; and labels that are hard to keep."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from lit_samseg.formats.interface import MaskOptions, MaskSet
from lit_samseg.formats.recognise import open_masks

Labels = np.ndarray
VOID = -1


def label_maps(classes: int, void: bool = True) -> st.SearchStrategy[Labels]:
    """Draw labels [H, W]: pixels of all kinds beside each other, so also holes, single pixels and touching objects."""
    shapes = npst.array_shapes(min_dims=2, max_dims=2, max_side=9)
    return npst.arrays(np.int32, shapes, elements=st.integers(VOID if void else 0, classes - 1))


def ring() -> Labels:
    """A ring with a hole and a pixel in it, two touching objects, and void round a corner."""
    labels = np.zeros((12, 16), np.int32)
    labels[1:8, 1:8] = 1
    labels[3:6, 3:6] = 0
    labels[4, 4] = 2
    labels[8:11, 2:6], labels[8:11, 6:9] = 1, 2
    labels[0, 10:] = labels[:5, 15] = VOID
    return labels


def numbers(labels: Labels, values: Mapping[int, int]) -> Labels:
    """Return the number of each label."""
    return np.vectorize(values.__getitem__, otypes=[np.int64])(labels)


def save(path: Path, array: Labels, **options: Any) -> None:
    """Save an array as Pillow does it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


def save_palette(path: Path, indices: Labels, palette: list[int], **options: Any) -> None:
    """Save indices with a palette."""
    picture = Image.fromarray(indices.astype(np.uint8))
    picture.putpalette(palette)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)


def open_one(folder: Path, *keys: str, **options: Any) -> MaskSet:
    """Open the masks of some pictures."""
    return open_masks(folder, keys or ("a",), MaskOptions(**options))


def labels_of(masks: MaskSet, key: str, shape: tuple[int, ...]) -> Labels:
    """Read labels."""
    height, width = shape
    return masks.read(key, height, width).labels


def contents(path: Path) -> tuple[object, ...]:
    """Return all that makes a picture file what it is, but for its compression."""
    with Image.open(path) as picture:
        picture.load()
        depth = path.read_bytes()[24] if picture.format == "PNG" else None
        return picture.format, picture.mode, depth, picture.getpalette(), np.array(picture).tolist()


def pixels_of(path: Path) -> Labels:
    """Return the pixels of a file as Pillow decodes them."""
    with Image.open(path) as picture:
        return np.array(picture)
