"""Networks that look an image up before they compute."""

import dataclasses
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from lit_samseg.baselines.interface import Baseline
from lit_samseg.cache.key import key_of
from lit_samseg.cache.store import TensorStore
from lit_samseg.concepts.interface import ConceptSegmenter
from lit_samseg.errors import InputError
from lit_samseg.runtime.code_digest import code_digest
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import Asked, Candidates, Embedding, Prompt, PromptableSegmenter

logger = logging.getLogger(__name__)

StoredType = Literal["fp32", "fp16"]

_LABEL_TYPES = (torch.uint8, torch.int16, torch.int32, torch.int64)


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


class CachedBaseline(Baseline):
    """A baseline whose label maps are kept on disk, in the smallest integers that hold them.

    Args:
        baseline: Does the work; its `identity` is known.
        store: Keeps the label maps.

    Attributes:
        hits: Label maps found.
        misses: Label maps computed.
    """

    def __init__(self, baseline: Baseline, store: TensorStore) -> None:
        super().__init__()
        self.baseline, self.store = baseline, store
        self.name, self.checkpoint, self.sha256 = baseline.name, baseline.checkpoint, baseline.sha256
        self.num_classes, self.class_names = baseline.num_classes, baseline.class_names
        self.first_class, self.ignore_index = baseline.first_class, baseline.ignore_index
        self.trained_on = baseline.trained_on
        self._code = str(code_digest(map(type, baseline.modules())))
        self.hits = self.misses = 0

    @property
    def identity(self) -> str | None:
        """The baseline's own."""
        return self.baseline.identity

    def files(self, image_id: str) -> list[Path]:
        """Return the baseline's own."""
        return self.baseline.files(image_id)

    def find_fault(self, image_id: str, image: Path | None) -> str | None:
        """Tell what is wrong with them, as the baseline does itself."""
        return self.baseline.find_fault(image_id, image)

    def hint(self, image_id: str) -> str:
        """Return the baseline's own."""
        return self.baseline.hint(image_id)

    def compare_files(self, image_ids: Sequence[str]) -> None:
        """Compare the files, as the baseline does itself."""
        self.baseline.compare_files(image_ids)

    def check(self, image: Tensor, image_id: str) -> None:
        """Check the files, as the baseline does itself."""
        self.baseline.check(image, image_id)

    def check_classes(self, class_names: tuple[str, ...]) -> None:
        """Compare the baseline's classes with the data set's, as it does itself."""
        self.baseline.check_classes(class_names)

    def predict(self, image: Tensor, image_id: str) -> tuple[Tensor, Tensor | None]:
        """Predict as the baseline does: logits are too large to keep."""
        return self.baseline.predict(image, image_id)

    def look_closer(self, image: Tensor, scale: float) -> Tensor | None:
        """Look again as the baseline does."""
        return self.baseline.look_closer(image, scale)

    @torch.inference_mode()
    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        """Look the image's label map up, or compute and keep it."""
        key = key_of("label_map", image, self._code, network=self.identity)
        stored = self.store.get(key)
        if stored is not None:
            self.hits += 1
            return stored["labels"].to(image.device, torch.int64)
        self.misses += 1
        labels = self.baseline.label_map(image, image_id)
        self.store.put(key, {"labels": _smallest(labels)})
        return labels


def cache_networks(
    baseline: Baseline, sam: PromptableSegmenter, folder: str, stored_type: StoredType = "fp32", max_gb: float = 20.0
) -> tuple[Baseline, PromptableSegmenter]:
    """Put a cache before both networks; one of unknown `identity`, or without source files, is returned as it is.

    Args:
        baseline: The semantic segmenter.
        sam: The promptable segmenter.
        folder: Where entries are kept.
        stored_type: How embeddings are kept.
        max_gb: Size of all entries, in units of 1e9 bytes.

    Raises:
        InputError: An option cannot be used, or the folder not be written.
    """
    store = make_store(folder, stored_type, max_gb)
    return (
        CachedBaseline(baseline, store) if is_known(baseline) else baseline,
        CachedSegmenter(sam, store, stored_type) if is_known(sam) else sam,
    )


def make_store(folder: str, stored_type: str, max_gb: float) -> TensorStore:
    """Open a cache's folder.

    Raises:
        InputError: An option cannot be used, or the folder not be written.
    """
    if stored_type not in get_args(StoredType):
        raise InputError(f"cache_dtype is {stored_type!r}; it is {' or '.join(get_args(StoredType))}")
    if not (max_gb > 0 and math.isfinite(max_gb)):
        raise InputError(f"cache_max_gb is {max_gb}; give a number above 0")
    return TensorStore(Path(folder).expanduser(), int(max_gb * 1e9))


def is_known(network: Baseline | PromptableSegmenter | ConceptSegmenter) -> bool:
    """Tell whether a network that is made again can be known to be the same: its `identity`, and its code."""
    if network.identity is None:
        return False
    if code_digest(map(type, network.modules())) is None:
        logger.warning(
            "%s.%s has no source file, so nobody can tell whether it changed: nothing of it is kept in the cache",
            *(type(network).__module__, type(network).__qualname__),
        )
        return False
    return True


def halved(tensor: Tensor) -> Tensor:
    """Return a tensor in fp16; itself where fp16 does not hold its numbers."""
    half = tensor.half()
    return half if half.isfinite().all() else tensor


def _smallest(labels: Tensor) -> Tensor:
    low, high = (int(bound) for bound in labels.aminmax())
    fitting = (t for t in _LABEL_TYPES if torch.iinfo(t).min <= low and high <= torch.iinfo(t).max)
    return labels.to(next(fitting))
