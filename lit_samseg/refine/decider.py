"""From what is asked of SAM to the mask that is kept, region by region."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lit_samseg.refine.candidates import RegionCandidates
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

    def decide(self, requests: Sequence[PromptRequest]) -> Iterator[tuple[Variant, Decision]]:
        """Decode a few requests together and choose for all who ask; what is held of them goes with the iterator."""
        prompts = [self._prompt(request.region, request.parts) for request in requests]
        # Three candidates and the single mask are other tokens of the decoder.
        answers: dict[int, tuple[Candidates, int]] = {}
        for multimask in (True, False):
            places = [n for n, request in enumerate(requests) if request.multimask == multimask]
            if places:
                candidates = self._decode([prompts[n] for n in places], multimask)
                answers |= {n: (candidates, index) for index, n in enumerate(places)}
        for n, request in enumerate(requests):
            decided: dict[object, Decision] = {}
            for variant, region in request.askers:
                # Parts that ask the same of a region may differ in what they ask of SAM's mask.
                again = (variant.rounds, variant.prompt) if variant.rounds > 1 else None
                key = variant.selector, again, region.pixels
                if key not in decided:
                    first = self._decision(region, prompts[n], *answers[n], variant.selector)
                    decided[key] = self._prompt_anew(first, variant)
                yield variant, replace(decided[key], region=region)

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
            candidates = self._decode([prompt], variant.multimask)
            decision = self._decision(region, prompt, candidates, 0, variant.selector)
        return replace(decision, first_prompt=first) if variant.rounds > 1 else decision

    def _prompt(self, region: Region, parts: Sequence[PromptPart]) -> Prompt:
        return build_prompt(parts, region, self._context)

    def _decode(self, prompts: Sequence[Prompt], multimask: bool) -> Candidates:
        candidates = self._context.sam.decode(self._context.embedding, prompts, multimask)
        self.finite.append(_extremes(candidates).isfinite())
        return candidates

    def _decision(
        self, region: Region, prompt: Prompt, candidates: Candidates, index: int, selector: Selector
    ) -> Decision:
        window, scores = candidates.window(index), candidates.scores[index]
        own = RegionCandidates(region, window, candidates.low_res_logits[index], scores, self._context)
        return Decision(region, prompt, window, own.logits, scores, select(selector, own))


def _extremes(candidates: Candidates) -> Tensor:
    """Return the least and largest logit and score, float ``[4]``; NaN where one of them is."""
    return torch.stack([*candidates.low_res_logits.aminmax(), *candidates.scores.aminmax()])
