"""From what is asked of SAM to the mask that is kept, region by region."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lit_samseg.refine.answers import Answers
from lit_samseg.refine.asking import ask
from lit_samseg.refine.candidates import RegionCandidates, compare_together
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.decision import Decision
from lit_samseg.refine.kinds import PromptPart, Selector
from lit_samseg.refine.prompt_requests import PromptRequest
from lit_samseg.refine.prompts import build_prompt
from lit_samseg.refine.region_finders import WholeClass
from lit_samseg.refine.regions import Region, find_regions
from lit_samseg.refine.selection import select
from lit_samseg.refine.variant import Variant
from lit_samseg.sam.interface import Candidates, Prompt
from lit_samseg.sam.thresholding import MaskWindow

CHOSEN_BYTES = 2**23
"""What a GPU may take to compare masks with regions, several at once."""
MOST_CANDIDATES = 3
"""Of a prompt."""

_WHOLE = WholeClass()


class Decider:
    """Asks SAM about an image's regions, and keeps one candidate of each.

    Args:
        context: The image.

    Attributes:
        finite: Whether all that SAM answered are numbers, bool ``[4]`` a decoder call.
    """

    def __init__(self, context: ImageContext) -> None:
        self._context = context
        self.finite: list[Tensor] = []

    def decide(
        self, requests: Sequence[PromptRequest], answers: Answers | None = None
    ) -> Iterator[tuple[Variant, Decision]]:
        """Choose for all who ask; what is held of them goes with the iterator.

        Args:
            requests: A few, which are decoded together.
            answers: What SAM answered to them, if it was asked already.
        """
        if answers is None:
            (answers,) = ask([self._context], [requests])
        self.finite += [_extremes(candidates).isfinite() for candidates in answers.calls]
        for some in self._at_once(range(len(requests))):
            chosen = self._choose([(n, requests[n]) for n in some], answers)
            for n in some:
                decided: dict[object, Decision] = {}
                for variant, region in requests[n].askers:
                    # Parts that ask the same of a region may differ in what they ask of SAM's mask.
                    again = None if variant.again is None else (variant.again, variant.prompt)
                    key = variant.selector, again, region.pixels
                    if key not in decided:
                        first = chosen[n, variant.selector, region.pixels]
                        decided[key] = self._ask_otherwise(self._prompt_anew(first, variant), variant)
                    yield variant, replace(decided[key], region=region)

    def _at_once(self, places: Sequence[int]) -> Iterator[Sequence[int]]:
        """Part what was asked into what is chosen of together: on a CPU one by one, for masks are large."""
        image = self._context.image
        pixels = image.shape[1] * image.shape[2]
        most = 1 if image.device.type == "cpu" else max(1, CHOSEN_BYTES // (3 * MOST_CANDIDATES * pixels))
        return (places[first : first + most] for first in range(0, len(places), most))

    def _choose(self, asked: Sequence[tuple[int, PromptRequest]], answers: Answers) -> dict[object, Decision]:
        """Return the decisions about a few requests, by request, selector and the region's pixels."""
        own: dict[tuple[int, object], RegionCandidates] = {}
        by_selector: dict[Selector, dict[tuple[int, object], None]] = {}
        for n, request in asked:
            candidates, index = answers.found[n]
            window = candidates.window(index)
            for variant, region in request.askers:
                key = n, region.pixels
                if key not in own:
                    own[key] = self._candidates(region, window, candidates, index)
                by_selector.setdefault(variant.selector, {})[key] = None
        if self._context.image.device.type != "cpu":
            compare_together(own.values())
        chosen: dict[object, Decision] = {}
        for selector, keys in by_selector.items():
            indices = select(selector, [own[key] for key in keys])
            for (n, pixels), kept in zip(keys, indices, strict=True):
                chosen[n, selector, pixels] = _decision(own[n, pixels], answers.prompts[n], kept)
        return chosen

    def _prompt_anew(self, decision: Decision, variant: Variant) -> Decision:
        """Make prompts of the mask that was kept, as often as the variant says (SAMRefiner; Lin et al., ICLR 2025).

        What is chosen by likeness is compared with the first region. Finding points, a GPU is waited for.
        """
        region, first = decision.region, decision.prompt
        for _ in range(1, variant.rounds):
            kept = decision.kept.whole(*region.numbers.shape)[0]
            of_mask = find_regions(kept.to(torch.int16), _WHOLE, background=0)
            if not of_mask:  # an empty mask, of which no prompt can be made
                break
            prompt = self._prompt(replace(of_mask[0], class_id=region.class_id), variant.prompt)
            answer = self._decode([prompt], variant.multimask)
            candidates = self._candidates(region, answer.window(0), answer, 0)
            decision = _decision(candidates, prompt, *select(variant.selector, [candidates]))
        return replace(decision, first_prompt=first) if variant.rounds > 1 else decision

    def _ask_otherwise(self, decision: Decision, variant: Variant) -> Decision:
        """Ask SAM about a decision's region in another way too, if the variant says so."""
        prompt = None if variant.again is None else variant.again.other_prompt(decision)
        if prompt is None:
            return decision
        answer = self._decode([prompt], variant.multimask)
        candidates = self._candidates(decision.region, answer.window(0), answer, 0)
        return replace(decision, other=_decision(candidates, prompt, *select(variant.selector, [candidates])))

    def _prompt(self, region: Region, parts: Sequence[PromptPart]) -> Prompt:
        return build_prompt(parts, region, self._context)

    def _decode(self, prompts: Sequence[Prompt], multimask: bool) -> Candidates:
        candidates = self._context.sam.decode(self._context.embedding, prompts, multimask)
        self.finite.append(_extremes(candidates).isfinite())
        return candidates

    def _candidates(self, region: Region, window: MaskWindow, answer: Candidates, index: int) -> RegionCandidates:
        return RegionCandidates(region, window, answer.low_res_logits[index], answer.scores[index], self._context)


def _decision(candidates: RegionCandidates, prompt: Prompt, index: Tensor) -> Decision:
    return Decision(candidates.region, prompt, candidates.window, candidates.logits, candidates.scores, index)


def _extremes(candidates: Candidates) -> Tensor:
    """Return the least and largest logit and score, float ``[4]``; NaN where one of them is."""
    return torch.stack([*candidates.low_res_logits.aminmax(), *candidates.scores.aminmax()])
