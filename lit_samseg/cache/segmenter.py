"""A promptable segmenter that looks an image up before it encodes it."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from lit_samseg.cache.key import key_of
from lit_samseg.cache.store import TensorStore
from lit_samseg.runtime.code_digest import code_digest
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import Asked, Candidates, Embedding, Prompt, PromptableSegmenter

StoredType = Literal["fp32", "fp16"]


class CachedSegmenter(PromptableSegmenter):
    """A promptable segmenter whose embeddings are kept on disk.

    With ``fp16`` every embedding is rounded, the one just computed too: a run's numbers do not depend on what it finds.

    Args:
        segmenter: Does the work; its `identity` is known.
        store: Keeps the embeddings.
        stored_type: ``fp32`` keeps them exactly, ``fp16`` in half the size, which changes scores slightly. A tensor
            with numbers beyond fp16's range stays fp32.

    Attributes:
        hits: Embeddings found.
        misses: Embeddings computed.
    """

    def __init__(self, segmenter: PromptableSegmenter, store: TensorStore, stored_type: StoredType = "fp32") -> None:
        super().__init__()
        self.segmenter, self.store, self.stored_type = segmenter, store, stored_type
        self.name, self.checkpoint, self.sha256 = segmenter.name, segmenter.checkpoint, segmenter.sha256
        self.precision, self.has_pixel_features = segmenter.precision, segmenter.has_pixel_features
        self.adapter, self.adapter_file = segmenter.adapter, segmenter.adapter_file
        self.class_names, self.second_look = segmenter.class_names, segmenter.second_look
        self._code = str(code_digest(map(type, segmenter.modules())))
        self.hits = self.misses = 0

    @property
    def identity(self) -> str | None:
        """The segmenter's own."""
        return self.segmenter.identity

    @property
    def tuned_sha256(self) -> str:
        """The segmenter's own."""
        return self.segmenter.tuned_sha256

    @property
    def embeddings_sha256(self) -> str:
        """The segmenter's own."""
        return self.segmenter.embeddings_sha256

    def frame(self, image: Tensor) -> Frame:
        """Return the segmenter's frame of an image."""
        return self.segmenter.frame(image)

    @torch.inference_mode()
    def encode(self, images: Sequence[Tensor]) -> list[Embedding]:
        """Look every image up; encode those that are missing together and keep them.

        On a GPU last bits depend on how many they are: that counts, and images that are known fill up a call.
        """
        together = len(images) if images and images[0].device.type == "cuda" else 1
        keys = [self._key(image, together) for image in images]
        looked_up = ((n, self.store.get(key)) for n, key in enumerate(keys))
        stored = {n: tensors for n, tensors in looked_up if tensors is not None}
        missing = [n for n in range(len(images)) if n not in stored]
        self.hits += len(stored)
        self.misses += len(missing)
        if missing:
            encoded = range(len(images)) if together > 1 else missing
            for n, embedding in zip(encoded, self.segmenter.encode([images[n] for n in encoded]), strict=True):
                if n not in stored:
                    stored[n] = self._to_stored(embedding)
                    self.store.put(keys[n], stored[n])
        return [self._from_stored(stored[n], image) for n, image in enumerate(images)]

    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        """Decode as the segmenter does; nothing is kept."""
        return self.segmenter.decode(embedding, prompts, multimask)

    def decode_images(self, asked: Asked, multimask: bool = True) -> list[Candidates]:
        """Decode as the segmenter does; nothing is kept."""
        return self.segmenter.decode_images(asked, multimask)

    def pixel_features(self, embedding: Embedding) -> Tensor | None:
        """Return the segmenter's own; nothing is kept."""
        return self.segmenter.pixel_features(embedding)

    def _key(self, image: Tensor, together: int) -> str:
        frame = self.frame(image)
        batch = {"together": together} if together > 1 else {}
        return key_of(
            "embedding",
            image,
            self._code,
            network=self.identity,
            precision=self.precision,
            frame=[type(frame).__name__, *dataclasses.astuple(frame)],
            stored_type=self.stored_type,
            **batch,
        )

    def _to_stored(self, embedding: Embedding) -> dict[str, Tensor]:
        tensors = {"features": embedding.features}
        tensors |= {f"level_{n}": level for n, level in enumerate(embedding.levels)}
        return {name: halved(tensor) for name, tensor in tensors.items()} if self.stored_type == "fp16" else tensors

    def _from_stored(self, tensors: dict[str, Tensor], image: Tensor) -> Embedding:
        features, *levels = (
            tensors[name].to(image.device, torch.float32)
            for name in ("features", *(f"level_{n}" for n in range(len(tensors) - 1)))
        )
        return Embedding(features, self.frame(image), tuple(levels))


def halved(tensor: Tensor) -> Tensor:
    """Return a tensor in fp16; itself where fp16 does not hold its numbers."""
    half = tensor.half()
    return half if half.isfinite().all() else tensor
