"""Two text-prompted segmenters: a cheap one says which phrases may matter, a costly one is asked about these alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lit_samseg.concepts.interface import Concepts, ConceptSegmenter, Instances, SeenImage
from lit_samseg.errors import InputError
from lit_samseg.sam.frame import Frame

_NOTHING = -20.0
"""The logit of what is not there: its probability is 2e-9."""


@dataclass
class _Looked:
    """An image that is encoded by each segmenter when it is first asked."""

    image: Tensor
    target: Tensor | None
    by_first: SeenImage | None = None
    by_then: SeenImage | None = None


class ShortList(ConceptSegmenter):
    """A costly text-prompted segmenter, asked only about the phrases for which a cheap one sees the most evidence.

    The cheap one is asked about all phrases. Those with the largest evidence anywhere in the image (`Concepts.evidence`
    within the image) are asked of the costly one; of the others presence is 0, as if they were not there. So the answer
    about a phrase depends on the phrases beside it, too: `identity` is None, and answers are never cached. The two
    segmenters' own answers may be (`lit_samseg.cache.cache_concepts`).

    An image is encoded by a segmenter when that is first asked about it: never by the costly one where no phrase is
    left. Then there are neither semantic logits nor instances, and the evidence is 0.

    Args:
        first: The cheap one.
        then: The costly one, whose frame answers have.
        keep: So many phrases are left at most, earlier ones first where evidence is equal.
        least_evidence: Only phrases with more than that are left.

    Raises:
        InputError: An option is out of range.
    """

    def __init__(
        self, first: ConceptSegmenter, then: ConceptSegmenter, keep: int = 20, least_evidence: float = 0.0
    ) -> None:
        super().__init__()
        if keep < 1:
            raise InputError(f"concepts.keep is {keep}; leave at least 1 phrase")
        if not 0 <= least_evidence < 1:
            raise InputError(f"concepts.least_evidence is {least_evidence}; give from 0 to below 1")
        self.first, self.then, self.keep, self.least_evidence = first, then, keep, least_evidence
        self.name = f"{then.name}, {keep} phrases by {first.name}"
        self.checkpoint, self.sha256 = then.checkpoint, then.sha256
        self.precision = then.precision
        self.needs_truth = first.needs_truth or then.needs_truth

    @property
    def identity(self) -> str | None:
        """None: what is said of a phrase depends on the others."""
        return None

    def frame(self, image: Tensor) -> Frame:
        """Return the costly segmenter's frame of an image."""
        return self.then.frame(image)

    def check_phrases(self, phrases: Sequence[str]) -> None:
        """See that both segmenters can read phrases whole.

        Raises:
            InputError: One of them cannot.
        """
        for segmenter in (self.first, self.then):
            segmenter.check_phrases(phrases)

    def encode(self, image: Tensor, target: Tensor | None = None) -> SeenImage:
        """Take an image; it is encoded when phrases are asked about."""
        return SeenImage(self.frame(image), _Looked(image, target))

    @torch.inference_mode()
    def segment(self, seen: SeenImage, phrases: Sequence[str]) -> Concepts:
        """Say what each phrase means in an image, as far as it is on the short list."""
        looked: _Looked = seen.content
        left = self._short_list(looked, phrases) if phrases else []
        if not left:
            return Concepts(seen.frame, torch.zeros(len(phrases), device=looked.image.device))
        if looked.by_then is None:
            looked.by_then = self.then.encode(looked.image, looked.target)
        said = self.then.segment(looked.by_then, [phrases[n] for n in left])
        return _spread(said, left, len(phrases))

    def _short_list(self, looked: _Looked, phrases: Sequence[str]) -> list[int]:
        """Return the places of the phrases that are left, ascending."""
        if looked.by_first is None:
            looked.by_first = self.first.encode(looked.image, looked.target)
        said = self.first.segment(looked.by_first, phrases)
        rows, columns = said.frame.low_res_used
        most = said.evidence()[:, :rows, :columns].flatten(1).max(1).values
        order = most.argsort(descending=True, stable=True)[: self.keep]
        left: list[int] = order[most[order] > self.least_evidence].sort().values.tolist()
        return left


def _spread(said: Concepts, places: Sequence[int], count: int) -> Concepts:
    """Put answers in their places among those of which nothing is there."""
    where = torch.tensor(places, device=said.presence.device)
    presence = said.presence.new_zeros(count).index_copy(0, where, said.presence)
    semantic = said.semantic
    if semantic is not None:
        nothing = semantic.new_full((count, *semantic.shape[1:]), _NOTHING)
        semantic = nothing.index_copy(0, where, semantic)
    if said.instances is None:
        return Concepts(said.frame, presence, semantic)
    none = Instances(said.instances[0].masks[:0], said.instances[0].scores[:0])
    instances = [none] * count
    for place, own in zip(places, said.instances, strict=True):
        instances[place] = own
    return Concepts(said.frame, presence, semantic, tuple(instances))
