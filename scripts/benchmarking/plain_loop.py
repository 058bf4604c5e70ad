"""The experiment as a reader of the paper would write it: the official predictor, numpy and scipy, one row at a time.

Shares the networks and the baseline's label maps with the package (those are checked against published outputs
elsewhere), and nothing of what lies between; the tests compare its maps with the package's pixel by pixel, and
`scripts/benchmark.py` times it as the peer. It does no work that its row does not need.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from segment_anything import SamPredictor
from torch.nn import functional as F

Mask = NDArray[np.bool_]

EIGHT = np.ones((3, 3))


def components(mask: Mask, min_area: int = 1, limit: int | None = None) -> list[Mask]:
    """8-connected components of at least ``min_area`` pixels, largest first, then by first pixel; at most ``limit``."""
    labels, _ = ndimage.label(mask, EIGHT)
    numbers, first, areas = np.unique(labels, return_index=True, return_counts=True)
    order = [i for i in np.lexsort((first, -areas)) if numbers[i] and areas[i] >= min_area]
    return [labels == numbers[i] for i in order[:limit]]


def iou(a: Mask, b: Mask) -> float:
    """Intersection over union; 0 where both are empty."""
    union = np.logical_or(a, b).sum()
    return float(np.logical_and(a, b).sum() / union) if union else 0.0


def mask_input(region: Mask, size: int, side: int) -> NDArray[np.float32]:
    """The region as logits in SAM's padded frame, ``[1, side, side]``."""
    height, width = region.shape
    scale = size / max(height, width)
    new = (int(height * scale + 0.5), int(width * scale + 0.5))
    signed = torch.from_numpy(np.where(region, 1.0, -1.0).astype(np.float32))[None, None]
    square = torch.full((size, size), -1.0)
    square[: new[0], : new[1]] = F.interpolate(signed, new, mode="bilinear", align_corners=False)[0, 0]
    block = size // side
    return 10 * square.view(side, block, side, block).mean((1, 3))[None].numpy()


def best_mask(predictor: SamPredictor, region: Mask, parts: list[str], selection: str) -> Mask:
    """Prompt SAM for one region and keep the candidate most like it, or the one SAM scores highest."""
    size, side = predictor.model.image_encoder.img_size, predictor.model.prompt_encoder.mask_input_size[0]
    points = box = None
    if "points" in parts or "point" in parts:
        largest = components(region, limit=16 if "points" in parts else 1)
        points = np.array([np.argwhere(part).mean(0)[::-1] for part in largest])
    if "box" in parts:
        y, x = np.nonzero(region)
        box = np.array([x.min(), y.min(), x.max(), y.max()])
    masks, scores, _ = predictor.predict(
        point_coords=points,
        point_labels=None if points is None else np.ones(len(points)),
        box=box,
        mask_input=mask_input(region, size, side) if "mask" in parts else None,
        multimask_output=True,
    )
    likeness = scores if selection == "score" else [iou(mask, region) for mask in masks]
    return masks[int(np.argmax(likeness))]


def refine(
    predictor: SamPredictor, label_map: NDArray[np.int64], recipe: str, region_kind: str, selection: str = "iou"
) -> NDArray[np.int64]:
    """Refine one map with fill ``background`` (class 0); the image is set already.

    Args:
        predictor: The official one.
        label_map: The baseline's, ``[H, W]``.
        recipe: For example ``points+box+mask``.
        region_kind: ``class`` or ``component``.
        selection: ``iou`` or ``score``.
    """
    parts = recipe.split("+")
    painted = []
    for class_id in (c for c in np.unique(label_map) if c != 0):
        of_class = label_map == class_id
        regions = [of_class]
        if region_kind == "component":
            regions = components(of_class, min_area=20) or regions
        united = np.zeros_like(of_class)
        for region in regions:
            united |= best_mask(predictor, region, parts, selection)
        painted.append((iou(united, of_class), -class_id, united))
    if not painted:
        return label_map.copy()
    refined = np.zeros_like(label_map)
    for _, negative_id, mask in sorted(painted, key=lambda item: item[:2]):
        refined[mask] = -negative_id
    return refined
