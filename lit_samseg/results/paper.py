"""The paper's own numbers (Qamar et al., 2023), shown beside ours."""

PAPER_SCORES: dict[str, dict[str, tuple[float, float]]] = {
    "voc2012": {
        "baseline": (75.75, 82.75),
        "point": (50.34, 79.06),
        "points": (64.30, 74.09),
        "box": (72.60, 77.96),
        "points+box": (75.31, 82.96),
        "points+box+mask": (75.50, 84.27),
    },
    "ade20k": {"baseline": (40.99, 65.09)},
}
"""``(mIoU, mAcc)`` in per cent by data set and row: Tables 1 and 2, each on 100 images."""

PAPER_NOTES: dict[str, str] = {
    "voc2012": (
        "Paper: another DeepLab, SAM ViT-H, 100 other images. Its Table 1 gives DeepLab+SAM 75.31/84.21 'by box'; "
        "in its Table 2 that mIoU belongs to points+box, with mAcc 82.96: the paper contradicts itself."
    ),
    "ade20k": "Paper: OneFormer with SAM ViT-H on 100 images, with SAM 40.85/64.61.",
}
