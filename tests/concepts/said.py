"""A text-prompted segmenter that says what a test wants it to say."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from lit_samseg.concepts import Concepts, ConceptSegmenter, Ontology, SeenImage
from lit_samseg.sam.frame import Frame


class Says(ConceptSegmenter):
    """Gives each phrase a map of probabilities; of any other phrase it says that it is nowhere.

    Args:
        maps: By phrase, float32 ``[h, w]`` on the cells of the image's frame.
        presence: By phrase; 1 where it is missing.
    """

    name, checkpoint, sha256 = "says", "says", None

    def __init__(self, maps: Mapping[str, Tensor], presence: Mapping[str, float] | None = None) -> None:
        super().__init__()
        self.maps, self.presence = maps, presence or {}
        self.images = 0
        self.phrases: list[str] = []

    def frame(self, image: Tensor) -> Frame:
        return Frame(*image.shape[1:], size=256, mask_size=64)

    def encode(self, image: Tensor, target: Tensor | None = None) -> SeenImage:
        self.images += 1
        return SeenImage(self.frame(image), None)

    def segment(self, seen: SeenImage, phrases: Sequence[str]) -> Concepts:
        self.phrases += phrases
        semantic = torch.full((len(phrases), 64, 64), -30.0)
        for n, phrase in enumerate(phrases):
            if phrase in self.maps:
                found = self.maps[phrase]
                semantic[n, : found.shape[0], : found.shape[1]] = found.clamp(1e-9, 1 - 1e-7).logit()
        return Concepts(seen.frame, torch.tensor([self.presence.get(phrase, 1.0) for phrase in phrases]), semantic)


def ontology_of(phrases: Mapping[int, Sequence[str]], classes: int) -> Ontology:
    """Phrases by class id."""
    names = tuple(f"thing {n}" for n in range(classes))
    return Ontology(names, tuple(phrases), tuple(map(tuple, phrases.values())), "a test")
