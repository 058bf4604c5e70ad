"""Refinements made by hand, of which each number is known."""

import numpy as np
import pytest
import torch

from lit_samseg import Refinement

LABELS = np.array(
    [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0, 2],
        [0, 1, 0, 1, 0, 2],
        [0, 1, 1, 1, 0, 0],
        [255, 255, 0, 0, 1, 0],
    ]
)
"""A ring and a pixel of class 1, a bar of class 2, and void."""


def refinement(labels: np.ndarray, before: np.ndarray | None = None, **fields: object) -> Refinement:
    height, width = labels.shape
    image = torch.arange(3 * height * width).reshape(3, height, width) % 256
    options: dict[str, object] = {"void": 255, "background": 0, "row": "auto", "seconds": 1.25} | fields
    confidence = options.pop("confidence", torch.linspace(0, 1, labels.size).reshape(height, width))
    return Refinement(
        torch.from_numpy(labels).long(),
        torch.from_numpy(labels if before is None else before).long(),
        image.byte(),
        confidence,  # type: ignore[arg-type]
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture
def ring() -> Refinement:
    before = LABELS.copy()
    before[1, 1:4] = 0
    return refinement(LABELS, before, class_names=("background", "cat", "dog"))
