"""From what is asked of SAM to the mask that is kept, region by region."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from lit_samseg.refine.grid import Grid
from lit_samseg.refine.prompt_requests import Question
from lit_samseg.refine.prompts import build_prompt
from lit_samseg.refine.regions import Region, find_regions
from lit_samseg.refine.selection import intersection_over_union, select
from lit_samseg.refine.variant import Variant
from lit_samseg.sam.interface import Candidates, Embedding, Prompt, PromptableSegmenter
from lit_samseg.sam.thresholding import MaskWindow


@dataclass(frozen=True)
class Decision:
    """What became of one region.

    Attributes:
        region: What was prompted for.
        prompt: The prompt made of it.
        window: SAM's candidates where one of them can be set.
        logits: The candidates as SAM gave them, float32 ``[M, mask_size, mask_size]``.
        scores: The IoU that SAM predicts for each, float32 ``[M]``.
        chosen: Index of the candidate that was kept, int64 scalar.
        first_prompt: Where SAM was asked in several rounds, the prompt of the first; ``prompt`` is that of the last.
    """

    region: Region
    prompt: Prompt
    window: MaskWindow
    logits: Tensor
    scores: Tensor
    chosen: Tensor
    first_prompt: Prompt | None = None

    @cached_property
    def candidates(self) -> Tensor:
        """SAM's masks in the whole image, bool ``[M, H, W]``."""
        return self.window.whole(*self.region.numbers.shape)

    @property
    def kept(self) -> MaskWindow:
        """The candidate that was kept, bool ``[1, h, w]``."""
        return MaskWindow(self.window.top, self.window.left, self.window.masks.index_select(0, self.chosen[None]))

    def kept_if(self, least: float) -> MaskWindow:
        """Return `kept`, or the region itself if their IoU is less than that."""
        window, area = self._window_and_region()
        return _either(intersection_over_union(window.masks, area[0]) >= least, window, area)

    def kept_where(self, keeps: Tensor) -> MaskWindow:
        """Return `kept`, or the region itself where ``keeps`` (bool scalar on the masks' device) is not set."""
        return _either(keeps[None], *self._window_and_region())

    def _window_and_region(self) -> tuple[MaskWindow, Tensor]:
        """Return `kept` in a window that holds the region too, and the region there, bool ``[1, h, w]``."""
        left, top, right, bottom = (int(corner) for corner in self.region.box)
        window = self.kept.widened(top, left, bottom + 1, right + 1)
        return window, (self.region.numbers[window.area] == self.region.number)[None]


class Decider:
    """Asks SAM about an image's regions, and keeps one candidate of each.

    Args:
        embedding: The image.
        sam: The promptable segmenter.
        target: Ground truth ``[H, W]``, only for the selection ``oracle``.
        ignore_index: Void label in ``target``.
        grid: The image and what the baseline thinks of it, for the part ``margin``.

    Attributes:
        finite: Whether all that SAM answered are numbers, bool ``[4]`` a decoder call.
    """

    def __init__(
        self,
        embedding: Embedding,
        sam: PromptableSegmenter,
        target: Tensor | None = None,
        ignore_index: int = 255,
        grid: Grid | None = None,
    ) -> None:
        self._embedding, self._sam, self._grid = embedding, sam, grid
        self._target, self._ignore_index = target, ignore_index
        self.finite: list[Tensor] = []

    def decide(self, questions: Sequence[Question]) -> Iterator[tuple[Variant, Decision]]:
        """Decode a few questions together and choose for all who ask; what is held of them goes with the iterator."""
        prompts = [self._prompt(question.region, question.recipe) for question in questions]
        # Three candidates and the single mask are other tokens of the decoder.
        answers: dict[int, tuple[Candidates, int]] = {}
        for multimask in (True, False):
            places = [n for n, question in enumerate(questions) if question.multimask == multimask]
            if places:
                candidates = self._decode([prompts[n] for n in places], multimask)
                answers |= {n: (candidates, index) for index, n in enumerate(places)}
        for n, question in enumerate(questions):
            decided: dict[object, Decision] = {}
            for variant, region in question.askers:
                key = variant.selection, variant.rounds, region.pixels
                if key not in decided:
                    first = self._decision(region, prompts[n], *answers[n], variant.selection)
                    decided[key] = self._prompt_anew(first, variant)
                yield variant, replace(decided[key], region=region)

    def _prompt_anew(self, decision: Decision, variant: Variant) -> Decision:
        """Make prompts of the mask that was kept, as often as the variant says (SAMRefiner; Lin et al., ICLR 2025).

        What is chosen by likeness is compared with the first region. Finding points, a GPU is waited for.
        """
        region, first = decision.region, decision.prompt
        for _ in range(1, variant.rounds):
            kept = decision.kept.whole(*region.numbers.shape)[0]
            of_mask = find_regions(kept.to(torch.int16), "class", background=0)
            if not of_mask:  # an empty mask, of which no prompt can be made
                break
            prompt = self._prompt(replace(of_mask[0], class_id=region.class_id), variant.recipe)
            candidates = self._decode([prompt], variant.multimask)
            decision = self._decision(region, prompt, candidates, 0, variant.selection)
        return replace(decision, first_prompt=first) if variant.rounds > 1 else decision

    def _prompt(self, region: Region, recipe: Sequence[str]) -> Prompt:
        return build_prompt(region, recipe, grid=self._grid, embedding=self._embedding)

    def _decode(self, prompts: Sequence[Prompt], multimask: bool) -> Candidates:
        candidates = self._sam.decode(self._embedding, prompts, multimask)
        self.finite.append(_extremes(candidates).isfinite())
        return candidates

    def _decision(self, region: Region, prompt: Prompt, candidates: Candidates, index: int, selection: str) -> Decision:
        window, scores = candidates.window(index), candidates.scores[index]
        chosen = self._choose(selection, window, scores, region)
        return Decision(region, prompt, window, candidates.low_res_logits[index], scores, chosen)

    def _choose(self, selection: str, window: MaskWindow, scores: Tensor, region: Region) -> Tensor:
        area = region.numbers[window.area] == region.number
        if selection == "oracle" and self._target is not None:
            whole, seen = self._target == region.class_id, self._target[window.area] != self._ignore_index
            truth = whole[window.area]
            return select(window.masks & seen, scores, selection, area, truth, whole.sum() - truth.sum())
        return select(window.masks, scores, selection, area, outside=region.area - area.sum())


def _either(keeps: Tensor, window: MaskWindow, area: Tensor) -> MaskWindow:
    """Return the window's mask or, where ``keeps`` (bool ``[1]``) is not set, the area ``[1, h, w]``."""
    return MaskWindow(window.top, window.left, torch.where(keeps[:, None, None], window.masks, area))


def _extremes(candidates: Candidates) -> Tensor:
    """Return the least and largest logit and score, float ``[4]``; NaN where one of them is."""
    return torch.stack([*candidates.low_res_logits.aminmax(), *candidates.scores.aminmax()])
