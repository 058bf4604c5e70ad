"""Which refinements a person should look at first, and which classes may be lost by mistake.

Both rules look at label maps and confidence alone, never at a ground truth, and were chosen on training images of
VOC2012. On other images the order holds; giving lost classes back does not pay (docs/refinement.md), so nothing does it
unless it is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lit_samseg.void import VOID

MOST_LOST = 0.4
"""A class that loses more of its pixels than this may be lost by mistake, if the scores are not sure."""

SURE = 0.8
"""They are sure from this mean confidence on, of the pixels that it loses."""

LEAST_AREA = 0.001
"""Of the picture's pixels: smaller classes may go, most of them are specks."""


@dataclass(frozen=True)
class LostClass:
    """A class of which refinement leaves little.

    Attributes:
        class_id: The class.
        area: Its pixels before.
        lost: Share of these that got another class, 0..1.
        confidence: Mean over those, 0..1.
    """

    class_id: int
    area: int
    lost: float
    confidence: float


def doubt(before: Tensor, after: Tensor, confidence: Tensor) -> float:
    """Return how doubtful a refinement is: the part of the picture that may have been changed wrongly.

    It is the mean over all pixels of 1 less the confidence where a pixel has another class than before, and of 0
    elsewhere. So a picture is the more doubtful the more of it changed, and the less sure of it the scores are. Pixels
    that were void had no class that could be lost.

    Args:
        before: What was refined, integer ``[H, W]``; `VOID` where there is no class.
        after: The refined label map, integer ``[H, W]``.
        confidence: How sure it is of each pixel, float ``[H, W]`` in 0..1.

    Returns:
        0..1; 0 where nothing changed. Most pictures have less than 0.05.
    """
    changed = (before != after) & (before != VOID)
    return float(((1 - confidence) * changed).double().mean())


def lost_classes(before: Tensor, after: Tensor, confidence: Tensor, background: int | None) -> list[LostClass]:
    """Return the classes that lose more than `MOST_LOST` of their pixels to labels that nobody is `SURE` of.

    Args:
        before: What was refined, integer ``[H, W]``; `VOID` is no class.
        after: The refined label map, integer ``[H, W]``.
        confidence: How sure it is of each pixel, float ``[H, W]`` in 0..1.
        background: The class that cannot be lost, or None.

    Returns:
        The classes by ascending id.
    """
    found = []
    for class_id, area in zip(*(part.tolist() for part in torch.unique(before, return_counts=True)), strict=True):
        if class_id in (VOID, background) or area < LEAST_AREA * before.numel():
            continue
        gone = (before == class_id) & (after != class_id)
        lost = int(gone.sum()) / area
        if lost > MOST_LOST and (sure := float(confidence[gone].double().mean())) < SURE:
            found.append(LostClass(class_id, area, lost, sure))
    return found


def keep_lost(before: Tensor, after: Tensor, lost: Sequence[LostClass]) -> Tensor:
    """Return the refined label map, integer ``[H, W]``, in which lost classes keep the pixels that they had.

    Args:
        before: What was refined, integer ``[H, W]``.
        after: The refined label map, integer ``[H, W]``.
        lost: What `lost_classes` found.
    """
    kept = torch.isin(before, before.new_tensor([one.class_id for one in lost]))
    return torch.where(kept, before, after)
