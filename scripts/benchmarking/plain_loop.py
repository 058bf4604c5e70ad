"""The experiment as a reader of the paper would write it: the official predictor, numpy and scipy, one row at a time.

Shares the networks and the baseline's label maps with the package (those are checked against published outputs
elsewhere), and nothing of what lies between; the tests compare its maps with the package's pixel by pixel.
"""

import numpy as np
import torch
from scipy import ndimage
from segment_anything import SamPredictor
from torch.nn import functional as F

EIGHT = np.ones((3, 3))


def components(mask: np.ndarray) -> list[np.ndarray]:
    """8-connected components, largest first, then by first pixel."""
    labels, count = ndimage.label(mask, EIGHT)
    parts = [labels == i + 1 for i in range(count)]
    return sorted(parts, key=lambda part: (-int(part.sum()), int(np.flatnonzero(part)[0])))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    union = np.logical_or(a, b).sum()
    return float(np.logical_and(a, b).sum() / union) if union else 0.0


def mask_input(region: np.ndarray, size: int, side: int) -> np.ndarray:
    """The region as logits in SAM's padded frame, ``[1, side, side]``."""
    height, width = region.shape
    scale = size / max(height, width)
    new = (int(height * scale + 0.5), int(width * scale + 0.5))
    signed = torch.from_numpy(np.where(region, 1.0, -1.0).astype(np.float32))[None, None]
    square = torch.full((size, size), -1.0)
    square[: new[0], : new[1]] = F.interpolate(signed, new, mode="bilinear", align_corners=False)[0, 0]
    block = size // side
    return 10 * square.view(side, block, side, block).mean((1, 3))[None].numpy()


def refine(predictor: SamPredictor, label_map: np.ndarray, recipe: str, region_kind: str) -> np.ndarray:
    """Refine one map with selection ``iou`` and fill ``background``; the image is set already."""
    size, side = predictor.model.image_encoder.img_size, predictor.model.prompt_encoder.mask_input_size[0]
    parts = recipe.split("+")
    painted = []
    for class_id in (c for c in np.unique(label_map) if c != 0):
        of_class = label_map == class_id
        regions = [of_class]
        if region_kind == "component":
            regions = [r for r in components(of_class) if r.sum() >= 20] or regions
        united = np.zeros_like(of_class)
        for region in regions:
            y, x = np.nonzero(region)
            centroids = [np.argwhere(part).mean(0)[::-1] for part in components(region)]
            points = None
            if "points" in parts:
                points = np.array(centroids[:16])
            elif "point" in parts:
                points = np.array(centroids[:1])
            masks, _, _ = predictor.predict(
                point_coords=points,
                point_labels=None if points is None else np.ones(len(points)),
                box=np.array([x.min(), y.min(), x.max(), y.max()]) if "box" in parts else None,
                mask_input=mask_input(region, size, side) if "mask" in parts else None,
                multimask_output=True,
            )
            united |= masks[int(np.argmax([iou(mask, region) for mask in masks]))]
        painted.append((iou(united, of_class), -class_id, united))
    if not painted:
        return label_map.copy()
    refined = np.zeros_like(label_map)
    for _, negative_id, mask in sorted(painted, key=lambda item: item[:2]):
        refined[mask] = -negative_id
    return refined
