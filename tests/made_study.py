"""A study as its file has it, made up without any run."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lit_samseg.pooling import leave_one_out, pool
from lit_samseg.pooling.contents import StudyResults

AUTO = "point+box+margin@component/fuse/vote/samcrf"
PAIRS = {
    "VOC x DeepLabV3-MNv2, the published 200": (200, 21, 75.77),
    "VOC x the same, 121 images never used": (121, 21, 72.67),
    "ADE20K x DeepLabV3-MNv2": (39, 150, 24.68),
    "CamVid x ESPNet, label maps alone": (51, 11, 69.42),
    "VOC x ESPNetv2 s2.0": (121, 21, 63.00),
    "VOC x ESPNetv2 s1.0": (121, 21, 58.10),
    "VOC x ESPNetv2 s0.5": (121, 21, 47.80),
}
"""Images, classes and the baseline's mIoU in per cent."""

GAINS: dict[str, list[tuple[float, float, float] | None]] = {
    "box": [
        (-7.24, -9.1, -5.2),
        (-6.82, -9.9, -4.1),
        (-1.67, -2.9, -0.3),
        (-13.70, -15.1, -12.0),
        (-4.93, -7.0, -2.9),
        (-2.10, -4.2, 0.3),
        (0.98, -0.81, 2.62),
    ],
    "points+box+mask@component": [
        (0.51, -0.23, 1.16),
        (0.86, 0.61, 1.43),
        (0.50, 0.35, 0.72),
        (-0.07, -0.56, 0.38),
        (0.62, 0.30, 1.04),
        (0.71, 0.33, 1.20),
        (0.82, 0.38, 1.34),
    ],
    "none@crf": [
        (1.60, 1.0, 2.2),
        (0.30, -0.9, 1.3),
        (0.10, -0.3, 0.6),
        (0.02, -0.2, 0.3),
        (0.11, -0.1, 0.4),
        None,
        (0.25, 0.02, 0.5),
    ],
    "none@densecrf": [
        (1.86, 1.12, 2.49),
        (0.37, -1.46, 1.49),
        (0.11, -0.34, 0.60),
        (0.01, -0.20, 0.22),
        (0.12, -0.10, 0.40),
        (0.20, -0.05, 0.45),
        (0.28, 0.03, 0.55),
    ],
    "point": [
        (-1.0, -2.1, 0.1),
        (-0.8, -2.3, 0.4),
        (0.2, -0.2, 0.6),
        (-3.1, -4.0, -2.2),
        (-0.5, -1.3, 0.4),
        (-0.2, -1.0, 0.5),
        (0.4, -0.3, 1.1),
    ],
    "auto": [
        (2.28, 1.49, 3.11),
        (0.82, -0.40, 2.30),
        (0.88, 0.42, 1.97),
        (1.29, 1.02, 1.56),
        (0.82, 0.59, 1.61),
        (1.02, 0.70, 1.62),
        (1.29, 0.83, 1.63),
    ],
}
"""By row on each pair: gain and the ends of its interval, in points; None where the pair has no such row."""

SECONDS = {"box": 0.11, "point": 0.09, "none@crf": 0.21, "none@densecrf": 0.52, "auto": 0.74}


def made_study(
    pairs: int = len(PAIRS), rows: Sequence[str] = tuple(GAINS), slopes: bool = False, **others: Any
) -> StudyResults:
    """Return a study of the first pairs with some rows; pooled as if no pair shared images with another."""
    names = list(PAIRS)[:pairs]
    study: StudyResults = {
        "schema_version": 1,
        "title": "Seven pairs",
        "pairs": [
            {
                "name": name,
                "folder": f"pairs/{n}",
                "dataset": name.split()[0].lower(),
                "split": "val",
                "images": images,
                "classes": classes,
                "baseline": name.partition(" x ")[2],
                "sam": "mobile_sam (fp32)",
                "device": "cpu",
                "created": f"2026-11-2{n}T02:42:18+00:00",
                "versions": {"lit_samseg": "0.1.0", "torch": "2.14.1"},
                "miou": miou / 100,
                "miou_gt_present": miou / 100,
                "shares_images_with": [m for m in names if m != name and "121" in m and "s" in name[-4:]],
                "seconds": 1.5,
            }
            for n, (name, (images, classes, miou)) in enumerate(PAIRS.items())
            if name in names
        ],
        "rows": [made_row(row, dict(zip(names, GAINS[row], strict=False)), slopes) for row in rows],
        "failed": [],
        "resamples": 10000,
    }
    return study | others  # type: ignore[return-value]


def made_row(name: str, gains: Mapping[str, tuple[float, float, float] | None], slopes: bool = False) -> Any:
    """Return a row with these gains in points."""
    known = {pair: np.array(gain) / 100 for pair, gain in gains.items() if gain is not None}
    effects = np.array([gain[0] for gain in known.values()])
    errors = np.array([(gain[2] - gain[1]) / 3.92 for gain in known.values()])
    pooled = pool(effects, errors**2)
    left = leave_one_out(effects, errors**2) if len(known) > 1 else []
    keys = ("pairs", "mean", "low", "high", "p", "tau", "i2", "q", "q_p", "factor", "predicted_low", "predicted_high")
    return {
        "name": name,
        "effects": [
            {
                "pair": pair,
                "row": AUTO if name == "auto" else name,
                "value": value,
                "low": low,
                "high": high,
                "verdict": "better" if low > 0 else "worse" if high < 0 else "no evidence",
                "standard_error": error,
                "weight": weight,
                "boundary_iou": 2 * value + 0.01,
                "seconds": SECONDS.get(name),
            }
            for (pair, (value, low, high)), error, weight in zip(
                ((pair, gain.tolist()) for pair, gain in known.items()), errors.tolist(), pooled.weights, strict=True
            )
        ],
        "pooled": {key: _known(getattr(pooled, key)) for key in keys},
        "left_out": [
            {"pair": pair, "mean": _known(own.mean), "low": _known(own.low), "high": _known(own.high)}
            for pair, own in zip(known, left, strict=False)
        ],
        "depends_on": made_slopes() if slopes else [],
    }


def made_slopes() -> list[dict[str, Any]]:
    """Return slopes on facts about images."""
    found = {
        "baseline_score": (-0.04, 0.01, -0.3),
        "mean_score": (0.01, 0.02, 0.07),
        "regions": (0.002, 0.0004, 0.21),
        "border_share": (0.11, 0.02, 0.4),
    }
    return [
        {
            "name": name,
            "together": False,
            "images": 321,
            "gains": 321,
            "per_unit": slope,
            "low": slope - 2 * error,
            "high": slope + 2 * error,
            "standardised": standardised,
            "p": 0.004,
        }
        for name, (slope, error, standardised) in found.items()
    ]


def write_made_study(folder: Path, study: StudyResults) -> Path:
    """Write ``study.json``, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.json").write_text(json.dumps(study), encoding="utf-8")
    return folder


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
