"""One variant on one image, and the same with one thing at a time made perfect by the ground truth."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from lit_samseg.refine import (
    Canvas,
    Decision,
    ImageContext,
    Variant,
    first_maximum,
    intersection_over_union,
    refine_by_all,
    unite,
)
from lit_samseg.sam import MaskWindow

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

_MERGED = ("refined", "score", "oracle", "gate")
"""Those that take another mask of a region and are merged as the variant is."""


class Ladder:
    """Follows one variant's refinement of one image, region by region.

    Args:
        label_map: The baseline's, integer ``[H, W]``.
        target: Ground truth, integer ``[H, W]``.
        variant: The variant.
        background: Class that is never prompted, or None.
        ignore_index: Void label of ``target``; void pixels decide nothing.

    Attributes:
        numbers: Each region's number, in the order they came: prompts that regions share are answered together.
        before: Each region's IoU with its class's ground truth, float64 scalars.
        after: The kept masks' IoU with it.
        best: The best candidate's IoU with it.
        truths: Each candidate's IoU with it, float64 ``[M]``.
        ious: Each candidate's IoU with the region, float64 ``[M]``.
        decisions: Each region's kept candidate and scores.

    Memory: four canvases, three bool ``[H, W]`` and a class's kept masks, whatever the number of classes and regions.
    """

    def __init__(
        self, label_map: Tensor, target: Tensor, variant: Variant, background: int | None, ignore_index: int
    ) -> None:
        self.label_map, self.target, self.variant, self.background = label_map, target, variant, background
        self.valid = target != ignore_index
        self.numbers: list[int] = []
        self.before: list[Tensor] = []
        self.after: list[Tensor] = []
        self.best: list[Tensor] = []
        self.truths: list[Tensor] = []
        self.ious: list[Tensor] = []
        self.chosen: list[Tensor] = []
        self.scores: list[Tensor] = []
        self._canvases = {step: Canvas(label_map, variant.fill, background) for step in _MERGED}
        # Of the class whose regions come now; they come class by class.
        self._class_id = -1
        self._true_area = torch.zeros((), dtype=torch.int64)
        self._kept: dict[str, list[MaskWindow]] = {step: [] for step in _MERGED}
        self._claimed = torch.zeros_like(self.valid)
        self._right = torch.zeros_like(self.valid)

    def observe(self, decision: Decision) -> None:
        """Take down one region."""
        region, scores, class_id = decision.region, decision.scores, decision.region.class_id
        if class_id != self._class_id:
            self._paint()
            self._class_id = class_id
            self._true_area = ((self.target == class_id) & self.valid).sum()
        # Everything in the smallest rectangle that holds region and candidates.
        left, top, right, bottom = (int(corner) for corner in region.box)
        window = decision.window.widened(top, left, bottom + 1, right + 1)
        masks, here = window.masks, window.area
        area, valid, of_class = region.numbers[here] == region.number, self.valid[here], self.target[here] == class_id
        truth = of_class & valid
        elsewhere = self._true_area - truth.sum()
        truths = intersection_over_union(masks & valid, truth, elsewhere)
        before = intersection_over_union((area & valid)[None], truth, elsewhere)[0]
        kept, after = _pick(masks, decision.chosen), _pick(truths, decision.chosen)
        oracle = first_maximum(truths)
        steps = {
            "refined": kept,
            "score": _pick(masks, first_maximum(scores)),
            "oracle": _pick(masks, oracle),
            "gate": torch.where(after > before, kept, area),
        }
        for step, mask in steps.items():
            self._kept[step].append(MaskWindow(window.top, window.left, mask[None]))
        self._claimed[here] |= kept
        self._right[here] |= kept & of_class
        self.numbers.append(region.number)
        self.before.append(before)
        self.after.append(after)
        self.best.append(_pick(truths, oracle))
        self.truths.append(truths)
        self.ious.append(intersection_over_union(masks, area))
        self.chosen.append(decision.chosen)
        self.scores.append(scores)

    def maps(self) -> dict[str, Tensor]:
        """Return the label map ``[H, W]`` of every step but ``prompts``, after the last region."""
        self._paint()
        maps = {step: canvas.finish() for step, canvas in self._canvases.items()}
        maps["merging"] = self._merge_perfectly(maps["refined"])
        return maps

    def _paint(self) -> None:
        if not self._kept["refined"]:
            return
        area = (self.label_map == self._class_id).sum()
        for step, windows in self._kept.items():
            self._canvases[step].paint(self._class_id, unite(windows), area)
            windows.clear()

    def _merge_perfectly(self, merged: Tensor) -> Tensor:
        if not self.before:
            return merged
        left = self.target == self.label_map
        if self.background is not None:
            left = left | (self.target == self.background)
        return torch.where((self._right | (~self._claimed & left)) & self.valid, self.target, merged)


def refine_with_true_prompts(
    context: ImageContext, true_context: ImageContext, variants: Sequence[Variant]
) -> dict[str, Tensor]:
    """Refine as each variant says, with regions of the ground truth.

    Args:
        context: The image with the baseline's label map: what unclaimed pixels get under the fill ``baseline``.
        true_context: The image with the ground truth without void (`without_void`) as its label map.
        variants: The variants; the selection ``oracle`` compares with the true region, as ``iou`` does.

    Returns:
        int64 ``[H, W]`` by name.
    """
    true_map = true_context.label_map
    claimed = {variant.name: torch.zeros_like(true_map, dtype=torch.bool) for variant in variants}

    def note(name: str, decision: Decision) -> None:
        kept = decision.kept
        claimed[name][kept.area].logical_or_(kept.masks[0])

    notes = {variant.name: partial(note, variant.name) for variant in variants}
    merged = refine_by_all(true_context, variants, notes)
    # The ground truth prompts; it does not fill.
    return {
        v.name: merged[v.name]
        if v.fill == "background"
        else torch.where(claimed[v.name], merged[v.name], context.label_map)
        for v in variants
    }


def without_void(target: Tensor, background: int | None, ignore_index: int) -> tuple[Tensor, int]:
    """Return the ground truth int64 ``[H, W]`` with void as a class that is never prompted, and that class."""
    unprompted = ignore_index if background is None else background
    return torch.where(target == ignore_index, unprompted, target.long()), unprompted


def _pick(values: Tensor, index: Tensor) -> Tensor:
    """Take ``values[index]`` without waiting for the device."""
    return values.index_select(0, index[None])[0]
