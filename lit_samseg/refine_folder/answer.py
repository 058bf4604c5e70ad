"""What a `Refiner` says of one picture, at once or, of a large one, tile by tile."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.refine import Decision, Region, find_regions
from lit_samseg.refine.region_finders import Component
from lit_samseg.refiner import Refiner
from lit_samseg.review.records import RegionRecord
from lit_samseg.tiling import Tiling, refine_array
from lit_samseg.void import VOID


@dataclass(frozen=True)
class AskedRegion:
    """A region, and how much SAM's mask of it is like it; no mask is kept of it.

    Attributes:
        class_id: Its class.
        numbers: In which pixels lie, integer ``[H, W]``, shared by all regions.
        number: The region's.
        box: First and last column and row, x, y, right, bottom.
        agreement: IoU; None where it was asked about in pieces, or not at all.
    """

    class_id: int
    numbers: Tensor
    number: int
    box: tuple[int, int, int, int]
    agreement: float | None = None

    def record(self, names: tuple[str, ...], changed: NDArray[np.bool_], confidence: Tensor) -> RegionRecord:
        """Say what became of the region.

        Args:
            names: Of classes.
            changed: Which pixels have another class now, bool ``[H, W]``.
            confidence: Of each pixel, float ``[H, W]``.
        """
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
            confidence=float(confidence[window][torch.from_numpy(own)].mean()),
        )


@dataclass(frozen=True)
class Answer:
    """What came of a picture.

    Attributes:
        label_map: Refined class ids, int64 ``[H, W]``, void as it was given.
        confidence: How sure they are, float32 ``[H, W]`` in 0..1.
        regions: Those that SAM was asked about; where the picture was cut into tiles, its connected components.
        seconds: What it took.
    """

    label_map: Tensor
    confidence: Tensor
    regions: list[AskedRegion]
    seconds: float


def ask(refiner: Refiner, image: Tensor, labels: Tensor, scores: Tensor | None, void: int, tiling: Tiling) -> Answer:
    """Refine a label map.

    Args:
        refiner: What refines.
        image: uint8 ``[3, H, W]``.
        labels: Class ids, int64 ``[H, W]``.
        scores: Class scores, float ``[C, h, w]``, where there are any.
        void: What ``labels`` has for void.
        tiling: How large pictures are cut.
    """
    height, width = labels.shape
    if len(tiling.plan(height, width, refiner.tiles.square)) == 1:
        regions: list[AskedRegion] = []
        one = refiner.refine(image, labels, details=_taking_down(regions), scores=scores)
        return Answer(one.label_map, one.confidence, regions, one.seconds)
    began = time.perf_counter()
    refined, confidence = np.empty((height, width), np.int64), np.empty((height, width), np.float32)
    pixels = image.permute(1, 2, 0).numpy()
    refine_array(refiner.tiles, pixels, labels.numpy(), refined, tiling, void, confidence=confidence, scores=scores)
    seconds = time.perf_counter() - began
    components = find_regions(labels.where(labels != void, VOID), Component(), refiner.background)
    whole = [AskedRegion(one.class_id, one.numbers, one.number, _corners(one)) for one in components]
    return Answer(torch.from_numpy(refined), torch.from_numpy(confidence), whole, seconds)


def _taking_down(asked: list[AskedRegion]) -> Callable[[Decision], None]:
    def take_down(decision: Decision) -> None:
        region, kept = decision.region, decision.kept
        own, mask = region.mask, kept.masks[0]
        common = (own[kept.top : kept.top + mask.shape[0], kept.left : kept.left + mask.shape[1]] & mask).sum()
        union = region.area + mask.sum() - common
        agreement = float(common / union)
        asked.append(AskedRegion(region.class_id, region.numbers, region.number, _corners(region), agreement))

    return take_down


def _corners(region: Region) -> tuple[int, int, int, int]:
    x, y, right, bottom = (int(edge) for edge in region.box.tolist())
    return x, y, right, bottom
