"""What a network makes of phrases, of each once in a run."""

from collections.abc import Sequence

import torch

from lit_samseg.concepts.loading import Architecture, Loaded
from lit_samseg.concepts.phrases import Text
from lit_samseg.sam.interface import Precision
from lit_samseg.sam.precision import autocast


class Texts:
    """Reads phrases, each alone, so that what is made of it depends on no other, and keeps what was made of them.

    Args:
        kind: The network's architecture.
        loaded: The network.
        precision: What it computes in.
    """

    def __init__(self, kind: Architecture, loaded: Loaded, precision: Precision) -> None:
        self.kind, self.model, self.reader, self.precision = kind, loaded.model, loaded.reader, precision
        self._kept: dict[str, Text] = {}

    def check(self, phrases: Sequence[str]) -> None:
        """See that phrases fit.

        Raises:
            InputError: One has too many tokens, or cannot be said to the network.
        """
        for phrase in phrases:
            self.reader.check(phrase, self.kind.wording(phrase))

    @torch.inference_mode()
    def read(self, phrases: Sequence[str]) -> list[Text]:
        """Return what the network makes of phrases, which are known to fit, on its device."""
        device = self.model.device
        for phrase in phrases:
            if phrase not in self._kept:
                tokens = self.reader.tokens(self.kind.wording(phrase), device)
                with autocast(device, self.precision):
                    self._kept[phrase] = self.kind.read(self.model, *tokens)
        return [tuple(tensor.to(device) for tensor in self._kept[phrase]) for phrase in phrases]
