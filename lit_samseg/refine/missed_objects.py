"""Objects that words find and a label map has not."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from lit_samseg.refine.calibrated_words import RAW_SHARE, log_odds_of, logit_of
from lit_samseg.refine.grid import Grid
from lit_samseg.refine.told import Told
from lit_samseg.runtime.transfer import download, to_device

KNOWN = 0.2
"""An object of which the label map has a smaller share is missed (`lit_samseg.analysis.recognition`)."""
LEAST_CELLS = 9
"""Fewer cells are no object."""


@dataclass(frozen=True)
class MissedObject:
    """Cells that words give a class, and the label map others.

    Attributes:
        place: The class's among ``told.classes``.
        cells: bool ``[h, w]``.
        features: The logit of the mean evidence there, the mean log-odds that the baseline gives the class there, and
            the logarithm of the share of the image's cells, float32 ``[3]``.
    """

    place: int
    cells: Tensor
    features: Tensor


def missed_objects(told: Told, shares: Tensor, grid: Grid) -> Iterator[MissedObject]:
    """Find the connected cells that are likely of a class and are not called so.

    Args:
        told: What words say.
        shares: How likely each cell is of each class if that is in the image, float32 ``[A, h, w]``
            (`lit_samseg.refine.calibrated_words.shares_of`).
        grid: What the baseline says.

    Yields:
        By ascending class, those of one in the order of their first cell.
    """
    device = grid.image.device
    likely = (shares >= RAW_SHARE) & (told.evidence > 0)
    masks, labels, classes = (known.numpy() for known in download([likely, grid.labels, told.classes]))
    for place in np.flatnonzero(masks.any(axis=(1, 2))):
        count, numbers = cv2.connectedComponents(masks[place].astype(np.uint8), connectivity=8)
        areas = np.bincount(numbers.ravel(), minlength=count)
        odds: Tensor | None = None
        called = np.bincount(numbers[labels == classes[place]], minlength=count)
        for number in range(1, count):
            if areas[number] < LEAST_CELLS or called[number] >= KNOWN * areas[number]:
                continue
            odds = log_odds_of(told.classes[place : place + 1], grid)[0] if odds is None else odds
            cells = to_device(torch.from_numpy(numbers == number), device)
            yield MissedObject(
                int(place),
                cells,
                torch.stack(
                    [
                        logit_of(told.evidence[place][cells].mean()),
                        odds[cells].mean(),
                        odds.new_tensor(areas[number] / numbers.size).log(),
                    ]
                ),
            )
