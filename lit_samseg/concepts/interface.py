"""What is asked of a segmenter that is prompted by words."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lit_samseg.errors import InputError
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import Precision


@dataclass(frozen=True)
class Instances:
    """Single things that a phrase was found to mean.

    Attributes:
        masks: Logits, float32 ``[K, mask_size, mask_size]`` of the frame's square; positive is the thing.
        scores: How likely each is such a thing, float32 ``[K]``, 0 to 1.
    """

    masks: Tensor
    scores: Tensor


@dataclass(frozen=True)
class Concepts:
    """What a text-prompted segmenter answers about one image and ``P`` phrases.

    Attributes:
        frame: How the image lies in the square that masks are of.
        presence: How likely each phrase means anything in the image, float32 ``[P]``, 0 to 1.
        semantic: Logits of all that a phrase means, float32 ``[P, mask_size, mask_size]``; None where the network gives
            instances alone.
        instances: Of each phrase; None where the network gives none.
    """

    frame: Frame
    presence: Tensor
    semantic: Tensor | None = None
    instances: tuple[Instances, ...] | None = None

    def __len__(self) -> int:
        return len(self.presence)

    def evidence(self) -> Tensor:
        """Return how likely each cell is what each phrase says, float32 ``[P, mask_size, mask_size]``, 0 to 1.

        The larger of what is said of all and of the best instance there (its mask's probability times its score), times
        the phrase's presence (SegEarth-OV3, 2512.08730).
        """
        side = self.frame.mask_size
        found = self.presence.new_zeros(len(self), side, side)
        if self.semantic is not None:
            found = self.semantic.float().sigmoid()
        for n, own in enumerate(self.instances or ()):
            if len(own.scores):
                best = (own.masks.float().sigmoid() * own.scores[:, None, None]).max(0).values
                found[n] = torch.maximum(found[n], best)
        return found * self.presence[:, None, None]


@dataclass(frozen=True)
class SeenImage:
    """An image as a text-prompted segmenter sees it.

    Attributes:
        frame: How it lies in the segmenter's square.
        content: Whatever the segmenter made of it, for itself.
    """

    frame: Frame
    content: Any


class ConceptSegmenter(nn.Module, ABC):
    """A frozen segmenter that is prompted by words.

    Attributes:
        name: What it is, for tables and files.
        checkpoint: Where its weights came from.
        sha256: SHA-256 of the weight file; None where there is none.
        precision: One precision for the whole run.
        needs_truth: Whether it looks at the ground truth: an experiment about words, never a result.
    """

    name: str
    checkpoint: str
    sha256: str | None
    precision: Precision = "fp32"
    needs_truth: bool = False

    @property
    def identity(self) -> str | None:
        """A text that decides, with an image and a phrase, what `segment` answers: weights and every setting.

        None, where nobody has said what answers depend on: they are never cached.
        """
        return None

    @abstractmethod
    def frame(self, image: Tensor) -> Frame:
        """Return how an image ``[3, H, W]`` lies in the square that masks are of; only its size counts."""

    @abstractmethod
    def encode(self, image: Tensor, target: Tensor | None = None) -> SeenImage:
        """Look at an image, once for all phrases.

        Args:
            image: uint8 ``[3, H, W]``, RGB.
            target: The ground truth, integer ``[H, W]``, for one that `needs_truth`.
        """

    @abstractmethod
    def segment(self, seen: SeenImage, phrases: Sequence[str]) -> Concepts:
        """Say what each phrase means in an image; ``P`` may be 0.

        Each answer depends on the image and its own phrase alone, wherever `identity` is known. Phrases are encoded
        once, however many images are asked about them.
        """

    def check_phrases(self, phrases: Sequence[str]) -> None:
        """See that phrases can be read whole.

        Raises:
            InputError: One is empty, or longer than the network reads.
        """
        for phrase in phrases:
            if not phrase.strip():
                raise InputError(f"{self.checkpoint}: an empty phrase means nothing; give a word")
