"""One variant on one image, and the same with one thing at a time made perfect by the ground truth."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.analysis.image_truth import ImageTruth
from lit_samseg.analysis.region_facts import FACTS
from lit_samseg.analysis.step_maps import StepMaps
from lit_samseg.refine import Decision, Variant, first_maximum
from lit_samseg.runtime.pixels import count_set, has_label

LADDER = ("refined", "score", "oracle", "true boxes", "true prompts", "merging", "gate")
"""The steps, each with one change against `refined`:

- ``refined``: the variant as it is.
- ``score``: the candidate with SAM's highest score is kept.
- ``oracle``: of the same candidates, the one with the highest IoU with the class's ground truth is kept.
- ``true boxes``: regions are the ground truth's, and SAM is asked about each by its box alone.
- ``true prompts``: regions are the ground truth's, and SAM is asked about them as the row asks. A mask prompt then has
  the true outline already: this step says what SAM makes of outlines that it is given, not what it finds by itself.
- ``merging``: where kept masks contest a pixel and one of them is right, that one wins; what no mask claims gets the
  better of background and the baseline's label.
- ``gate``: a kept mask gives way to its region where that has the higher IoU with the class's ground truth.
"""

CANDIDATES = 3

ANSWERED = (
    "after", "best", "chosen",
    *(f"{what}_{i}" for what in ("score", "iou", "truth") for i in range(CANDIDATES)),
)  # fmt: skip
"""``after``, ``best``: IoU with the class's ground truth of the mask kept, of the best candidate; ``score_i``,
``iou_i``, ``truth_i``: of candidate i the IoU that SAM predicts, that with the region and that with the ground truth
(nan where there is no such candidate)."""

LOOKED_BYTES = 2**22
"""So much is taken for candidates of regions that are looked at together. They are where they are of a class and their
candidates of one window, as on a GPU."""

Area = tuple[slice, slice]

_TAKEN = ("refined", "score", "oracle", "gate")
"""Steps that take another mask of a region; all but the first, which is known, are painted here."""


class Ladder:
    """Follows one variant's refinement of one image.

    Args:
        image: The image's ground truth.
        variant: The variant.
        facts: What is known of its regions, float64 ``[K, len(FACTS)]`` on the image's device.
        background: Class that is never prompted, or None.

    Memory: three maps of `StepMaps`, six bool ``[H, W]``, and a few times `LOOKED_BYTES`, or a region's candidates.
    """

    def __init__(self, image: ImageTruth, variant: Variant, facts: Tensor, background: int | None) -> None:
        self._image, self._facts = image, facts
        self._maps = StepMaps(image.label_map, variant.fill, background, len(_TAKEN) - 1)
        self._lines: list[Tensor] = []
        self._waiting: list[Decision] = []
        # Of all classes: what any kept mask claims, and where one of them is right.
        self._claimed, self._right = torch.zeros_like(image.seen), torch.zeros_like(image.seen)
        # Of the class whose regions come now, since they come class by class: what each step takes, and where.
        self._taken = image.seen.new_zeros(len(_TAKEN), *image.seen.shape)
        self._areas: list[Area] = []

    def observe(self, decision: Decision) -> None:
        """Take down one region."""
        if self._waiting:
            before = self._waiting[0]
            is_full = (len(self._waiting) + 1) * before.window.masks.numel() > LOOKED_BYTES
            if is_full or _kind(before) != _kind(decision):
                self._look()
            if before.region.class_id != decision.region.class_id:
                self._paint(before.region.class_id)
        self._waiting.append(decision)

    def finish(self, refined: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Tell what became of the image, after the last region.

        Args:
            refined: The variant's own label map, integer ``[H, W]``.

        Returns:
            The label map ``[H, W]`` of every step but the ``true`` ones, and the regions in the order in which they
            came, float64 ``[K, len(FACTS) + len(ANSWERED)]``.
        """
        if not self._waiting:
            lines = self._facts.new_zeros(0, len(FACTS) + len(ANSWERED))
            return dict.fromkeys((*_TAKEN, "merging"), refined), lines
        class_id = self._waiting[0].region.class_id
        self._look()
        self._paint(class_id)
        maps = dict(zip(_TAKEN, (refined, *self._maps.finish()), strict=True))
        right = self._right | (~self._claimed & self._image.right)
        maps["merging"] = torch.where(right, self._image.target, refined)
        return maps, torch.cat(self._lines)

    def _look(self) -> None:
        """Look at the regions that wait: ``R`` of them, with ``M`` candidates each of the same window."""
        waiting, here = self._waiting, self._waiting[0].window.area
        self._waiting = []
        regions = [decision.region for decision in waiting]
        truth = self._image.of(regions[0].class_id)
        masks = torch.stack([decision.window.masks for decision in waiting])
        areas = torch.stack([has_label(region.numbers[here], region.number) for region in regions])
        facts = torch.stack([self._facts[region.number - 1] for region in regions])
        scores = torch.stack([decision.scores for decision in waiting])
        chosen = torch.stack([decision.chosen for decision in waiting])
        ious = _ious(masks, masks, areas[:, None], facts[:, FACTS.index("area"), None])
        truths = _ious(masks, masks & self._image.seen[here], truth.truth[here], truth.true_area)
        oracle = first_maximum(truths)
        after, best = truths.gather(1, torch.stack([chosen, oracle], 1)).unbind(1)
        keeps = after > facts[:, FACTS.index("before")]
        answered = (torch.stack([after, best, chosen.double()], 1), *map(_filled, (scores, ious, truths)))
        self._lines.append(torch.cat([facts, *answered], 1))
        picked = _picked(masks, torch.stack([chosen, first_maximum(scores), oracle]))
        self._taken[:-1, *here] |= _any(picked, 1)
        self._taken[-1, *here] |= _any(torch.where(keeps[:, None, None], picked[0], areas), 0)
        self._areas.append(here)
        for region, kept in zip(regions, keeps, strict=True):
            if _hull([here, region.in_box]) != here:
                self._taken[-1, *region.in_box] |= has_label(region.numbers[region.in_box], region.number) & ~kept
                self._areas.append(region.in_box)

    def _paint(self, class_id: int) -> None:
        """Paint a class, of which no more regions come."""
        truth, area = self._image.of(class_id), _hull(self._areas)
        taken = self._taken[:, *area]
        self._maps.paint(truth, area, taken[1:])
        self._claimed[area] |= taken[0]
        self._right[area] |= taken[0] & truth.truth[area]
        taken.zero_()
        self._areas = []


def _kind(decision: Decision) -> tuple[object, ...]:
    window = decision.window
    return decision.region.class_id, window.top, window.left, window.masks.shape


def _ious(masks: Tensor, counted: Tensor, reference: Tensor, area: Tensor) -> Tensor:
    """Return the IoU ``[R, M]`` of masks with a reference of some area, float64: equal fractions are equal numbers.

    Args:
        masks: bool ``[R, M, h, w]``.
        counted: Their pixels that count, likewise.
        reference: What of the reference is in their window, bool, of a shape that fits; it has only what counts.
        area: Its pixels, those outside the window too.
    """
    shared = count_set(masks & reference)
    union = count_set(counted) + area - shared
    return shared.double() / union.clamp(min=1).double()


def _picked(masks: Tensor, picks: Tensor) -> Tensor:
    """Return of masks ``[R, M, h, w]`` those that picks ``[S, R]`` say, ``[S, R, h, w]``."""
    first = torch.arange(0, masks.shape[0] * masks.shape[1], masks.shape[1], device=picks.device)
    return masks.flatten(0, 1).index_select(0, (picks + first).flatten()).view(*picks.shape, *masks.shape[2:])


def _any(masks: Tensor, axis: int) -> Tensor:
    """Return the union of masks; on a CPU many times faster than ``any``."""
    return masks.view(torch.uint8).amax(axis).view(torch.bool)


def _filled(values: Tensor) -> Tensor:
    """Return numbers ``[R, M]`` as float64 ``[R, CANDIDATES]``, nan where there is no such candidate."""
    return F.pad(values.double(), (0, CANDIDATES - values.shape[1]), value=float("nan"))


def _hull(areas: Sequence[Area]) -> Area:
    """Return the smallest rectangle that holds all."""
    rows, columns = (slice(min(a[axis].start for a in areas), max(a[axis].stop for a in areas)) for axis in (0, 1))
    return rows, columns
