"""Regions in the forms of other libraries."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError
from lit_samseg.formats.objects.run_lengths import Piece, plain_counts
from lit_samseg.refined.regions import RefinedRegion


def coco(regions: Sequence[RefinedRegion], image_id: int | str) -> list[dict[str, Any]]:
    """Return annotations as COCO's json has them, which pycocotools takes.

    Args:
        regions: The image's.
        image_id: What ``image_id`` is.

    Returns:
        For each region ``id`` (from 1), ``image_id``, ``category_id`` (the class id), ``segmentation`` (an uncompressed
        run-length encoding, exact with holes), ``area`` in pixels, ``bbox`` (x, y, width, height), ``iscrowd`` 0, and
        its confidence as ``score``.
    """
    return [
        {
            "id": number,
            "image_id": image_id,
            "category_id": region.class_id,
            "segmentation": _run_lengths(region.mask()),
            "area": region.area,
            "bbox": [*region.box[:2], region.box[2] - region.box[0] + 1, region.box[3] - region.box[1] + 1],
            "iscrowd": 0,
            "score": round(region.confidence, 6),
        }
        for number, region in enumerate(regions, start=1)
    ]


def supervision_detections(regions: Sequence[RefinedRegion], shape: tuple[int, ...]) -> Any:
    """Return ``supervision.Detections``; boxes end at the last pixel, as its ``mask_to_xyxy`` has them.

    Args:
        regions: The image's.
        shape: ``(H, W)`` of the image.

    Raises:
        InputError: The library is not installed.
    """
    try:
        import supervision
    except ImportError as error:
        raise InputError("supervision is not installed; pip install 'lit_samseg[supervision]'") from error
    masks = np.zeros((len(regions), *shape), bool)
    for mask, region in zip(masks, regions, strict=True):
        mask[:] = region.mask()
    return supervision.Detections(
        xyxy=np.array([region.box for region in regions], np.float64).reshape(-1, 4),
        mask=masks,
        confidence=np.array([region.confidence for region in regions], np.float32),
        class_id=np.array([region.class_id for region in regions], np.int64),
        data={"class_name": np.array([region.name for region in regions], str)},
    )


def _run_lengths(mask: NDArray[np.bool_]) -> dict[str, list[int]]:
    return {"size": list(mask.shape), "counts": plain_counts(Piece.cut_out(mask), *mask.shape)}
