"""One picture of a folder: its masks refined, and what a person should know of that."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from lit_samseg.formats.interface import Classes, Ids, LabelMap
from lit_samseg.refine_folder.answer import ask
from lit_samseg.refined.doubt import doubt, keep_lost, lost_classes
from lit_samseg.refiner import Refiner
from lit_samseg.review.records import PictureRecord
from lit_samseg.tiling import Tiling
from lit_samseg.void import VOID

MOST_REGIONS = 200
"""Of a picture, in its record; those that changed most."""


@dataclass(frozen=True)
class Ways:
    """How pictures are refined.

    Attributes:
        careful: Classes that would lose most of their pixels keep them (`lit_samseg.refined.doubt`).
        tiling: How large pictures are cut.
    """

    careful: bool = False
    tiling: Tiling = field(default_factory=Tiling)


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
    ways: Ways | None = None,
) -> Refined:
    """Refine the masks of a picture.

    Args:
        refiner: One whose void is the number of classes, which is none of them.
        key: The picture's name.
        image: uint8 ``[3, H, W]``.
        masks: Its masks.
        classes: What they mean.
        scores: Class scores, float ``[C, h, w]``, where there are any.
        ways: How it is done; None for the defaults.

    Raises:
        InputError: The scores do not fit.
    """
    ways, void = ways or Ways(), len(classes)
    known = masks.labels != VOID
    labels = torch.from_numpy(np.where(known, masks.labels, void).astype(np.int64))
    answer = ask(refiner, image, labels, scores, void, ways.tiling)
    refined = answer.label_map.numpy()
    # What nobody labelled stays so, and what was labelled has a class.
    after = np.where(known, np.where(refined == void, masks.labels, refined), VOID).astype(np.int32)
    before, found = torch.from_numpy(masks.labels), torch.from_numpy(after)
    kept = lost_classes(before, found, answer.confidence, classes.background) if ways.careful else []
    if kept:
        found = keep_lost(before, found, kept)
        after = found.numpy()
    changed = after != masks.labels
    regions = [one.record(classes.names, changed, answer.confidence) for one in answer.regions]
    present = sorted({*np.unique(masks.labels).tolist(), *np.unique(after).tolist()} - {VOID, classes.background})
    agreements = [region.agreement for region in regions if region.agreement is not None]
    record = PictureRecord(
        key=key,
        width=image.shape[2],
        height=image.shape[1],
        classes=tuple(classes.names[n] for n in present),
        changed=float(changed.mean()),
        confidence=float(answer.confidence.mean()),
        agreement=float(np.mean(agreements)) if agreements else None,
        doubt=doubt(before, found, answer.confidence),
        kept=tuple(classes.names[one.class_id] for one in kept),
        lost=0,
        seconds=answer.seconds,
        regions=tuple(sorted(regions, key=lambda region: -region.changed)[:MOST_REGIONS]),
    )
    return Refined(after, record)
