"""One variant on one image, and the same with one thing at a time made perfect by the ground truth."""

import torch
from torch import Tensor

from lit_samseg.refine import Canvas, Decision, Region, Variant, refine, select
from lit_samseg.refine.selection import intersection_over_union
from lit_samseg.sam import Embedding, PromptableSegmenter

LADDER = ("refined", "score", "oracle", "prompts", "merging", "gate")
"""The steps, each with one change against `refined`:

- ``refined``: the variant as it is.
- ``score``: the candidate with SAM's highest score is kept.
- ``oracle``: of the same candidates, the one with the highest IoU with the class's ground truth is kept.
- ``prompts``: regions are taken from the ground truth instead of the baseline.
- ``merging``: where kept masks contest a pixel and one of them is right, that one wins; what no mask claims gets the
  better of background and the baseline's label.
- ``gate``: a kept mask gives way to its region where that has the higher IoU with the class's ground truth.
"""


class Ladder:
    """Follows one variant's refinement of one image, region by region.

    Args:
        label_map: The baseline's, int64 ``[H, W]``.
        target: Ground truth, integer ``[H, W]``.
        variant: The variant.
        background: Class that is never prompted, or None.
        ignore_index: Void label of ``target``; void pixels decide nothing.

    Attributes:
        before: Each region's IoU with its class's ground truth, float64 scalars.
        after: The kept masks' IoU with it.
        best: The best candidate's IoU with it.
        truths: Each candidate's IoU with it, float64 ``[M]``.
        ious: Each candidate's IoU with the region, float64 ``[M]``.
        decisions: Each region's kept candidate and scores.

    Memory: four canvases and six bool ``[H, W]``, whatever the number of classes and regions.
    """

    def __init__(
        self, label_map: Tensor, target: Tensor, variant: Variant, background: int | None, ignore_index: int
    ) -> None:
        self.label_map, self.target, self.variant, self.background = label_map, target, variant, background
        self.valid = target != ignore_index
        self.before: list[Tensor] = []
        self.after: list[Tensor] = []
        self.best: list[Tensor] = []
        self.truths: list[Tensor] = []
        self.ious: list[Tensor] = []
        self.chosen: list[Tensor] = []
        self.scores: list[Tensor] = []
        steps = ("refined", "score", "oracle", "gate")
        self._canvases = {step: Canvas(label_map, variant.fill, background) for step in steps}
        # Of the class whose regions come now; they come class by class.
        self._class_id = -1
        self._united: dict[str, Tensor] = {}
        self._claimed = torch.zeros_like(self.valid)
        self._right = torch.zeros_like(self.valid)

    def observe(self, decision: Decision) -> None:
        """Take down one region."""
        area, masks, class_id = decision.region.mask, decision.candidates, decision.region.class_id
        truth = (self.target == class_id) & self.valid
        truths = intersection_over_union(masks & self.valid, truth)
        before = intersection_over_union((area & self.valid)[None], truth)[0]
        kept = _pick(masks, decision.chosen)
        after = _pick(truths, decision.chosen)
        oracle = select(masks & self.valid, decision.scores, "oracle", area, truth)
        by_score = select(masks, decision.scores, "score", area)
        chosen = {
            "refined": kept,
            "score": _pick(masks, by_score),
            "oracle": _pick(masks, oracle),
            "gate": torch.where(after > before, kept, area),
        }
        if class_id != self._class_id:
            self._paint()
            self._class_id = class_id
        for step, mask in chosen.items():
            earlier = self._united.get(step)
            self._united[step] = mask if earlier is None else earlier | mask
        self._claimed |= kept
        self._right |= kept & (self.target == class_id)
        self.before.append(before)
        self.after.append(after)
        self.best.append(_pick(truths, oracle))
        self.truths.append(truths)
        self.ious.append(intersection_over_union(masks, area))
        self.chosen.append(decision.chosen)
        self.scores.append(decision.scores)

    def maps(self) -> dict[str, Tensor]:
        """Return the label map int64 ``[H, W]`` of every step but ``prompts``, after the last region."""
        self._paint()
        maps = {step: canvas.finish() for step, canvas in self._canvases.items()}
        maps["merging"] = self._merge_perfectly(maps["refined"])
        return maps

    def _paint(self) -> None:
        for step, mask in self._united.items():
            self._canvases[step].paint(self._class_id, mask)
        self._united = {}

    def _merge_perfectly(self, merged: Tensor) -> Tensor:
        if not self.before:
            return merged
        left = self.target == self.label_map
        if self.background is not None:
            left = left | (self.target == self.background)
        return torch.where((self._right | (~self._claimed & left)) & self.valid, self.target, merged)


def refine_with_true_prompts(
    label_map: Tensor,
    true_map: Tensor,
    true_regions: list[Region],
    embedding: Embedding,
    sam: PromptableSegmenter,
    variant: Variant,
    background: int | None,
) -> Tensor:
    """Refine as a variant says, with regions of the ground truth.

    Args:
        label_map: The baseline's, int64 ``[H, W]``: what unclaimed pixels get under the fill ``baseline``.
        true_map: The ground truth without void (`without_void`).
        true_regions: Its regions of the variant's kind.
        embedding: The image.
        sam: The promptable segmenter.
        variant: The variant; its selection ``oracle`` compares with the true region, as ``iou`` does.
        background: Class that is never prompted, or None.

    Returns:
        int64 ``[H, W]``.
    """
    claimed = torch.zeros_like(true_map, dtype=torch.bool)

    def note(decision: Decision) -> None:
        claimed.logical_or_(_pick(decision.candidates, decision.chosen))

    merged = refine(true_map, true_regions, embedding, sam, variant, background, true_map, observe=note)
    # The ground truth prompts; it does not fill.
    return merged if variant.fill == "background" else torch.where(claimed, merged, label_map)


def without_void(target: Tensor, background: int | None, ignore_index: int) -> tuple[Tensor, int]:
    """Return the ground truth int64 ``[H, W]`` with void as a class that is never prompted, and that class."""
    unprompted = ignore_index if background is None else background
    return torch.where(target == ignore_index, unprompted, target.long()), unprompted


def _pick(values: Tensor, index: Tensor) -> Tensor:
    """Take ``values[index]`` without waiting for the device."""
    return values.index_select(0, index[None])[0]
