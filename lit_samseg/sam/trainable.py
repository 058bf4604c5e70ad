"""What a training asks of a promptable segmenter: its parts by name, and embeddings and answers with gradients."""

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from lit_samseg.checkpoints.adapter import CLASS_PROMPTS, TRAINABLE, Adapter, read_adapter
from lit_samseg.errors import InputError
from lit_samseg.sam.class_prompts import ClassPrompts
from lit_samseg.sam.interface import Candidates, Embedding, Prompt, PromptableSegmenter

Part = Literal["mask_decoder", "prompt_encoder", "image_encoder"]


class TrainableSegmenter(PromptableSegmenter):
    """A promptable segmenter of which parts can be trained.

    Attributes:
        model: The network; names of an adapter's tensors are names in its state dict.
        encoder_name: The image encoder's name in it; the other parts are called as `Part` calls them.
        adapted: What `identity` says of a fine-tuning: its SHA-256, if it changed embeddings.
        translated_by: The option by which the image encoder was translated, so that it cannot learn; None for none.
    """

    model: Any
    encoder_name: ClassVar[str]
    adapted: Mapping[str, str] = MappingProxyType({})
    translated_by: str | None = None

    @property
    def tuned_sha256(self) -> str:
        """SHA-256 of the weight file's, and of the fine-tuning's if there is one."""
        if not isinstance(self.adapter, Adapter):
            return self.sha256
        return hashlib.sha256(f"{self.sha256}\n{self.adapter.sha256}\n".encode()).hexdigest()

    @property
    def embeddings_sha256(self) -> str:
        """The same, but for a fine-tuning that did not change embeddings."""
        return self.tuned_sha256 if self.adapted else self.sha256

    def part(self, name: Part) -> nn.Module:
        """Return a part of the network, to train it.

        Raises:
            InputError: It is the image encoder, and that was translated.
        """
        if name == "image_encoder" and self.translated_by is not None:
            raise InputError(
                f"sam.{self.translated_by} translates the image encoder, and it cannot learn; leave it out"
            )
        own: nn.Module = self.model.get_submodule(self.encoder_name if name == "image_encoder" else name)
        return own

    def decides_embeddings(self, name: str) -> bool:
        """Tell whether `encode` looks at a tensor of `model`."""
        return not name.startswith(TRAINABLE)

    def learning(self, part: Part) -> dict[str, nn.Parameter]:
        """Return what learns where a part is trained whole, by name in `model`.

        What of the decoder is computed with the embedding stays: embeddings are kept while it learns.
        """
        own, prefix = self.part(part), self.encoder_name if part == "image_encoder" else part
        named = {f"{prefix}.{name}": weight for name, weight in own.named_parameters()}
        return {name: weight for name, weight in named.items() if not self.decides_embeddings(name)}

    def know_classes(self, names: Sequence[str], second_look: float | None = None) -> None:
        """Have prompts say of which of these classes they are, and what is believed of classes.

        Args:
            names: The classes.
            second_look: The baseline looks again at images enlarged by this; None for once.

        Raises:
            InputError: This SAM's decoder cannot listen to classes.
        """
        raise InputError(f"{type(self).__name__} cannot be taught classes; use SegmentAnything, or leave classes out")

    @property
    def classes(self) -> ClassPrompts | None:
        """What listens to classes; None for a SAM that does not."""
        return getattr(self.model, CLASS_PROMPTS.removesuffix("."), None)

    @abstractmethod
    def encode_with_gradients(self, images: Sequence[Tensor]) -> list[Embedding]:
        """Encode images like `encode`, all in one call, with gradients."""

    @abstractmethod
    def answer(self, embedding: Embedding, prompts: Sequence[Prompt]) -> Candidates:
        """Decode like `decode`, with gradients, to the single mask and then the candidates: ``M`` is 4."""

    def _take_adapter(self, adapter: str | None) -> None:
        """Put a fine-tuning in place of some weights.

        Raises:
            InputError: The adapter cannot be read, or belongs to another SAM.
        """
        if adapter is None:
            return
        path = Path(adapter).expanduser()
        trained = read_adapter(path)
        if trained.class_names:
            self.know_classes(trained.class_names, trained.second_look)
        touched = trained.apply(self.model, self.sha256, path)
        self.adapter, self.adapter_file = trained, adapter
        # Embeddings that other trainings keep are the same only while no tensor before the decoder has changed.
        if any(map(self.decides_embeddings, touched)):
            self.adapted = {"adapter": trained.sha256}
