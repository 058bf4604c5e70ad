"""What words say of an image: a text-prompted segmenter's answers about the classes, on SAM's grid."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from lit_samseg.concepts import ConceptSegmenter, Ontology
from lit_samseg.errors import InputError
from lit_samseg.refine.cells import between
from lit_samseg.refine.grid import Grid
from lit_samseg.runtime.transfer import to_device

PHRASES_AT_ONCE = 16
"""So many phrases' answers are held at once."""


@dataclass(frozen=True)
class Told:
    """What words say of an image's classes, of ``A`` that were asked about.

    Attributes:
        classes: Their ids, ascending, int64 ``[A]``.
        evidence: How likely each cell of SAM's grid is of each class, as the segmenter has it, float32 ``[A, h, w]``,
            0 to 1: the largest of a class's phrases.
        phrases: How many phrases were asked.
    """

    classes: Tensor
    evidence: Tensor
    phrases: int

    @cached_property
    def strongest(self) -> Tensor:
        """How likely each class is anywhere in the image, as the segmenter has it, float32 ``[A]``, 0 to 1."""
        return self.evidence.flatten(1).amax(1) if len(self.evidence) else self.evidence.new_zeros(0)

    def only(self, some: Tensor) -> "Told":
        """Return what is said of some of the classes, bool ``[A]``."""
        return replace(self, classes=self.classes[some], evidence=self.evidence[some])

    @property
    def at_best(self) -> "Told":
        """What is said of each class where most speaks for it, as if that were the whole image: one cell."""
        return replace(self, evidence=self.strongest[:, None, None])


class WordSource:
    """Asks a text-prompted segmenter about classes.

    Args:
        segmenter: Answers.
        ontology: The phrases of each class.
        candidates: At most so many classes of an image are asked about, those that the baseline finds likeliest
            anywhere; all, where it gives no scores. None asks about every class.
    """

    def __init__(self, segmenter: ConceptSegmenter, ontology: Ontology, candidates: int | None = None) -> None:
        if candidates is not None and candidates < 1:
            raise InputError(f"model.candidates is {candidates}; give 1 or more, or leave it out to ask about all")
        segmenter.check_phrases([phrase for own in ontology.phrases for phrase in own])
        self.segmenter, self.ontology, self.candidates = segmenter, ontology, candidates

    @property
    def asked(self) -> str:
        """Digest of what is asked: phrases by class, and how many candidates."""
        content = json.dumps([self.ontology.classes, self.ontology.phrases, self.candidates])
        return hashlib.sha256(content.encode()).hexdigest()

    @torch.inference_mode()
    def ask(self, image: Tensor, grid: Grid, target: Tensor | None = None) -> Told:
        """Ask about an image.

        Args:
            image: uint8 ``[3, H, W]``.
            grid: What the baseline thinks of it.
            target: The ground truth, integer ``[H, W]``, for a segmenter that needs it.
        """
        places = self._asked(grid)
        phrases = [(n, phrase) for n, place in enumerate(places) for phrase in self.ontology.phrases[place]]
        evidence = torch.zeros(len(places), *grid.shape, device=image.device)
        finite = torch.ones((), dtype=torch.bool, device=image.device)
        seen = self.segmenter.encode(image, target) if phrases else None
        for first in range(0, len(phrases), PHRASES_AT_ONCE):
            some = phrases[first : first + PHRASES_AT_ONCE]
            assert seen is not None, "there are phrases"
            answer = self.segmenter.segment(seen, [phrase for _, phrase in some])
            cells = between(answer.evidence().to(image.device), answer.frame, grid.frame)
            # Of all classes at once the check would take as much memory as the evidence.
            finite = finite & cells.isfinite().all()
            for (n, _), found in zip(some, cells, strict=True):
                # Synonyms: the one that is found counts.
                torch.maximum(evidence[n], found, out=evidence[n])
        if not bool(finite):
            raise InputError(f"{self.segmenter.checkpoint} answers with NaN or infinity; use another checkpoint")
        classes = to_device(torch.tensor([self.ontology.classes[n] for n in places], dtype=torch.int64), image.device)
        return Told(classes, evidence, len(phrases))

    def _asked(self, grid: Grid) -> Sequence[int]:
        """Return which of the ontology's classes are asked about, by their places, ascending."""
        everyone = range(len(self.ontology.classes))
        if self.candidates is None or not grid.scored:
            return everyone
        likely = grid.log_probabilities.flatten(1).amax(1).tolist()
        rank = dict(zip(grid.classes.tolist(), likely, strict=True))
        known = [n for n in everyone if self.ontology.classes[n] in rank]
        return sorted(sorted(known, key=lambda n: -rank[self.ontology.classes[n]])[: self.candidates])
