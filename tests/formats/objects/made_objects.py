"""Label maps with objects, made by hypothesis: holes, single pixels, touching objects of one class."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from lit_samseg.formats.interface import Ids, LabelMap


@st.composite
def object_maps(draw: st.DrawFn, most: int = 9, classes: int = 4) -> tuple[Ids, Ids]:
    """Return labels and objects: class 0 without objects, others of objects of one class each.

    Each pixel takes one of a few numbers, so pieces fall apart, touch by corners and have holes.
    """
    height, width = draw(st.integers(1, most)), draw(st.integers(1, most))
    seed, count = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, 5))
    rng = np.random.default_rng(seed)
    objects = rng.integers(-1, max(count, 1), (height, width)).astype(np.int32)
    if not count:
        objects[:] = -1
    # Blocks rather than noise in every other one.
    if draw(st.booleans()):
        objects = np.repeat(np.repeat(objects, 3, 0), 2, 1)[: 2 * most, : 2 * most]
    # Numbers without gaps, in the order of their places.
    numbers = [number for number in np.unique(objects).tolist() if number >= 0]
    new = np.full(count + 2, -1, np.int32)
    new[numbers] = np.arange(len(numbers))
    objects = new[objects]
    class_of = np.concatenate([rng.integers(1, classes, len(numbers)), [0]]).astype(np.int32)
    return class_of[objects], objects


def label_map(labels: Any, objects: Any = None) -> LabelMap:
    """Return a label map of lists."""
    found = None if objects is None else np.array(objects, np.int32)
    return LabelMap(np.array(labels, np.int32), found)


def same_objects(first: Ids, second: Ids) -> bool:
    """Tell whether two maps have the same objects, whatever their numbers."""
    pairs = np.unique(np.stack([first.ravel(), second.ravel()]), axis=1)
    return all(len(np.unique(side)) == pairs.shape[1] for side in pairs)
