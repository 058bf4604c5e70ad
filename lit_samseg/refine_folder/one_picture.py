"""One picture of a folder: its masks refined, and what a person should know of that."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lit_samseg.formats.interface import Classes, Ids, LabelMap
from lit_samseg.refine import Decision
from lit_samseg.refined.doubt import doubt, keep_lost, lost_classes
from lit_samseg.refiner import Refiner
from lit_samseg.review.records import PictureRecord, RegionRecord
from lit_samseg.void import VOID

MOST_REGIONS = 200
"""Of a picture, in its record; those that changed most."""


@dataclass(frozen=True)
class Refined:
    """What one picture came to.

    Attributes:
        after: The masks to be written, in class ids; void is where it was.
        record: For the review.
    """

    after: Ids
    record: PictureRecord


def refine_picture(
    refiner: Refiner,
    key: str,
    image: Tensor,
    masks: LabelMap,
    classes: Classes,
    scores: Tensor | None = None,
    careful: bool = False,
) -> Refined:
    """Refine the masks of a picture.

    Args:
        refiner: One whose void is the number of classes, which is none of them.
        key: The picture's name.
        image: uint8 ``[3, H, W]``.
        masks: Its masks.
        classes: What they mean.
        scores: Class scores, float ``[C, h, w]``, where there are any.
        careful: Classes that would lose most of their pixels keep them (`lit_samseg.refined.doubt`).

    Raises:
        InputError: The scores do not fit.
    """
    void = len(classes)
    known = masks.labels != VOID
    labels = torch.from_numpy(np.where(known, masks.labels, void).astype(np.int64))
    asked: list[_Asked] = []
    refinement = refiner.refine(image, labels, details=_taking_down(asked), scores=scores)
    refined = refinement.label_map.numpy()
    # What nobody labelled stays so, and what was labelled has a class.
    after = np.where(known, np.where(refined == void, masks.labels, refined), VOID).astype(np.int32)
    before, found = torch.from_numpy(masks.labels), torch.from_numpy(after)
    kept = lost_classes(before, found, refinement.confidence, classes.background) if careful else []
    if kept:
        found = keep_lost(before, found, kept)
        after = found.numpy()
    changed = after != masks.labels
    confidence = refinement.confidence.numpy()
    regions = [one.record(classes.names, changed, confidence) for one in asked]
    present = sorted({*np.unique(masks.labels).tolist(), *np.unique(after).tolist()} - {VOID, classes.background})
    agreements = [region.agreement for region in regions if region.agreement is not None]
    record = PictureRecord(
        key=key,
        width=image.shape[2],
        height=image.shape[1],
        classes=tuple(classes.names[n] for n in present),
        changed=float(changed.mean()),
        confidence=float(confidence.mean()),
        agreement=float(np.mean(agreements)) if agreements else None,
        doubt=doubt(before, found, refinement.confidence),
        kept=tuple(classes.names[one.class_id] for one in kept),
        lost=0,
        seconds=refinement.seconds,
        regions=tuple(sorted(regions, key=lambda region: -region.changed)[:MOST_REGIONS]),
    )
    return Refined(after, record)


@dataclass(frozen=True)
class _Asked:
    """A region that SAM was asked about, and how much its mask is like it; no mask is kept of it."""

    class_id: int
    numbers: Tensor
    number: int
    box: tuple[int, int, int, int]
    agreement: float

    def record(self, names: tuple[str, ...], changed: np.ndarray, confidence: np.ndarray) -> RegionRecord:
        x, y, right, bottom = self.box
        window = (slice(y, bottom + 1), slice(x, right + 1))
        own = (self.numbers[window] == self.number).cpu().numpy()
        return RegionRecord(
            label=names[self.class_id],
            x=x,
            y=y,
            width=right - x + 1,
            height=bottom - y + 1,
            area=int(own.sum()),
            changed=int((changed[window] & own).sum()),
            agreement=self.agreement,
            confidence=float(confidence[window][own].mean()),
        )


def _taking_down(asked: list[_Asked]) -> Callable[[Decision], None]:
    def take_down(decision: Decision) -> None:
        region, kept = decision.region, decision.kept
        own, mask = region.mask, kept.masks[0]
        common = (own[kept.top : kept.top + mask.shape[0], kept.left : kept.left + mask.shape[1]] & mask).sum()
        union = region.area + mask.sum() - common
        x, y, right, bottom = (int(edge) for edge in region.box.tolist())
        asked.append(
            _Asked(region.class_id, region.numbers, region.number, (x, y, right, bottom), float(common / union))
        )

    return take_down
