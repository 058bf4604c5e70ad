"""Scores of a run by separate code, from the files it wrote."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def recompute(predictions: dict[str, np.ndarray], targets: dict[str, np.ndarray], classes: int) -> dict[str, float]:
    """mIoU, GT-present mIoU, mAcc and pixel accuracy by boolean masks, class by class."""
    inter, gt, pred = np.zeros((3, classes), dtype=np.int64)
    for image_id, target in targets.items():
        valid = target != 255
        for c in range(classes):
            truth, guess = (target == c) & valid, (predictions[image_id] == c) & valid
            inter[c] += (truth & guess).sum()
            gt[c] += truth.sum()
            pred[c] += guess.sum()
    union = gt + pred - inter
    iou = [inter[c] / union[c] for c in range(classes) if union[c]]
    return {
        "miou": float(np.mean(iou)),
        "miou_gt_present": float(np.mean([inter[c] / union[c] for c in range(classes) if gt[c]])),
        "macc": float(np.mean([inter[c] / gt[c] for c in range(classes) if gt[c]])),
        "pixel_acc": float(inter.sum() / gt.sum()),
    }


def read_predictions(folder: Path) -> dict[str, np.ndarray]:
    return {path.stem: np.array(Image.open(path)) for path in sorted(folder.glob("*.png"))}


def results_of(folder: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return results
