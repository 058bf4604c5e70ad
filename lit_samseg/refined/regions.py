"""The connected regions of a refined label map, each with what is known of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import label as label_components

from lit_samseg.void import VOID


@dataclass(frozen=True, eq=False)
class RefinedRegion:
    """Pixels of one class that hang together by their edges.

    Attributes:
        class_id: The class.
        name: Its name; its id as text where nobody knows names.
        box: x_min, y_min, x_max, y_max in pixels, corners inclusive.
        area: In pixels.
        confidence: Mean of its pixels', 0..1.
        changed: Share of its pixels that had another class before, 0..1.
        mask: bool ``[H, W]``, made anew at each call: masks of hundreds of regions at once would be gigabytes.
    """

    class_id: int
    name: str
    box: tuple[int, int, int, int]
    area: int
    confidence: float
    changed: float
    mask: Callable[[], NDArray[np.bool_]]


def find_refined_regions(
    label_map: NDArray[np.int64],
    before: NDArray[np.int64],
    confidence: NDArray[np.float32],
    name_of: Callable[[int], str],
    background: int | None,
) -> list[RefinedRegion]:
    """Find the regions of all classes but the background, by class id, those of a class by descending area.

    Args:
        label_map: The refined one ``[H, W]``; `VOID` is in no region.
        before: What was refined ``[H, W]``.
        confidence: Of each pixel ``[H, W]``.
        name_of: Names a class.
        background: The class that is no region, or None.
    """
    numbers = label_components(label_map, background=VOID, connectivity=1)
    flat, boxes = numbers.ravel(), ndimage.find_objects(numbers)
    areas = np.bincount(flat)
    sure = np.bincount(flat, confidence.ravel().astype(np.float64)) / areas.clip(1)
    changed = np.bincount(flat, (label_map != before).ravel()) / areas.clip(1)
    classes = np.full(len(areas), VOID, label_map.dtype)
    classes[flat] = label_map.ravel()
    found = []
    for number, (rows, columns) in enumerate(boxes, start=1):
        if classes[number] == background:
            continue
        found.append(
            RefinedRegion(
                class_id=int(classes[number]),
                name=name_of(int(classes[number])),
                box=(columns.start, rows.start, columns.stop - 1, rows.stop - 1),
                area=int(areas[number]),
                confidence=float(sure[number]),
                changed=float(changed[number]),
                mask=partial(np.equal, numbers, number),
            )
        )
    return sorted(found, key=lambda region: (region.class_id, -region.area))
