"""A text-prompted segmenter: it knows three words, for shades of grey."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.concepts import Concepts, ConceptSegmenter, SeenImage
from lit_samseg.errors import InputError
from lit_samseg.sam import Frame

SHADES = {"dark": 70.0, "grey": 140.0, "bright": 210.0}


class Shades(ConceptSegmenter):
    """Finds what is dark, grey or bright.

    Args:
        tolerance: By how much a brightness may differ from the word's, of 255.
    """

    name, checkpoint, sha256 = "shades", "three words", None

    def __init__(self, tolerance: float = 35.0) -> None:
        super().__init__()
        self.tolerance = tolerance

    def frame(self, image: Tensor) -> Frame:
        return Frame(*image.shape[1:], size=64, mask_size=64)

    def check_phrases(self, phrases: Sequence[str]) -> None:
        for phrase in phrases:
            if phrase not in SHADES:
                raise InputError(f"{phrase!r} is no shade; there are {', '.join(SHADES)}")

    def encode(self, image: Tensor, target: Tensor | None = None) -> SeenImage:
        frame = self.frame(image)
        size = frame.resized
        brightness = F.interpolate(image[None].float().mean(1, keepdim=True), size, mode="bilinear")[0]
        return SeenImage(frame, frame.pad(brightness)[0])

    def segment(self, seen: SeenImage, phrases: Sequence[str]) -> Concepts:
        wanted = seen.content.new_tensor([SHADES[phrase] for phrase in phrases])
        distance = (seen.content - wanted[:, None, None]).abs()
        found = (self.tolerance - distance) / 5
        return Concepts(seen.frame, torch.ones_like(wanted), found)
