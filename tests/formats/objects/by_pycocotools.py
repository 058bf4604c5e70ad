"""What pycocotools itself makes of segmentations, to compare with."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask


def decoded(found: Any) -> NDArray[np.bool_]:
    """Decode run lengths."""
    with warnings.catch_warnings():
        # pycocotools 2.0.11 has not heard of NumPy 2's keyword yet.
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        return np.asarray(coco_mask.decode(found), np.bool_)


def polygons_filled(polygons: list[list[float]], height: int, width: int) -> NDArray[np.bool_]:
    """Fill polygons, united."""
    return decoded(coco_mask.merge(coco_mask.frPyObjects(polygons, height, width)))
