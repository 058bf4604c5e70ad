"""The built-in world's own segmenter that is prompted by words."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from lit_samseg.checkpoints.hub import check_unambiguous
from lit_samseg.checkpoints.identity import identity_of
from lit_samseg.checkpoints.weights import DEMO_WEIGHTS, freeze, load_strictly, read_state_dict, sha256_of_file
from lit_samseg.concepts.interface import Concepts, ConceptSegmenter, SeenImage
from lit_samseg.concepts.tiny_network import SIZE, STRIDE, Asked, Seen, TinyConceptNetwork
from lit_samseg.concepts.words import MOST_WORDS, words_of
from lit_samseg.errors import InputError
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import Precision
from lit_samseg.sam.precision import autocast, check_precision


def frame_of(height: int, width: int) -> Frame:
    """Return how an image of this size lies in the network's square."""
    return Frame(height, width, SIZE, SIZE // STRIDE)


def square_of(resized: Tensor) -> Tensor:
    """Return what the network sees of an image already scaled to its frame, ``[3, h, w]`` in 0..255.

    Returns:
        float32 ``[3, 160, 160]`` in -1 to 1, zeros where there is no image.
    """
    height, width = resized.shape[-2:]
    return torch.nn.functional.pad(resized.float() / 127.5 - 1, (0, SIZE - width, 0, SIZE - height))


class TinyConcepts(ConceptSegmenter):
    """A frozen network of a million weights, trained on generated scenes by ``scripts/train_demo.py``.

    It knows the built-in world's eight things by several names each and nothing else; unknown words get a low presence,
    unless a known name is part of them (*lighthouse*). It answers a map and a presence for each phrase, no instances.

    Args:
        checkpoint: ``demo`` for the built-in weights, or the path of a file that ``scripts/train_demo.py`` wrote.
        precision: ``fp32``, ``bf16`` or ``fp16`` arithmetic in the image encoder; all else is fp32.

    Raises:
        InputError: The checkpoint cannot be read or holds another network.
    """

    def __init__(self, checkpoint: str = "demo", precision: Precision = "fp32") -> None:
        super().__init__()
        check_precision(precision)
        if checkpoint == "demo":
            check_unambiguous(checkpoint)
        path = DEMO_WEIGHTS / "concepts.safetensors" if checkpoint == "demo" else Path(checkpoint).expanduser()
        self.network = TinyConceptNetwork()
        # Matrices lie in half precision in the file; what is computed with them is in fp32.
        load_strictly(self.network, read_state_dict(path), path, "TinyConcepts")
        self.sha256 = sha256_of_file(path)
        freeze(self)
        self.name = "tiny_concepts"
        self.checkpoint = checkpoint
        self.precision = precision
        self._asked: dict[tuple[str, torch.device], Asked] = {}

    @property
    def identity(self) -> str | None:
        """Weights and precision."""
        return identity_of(self, TinyConcepts, weights=self.sha256, precision=self.precision)

    def frame(self, image: Tensor) -> Frame:
        """Return the frame of an image ``[3, H, W]``."""
        return frame_of(*image.shape[-2:])

    @torch.inference_mode()
    def encode(self, image: Tensor, target: Tensor | None = None) -> SeenImage:
        """Look at an image, uint8 ``[3, H, W]``; the ground truth is not looked at."""
        frame = self.frame(image)
        square = square_of(frame.resize_image(image))
        with autocast(square.device, self.precision):
            seen = self.network.image(square[None])
        return SeenImage(frame, Seen(seen.fine[0].float(), seen.coarse[0].float()))

    @torch.inference_mode()
    def segment(self, seen: SeenImage, phrases: Sequence[str]) -> Concepts:
        """Say what each phrase means in an image.

        One phrase at a time, so that an answer is the same to the last bit whatever else is asked.

        Raises:
            InputError: `check_phrases` refuses a phrase.
        """
        self.check_phrases(phrases)
        content: Seen = seen.content
        height, width = seen.frame.resized
        inside = (-(-height // STRIDE), -(-width // STRIDE))
        semantic = content.fine.new_zeros(len(phrases), *content.fine.shape[-2:])
        presence = content.fine.new_zeros(len(phrases))
        with autocast(content.fine.device, "fp32"):
            for n, phrase in enumerate(phrases):
                logits, logit = self.network.answer(content, self._ask(phrase, content.fine.device), inside)
                semantic[n], presence[n] = logits[0], logit[0].sigmoid()
        return Concepts(seen.frame, presence, semantic)

    def check_phrases(self, phrases: Sequence[str]) -> None:
        """See that phrases can be read whole.

        Raises:
            InputError: One is empty, has no letter, or has more than 32 words.
        """
        super().check_phrases(phrases)
        for phrase in phrases:
            count = len(words_of(phrase))
            if not count:
                raise InputError(f"{self.checkpoint}: the phrase {phrase[:40]!r} has no letter to read; give a word")
            if count > MOST_WORDS:
                raise InputError(
                    f"{self.checkpoint}: the phrase {phrase[:40]!r}... has {count} words; give {MOST_WORDS} at most"
                )

    def _ask(self, phrase: str, device: torch.device) -> Asked:
        """Encode a phrase, once for all images."""
        known = self._asked.get((phrase, device))
        if known is None:
            known = self._asked[phrase, device] = self.network.ask([phrase])
        return known
