"""Training prompts: what the evaluation will ask of the SAM, drawn from true and coarsened regions."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.data.scene_generator import CLASS_NAMES
from lit_samseg.finetune.perturbed_maps import LEAST_AREA, coarsened
from lit_samseg.sam.frame import Frame

BoolMask = NDArray[np.bool_]

RECIPES = ("point", "points", "box", "points+box", "mask", "box+mask", "points+box+mask")
RECIPE_SHARES = (0.15, 0.15, 0.25, 0.15, 0.06, 0.12, 0.12)


class Prompts(NamedTuple):
    """Prompts of one image that are decoded together, and what they ask for."""

    points: tuple[Tensor, Tensor] | None  # frame pixels [P, K, 2] and labels [P, K]
    boxes: Tensor | None  # frame pixels [P, 4]
    masks: Tensor | None  # logits [P, 1, m, m]
    regions: list[BoolMask]  # the true masks, each [H, W]
    sources: list[BoolMask]  # the masks the prompts were read from, each [H, W]


def true_regions(label: NDArray[np.uint8]) -> tuple[list[BoolMask], list[BoolMask]]:
    """Connected components of at least 20 px of every class, and whole classes, bool [H, W]."""
    components, classes = [], []
    for index in range(1, len(CLASS_NAMES)):
        whole = label == index
        count, numbers = cv2.connectedComponents(whole.astype(np.uint8), connectivity=8)
        parts = [part for part in (numbers == i for i in range(1, count)) if part.sum() >= 20]
        components += parts
        if parts:
            classes.append(whole)
    return components, classes


def point_prompts(source: BoolMask, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """`count` points (x, y) for a region: inside it, or centroids of its components first."""
    inside = np.argwhere(source)[:, ::-1]
    points = inside[rng.integers(0, len(inside), count)].astype(np.float64)
    if rng.random() < 0.5:
        _, _, stats, centres = cv2.connectedComponentsWithStats(source.astype(np.uint8), connectivity=8)
        order = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")[:count]
        points[: len(order)] = centres[order]
    return points


def draw_prompts(
    pool: list[BoolMask],
    frame: Frame,
    recipe: str,
    count: int,
    coarse_share: float,
    rng: np.random.Generator,
) -> Prompts:
    """Prompts for regions of one image; no prompt is padded, so all have the same length.

    Args:
        pool: Regions, bool [H, W]; taken in random order, again from the start if `count` asks.
        frame: Where the image lies in SAM's input.
        recipe: Any of `point`, `points`, `box`, `mask` joined by `+`.
        count: Number of prompts P.
        coarse_share: How often points and boxes come from a coarsened region too; mask prompts
            always do.
        rng: Random numbers.
    """
    order = rng.permutation(len(pool))
    regions = [pool[order[i % len(pool)]] for i in range(count)]
    per_prompt = int(rng.integers(2, 6)) if "points" in recipe else 1
    points, boxes, masks, sources = [], [], [], []
    for region in regions:
        blocks = coarsened(region, rng, most=16)
        coarse = blocks if blocks.sum() >= LEAST_AREA else region
        source = coarse if "mask" in recipe or rng.random() < coarse_share else region
        sources.append(source)
        points.append(point_prompts(source, per_prompt, rng))
        ys, xs = np.nonzero(source)
        box = np.array([xs.min(), ys.min(), xs.max(), ys.max()], np.float64)
        if coarse_share and rng.random() < 0.5:
            box += rng.uniform(-0.08, 0.08, 4) * np.tile(box[2:] - box[:2] + 1, 2)
        boxes.append(box)
        masks.append(frame.mask_prompt(torch.from_numpy(source).float() * 2 - 1) * 10)
    xy = frame.to_frame(torch.from_numpy(np.stack(points))).float()
    corners = frame.to_frame(torch.from_numpy(np.stack(boxes)).view(count, 2, 2)).float()
    return Prompts(
        (xy, torch.ones(xy.shape[:2])) if "point" in recipe else None,
        corners.view(count, 4) if "box" in recipe else None,
        torch.stack(masks) if "mask" in recipe else None,
        regions,
        sources,
    )
