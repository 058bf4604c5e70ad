"""SAM's candidates for a region, as a selector sees them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.regions import Region
from lit_samseg.runtime.pixels import count_set, has_label
from lit_samseg.runtime.transfer import upload
from lit_samseg.sam.thresholding import MaskWindow


def intersection_over_union(masks: Tensor, reference: Tensor, outside: int | Tensor = 0) -> Tensor:
    """IoU of masks with one reference, from exact pixel counts.

    Args:
        masks: bool ``[M, H, W]``; or of a window, outside of which nothing is set in them.
        reference: bool ``[H, W]``, or its part in that window.
        outside: Pixels of the reference outside the window.

    Returns:
        float64 ``[M]``; 0 where both are empty. Equal fractions give equal numbers, so ties are exact.
    """
    intersection = count_set(masks & reference)
    union = count_set(masks | reference) + outside
    return intersection.double() / union.clamp(min=1).double()


@dataclass(frozen=True)
class RegionCandidates:
    """What SAM answered for a region.

    Attributes:
        region: What was prompted for.
        window: The candidates where one of them can be set, bool ``[M, h, w]``.
        logits: As SAM gave them, float32 ``[M, mask_size, mask_size]``.
        scores: The IoU that SAM predicts for each, float32 ``[M]``.
        context: The image.
    """

    region: Region
    window: MaskWindow
    logits: Tensor
    scores: Tensor
    context: ImageContext

    @cached_property
    def likeness(self) -> Tensor:
        """IoU of each candidate with the region, float64 ``[M]``."""
        area = has_label(self.region.numbers[self.window.area], self.region.number)
        return intersection_over_union(self.window.masks, area, self.region.area - count_set(area))

    @cached_property
    def truth(self) -> Tensor:
        """IoU of each candidate with the class's ground truth, void left out, float64 ``[M]``.

        Raises:
            ValueError: There is no ground truth.
        """
        target = self.context.target
        if target is None:
            raise ValueError("selection 'oracle' needs the ground truth")
        whole, seen = target == self.region.class_id, target[self.window.area] != self.context.ignore_index
        truth = whole[self.window.area]
        return intersection_over_union(self.window.masks & seen, truth, whole.sum() - truth.sum())


def compare_together(candidates: Iterable[RegionCandidates]) -> None:
    """Compare candidates of several regions with them in a few operations, as a GPU wants it.

    Args:
        candidates: In whole images; what they know afterwards is the `RegionCandidates.likeness` that they would find.

    Memory: three times that of the candidates' masks.
    """
    alike: dict[tuple[int, int], list[RegionCandidates]] = defaultdict(list)
    for one in candidates:
        alike[id(one.region.numbers), len(one.window.masks)].append(one)
    for own in alike.values():
        for one, likeness in zip(own, _likenesses(own), strict=True):
            # As the cached property keeps it.
            vars(one)["likeness"] = likeness


def _likenesses(candidates: Sequence[RegionCandidates]) -> Tensor:
    """Return the IoU of each candidate with its region, float64 ``[n, M]``."""
    masks = torch.stack([one.window.masks for one in candidates])
    regions = [one.region for one in candidates]
    number, area = upload(
        [torch.tensor([r.number for r in regions]), torch.tensor([r.area for r in regions], dtype=torch.float64)],
        masks.device,
    )
    places = regions[0].numbers == number[:, None, None]
    # Whole numbers, exact in float64.
    intersection = (masks & places[:, None]).sum((-2, -1), dtype=torch.float64)
    union = masks.sum((-2, -1), dtype=torch.float64) + area[:, None] - intersection
    return intersection / union.clamp(min=1)


def first_maximum(values: Tensor) -> Tensor:
    """Return the index of the first largest value; ``argmax`` does not promise which of equal ones it returns.

    With a NaN among them there is none; the last index is still one that can be looked up, until it is noticed.

    Args:
        values: ``[..., M]``.

    Returns:
        int64 ``[...]`` on the values' device (nothing waits for it).
    """
    count = values.shape[-1]
    positions = torch.arange(count, device=values.device)
    return torch.where(values == values.amax(-1, keepdim=True), positions, count - 1).amin(-1)
