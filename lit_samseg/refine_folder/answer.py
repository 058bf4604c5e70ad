"""What a `Refiner` says of one picture, at once or, of a large one, tile by tile."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.refine import Decision
from lit_samseg.refiner import Refiner
from lit_samseg.review.records import RegionRecord
from lit_samseg.tiling import Tiling, refine_array


@dataclass(frozen=True)
class AskedRegion:
    """A region that SAM was asked about, and how much its mask is like it; no mask is kept of it."""

    class_id: int
    numbers: Tensor
    number: int
    box: tuple[int, int, int, int]
    agreement: float

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
        regions: Those that SAM was asked about; none where the picture was cut into tiles.
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
    return Answer(torch.from_numpy(refined), torch.from_numpy(confidence), [], seconds)


def _taking_down(asked: list[AskedRegion]) -> Callable[[Decision], None]:
    def take_down(decision: Decision) -> None:
        region, kept = decision.region, decision.kept
        own, mask = region.mask, kept.masks[0]
        common = (own[kept.top : kept.top + mask.shape[0], kept.left : kept.left + mask.shape[1]] & mask).sum()
        union = region.area + mask.sum() - common
        x, y, right, bottom = (int(edge) for edge in region.box.tolist())
        asked.append(
            AskedRegion(region.class_id, region.numbers, region.number, (x, y, right, bottom), float(common / union))
        )

    return take_down
