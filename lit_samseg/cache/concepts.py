"""A text-prompted segmenter that looks an image and a phrase up before it computes."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lit_samseg.baselines.interface import Baseline
from lit_samseg.cache.baseline import CachedBaseline
from lit_samseg.cache.key import key_of
from lit_samseg.cache.networks import is_known, make_store
from lit_samseg.cache.segmenter import CachedSegmenter, StoredType, halved
from lit_samseg.cache.store import TensorStore
from lit_samseg.concepts.interface import Concepts, ConceptSegmenter, Instances, SeenImage
from lit_samseg.concepts.short_list import ShortList
from lit_samseg.runtime.code_digest import code_digest
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import PromptableSegmenter

_Stored = dict[str, Tensor]


@dataclass
class _Looked:
    """An image that is encoded when the first phrase is not known."""

    image: Tensor
    target: Tensor | None
    key: str
    seen: SeenImage | None = None


class CachedConcepts(ConceptSegmenter):
    """A text-prompted segmenter whose answers are kept on disk, one entry for each image and phrase.

    An image of which all phrases are known is never encoded. With ``fp16`` every answer's logits are rounded, those
    just computed too: a run's numbers do not depend on what it finds. On a GPU, where phrases are answered together,
    last bits may depend on which of them were missing.

    Args:
        concepts: Does the work; its `identity` is known, and it does not look at the ground truth.
        store: Keeps the answers.
        stored_type: ``fp32`` keeps logits exactly, ``fp16`` in half the size. A tensor with numbers beyond fp16's range
            stays fp32; presence and scores always do.

    Attributes:
        hits: Answers found.
        misses: Answers computed.
    """

    def __init__(self, concepts: ConceptSegmenter, store: TensorStore, stored_type: StoredType = "fp32") -> None:
        super().__init__()
        self.concepts, self.store, self.stored_type = concepts, store, stored_type
        self.name, self.checkpoint, self.sha256 = concepts.name, concepts.checkpoint, concepts.sha256
        self.precision, self.needs_truth = concepts.precision, concepts.needs_truth
        self._code = str(code_digest(map(type, concepts.modules())))
        self.hits = self.misses = 0

    @property
    def identity(self) -> str | None:
        """The segmenter's own."""
        return self.concepts.identity

    def frame(self, image: Tensor) -> Frame:
        """Return the segmenter's frame of an image."""
        return self.concepts.frame(image)

    def check_phrases(self, phrases: Sequence[str]) -> None:
        """See that phrases can be read whole, as the segmenter does itself."""
        self.concepts.check_phrases(phrases)

    def encode(self, image: Tensor, target: Tensor | None = None) -> SeenImage:
        """Take an image; it is encoded when a phrase is asked that is not known."""
        key = key_of(
            "concepts",
            image,
            self._code,
            network=self.identity,
            precision=self.precision,
            stored_type=self.stored_type,
        )
        return SeenImage(self.frame(image), _Looked(image, target, key))

    @torch.inference_mode()
    def segment(self, seen: SeenImage, phrases: Sequence[str]) -> Concepts:
        """Look every phrase up; ask for those that are missing together and keep what is said of them."""
        looked: _Looked = seen.content
        # Those given twice are looked up once.
        keys = {phrase: _key(looked.key, phrase) for phrase in phrases}
        looked_up = ((phrase, self.store.get(key)) for phrase, key in keys.items())
        known = {phrase: tensors for phrase, tensors in looked_up if tensors is not None}
        missing = [phrase for phrase in keys if phrase not in known]
        self.hits += len(known)
        self.misses += len(missing)
        if missing:
            if looked.seen is None:
                looked.seen = self.concepts.encode(looked.image, looked.target)
            said = self.concepts.segment(looked.seen, missing)
            for n, phrase in enumerate(missing):
                known[phrase] = self._to_stored(said, n)
                self.store.put(keys[phrase], known[phrase])
        return _joined([known[phrase] for phrase in phrases], seen.frame, looked.image.device)

    def _to_stored(self, said: Concepts, n: int) -> _Stored:
        logits = {} if said.semantic is None else {"semantic": said.semantic[n]}
        exact = {"presence": said.presence[n : n + 1]}
        if said.instances is not None:
            logits["masks"], exact["scores"] = said.instances[n].masks, said.instances[n].scores
        return exact | (
            {name: halved(tensor) for name, tensor in logits.items()} if self.stored_type == "fp16" else logits
        )


def cache_concepts(
    concepts: ConceptSegmenter, folder: str, stored_type: StoredType = "fp32", max_gb: float = 20.0
) -> ConceptSegmenter:
    """Put a cache before a text-prompted segmenter.

    One of unknown `identity`, without source files, or that looks at the ground truth is returned as it is; of a
    `ShortList` each of the two gets a cache, and the list itself is returned.

    Args:
        concepts: The segmenter.
        folder: Where answers are kept; embeddings and label maps may be there, too.
        stored_type: How logits are kept.
        max_gb: Size of all entries, in units of 1e9 bytes.

    Raises:
        InputError: An option cannot be used, or the folder not be written.
    """
    if isinstance(concepts, ShortList):
        concepts.first = cache_concepts(concepts.first, folder, stored_type, max_gb)
        concepts.then = cache_concepts(concepts.then, folder, stored_type, max_gb)
        return concepts
    store = make_store(folder, stored_type, max_gb)
    return CachedConcepts(concepts, store, stored_type) if is_known(concepts) and not concepts.needs_truth else concepts


def cache_use(baseline: Baseline, sam: PromptableSegmenter, concepts: ConceptSegmenter | None) -> dict[str, Any] | None:
    """Return what ``results.json`` says of this process's use of the cache; None where there is none.

    Of a `ShortList` the answers of both segmenters are counted together.
    """
    cached: dict[str, list[CachedSegmenter | CachedBaseline | CachedConcepts]] = {
        "embeddings": [sam] if isinstance(sam, CachedSegmenter) else [],
        "label_maps": [baseline] if isinstance(baseline, CachedBaseline) else [],
        "phrases": [] if concepts is None else [one for one in concepts.modules() if isinstance(one, CachedConcepts)],
    }
    use: dict[str, Any] = {
        kind: {"hits": sum(one.hits for one in own), "misses": sum(one.misses for one in own)}
        for kind, own in cached.items()
        if own
    }
    for one in (sam, *cached["phrases"]):
        if isinstance(one, CachedSegmenter | CachedConcepts):
            use["dtype"] = one.stored_type
    return use or None


def _key(image: str, phrase: str) -> str:
    # The image's own digest is made once for all its phrases.
    return hashlib.sha256(json.dumps([image, phrase]).encode()).hexdigest()


def _joined(every: list[_Stored], frame: Frame, device: torch.device) -> Concepts:
    if not every:
        return Concepts(frame, torch.zeros(0, device=device))
    own = [{name: tensor.to(device, torch.float32) for name, tensor in stored.items()} for stored in every]
    presence = torch.cat([stored["presence"] for stored in own])
    semantic = torch.stack([stored["semantic"] for stored in own]) if "semantic" in own[0] else None
    found = tuple(Instances(stored["masks"], stored["scores"]) for stored in own if "masks" in stored)
    return Concepts(frame, presence, semantic, found if "masks" in own[0] else None)
