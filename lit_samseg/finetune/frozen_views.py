"""What the frozen networks make of a training image: computed once, kept for later epochs."""

import secrets
from dataclasses import replace

import torch
from torch import Tensor

from lit_samseg.cache import TensorStore, is_known, key_of
from lit_samseg.data import Sample
from lit_samseg.evaluation.predictor import Predictor
from lit_samseg.refine import Grid
from lit_samseg.runtime.code_digest import code_digest
from lit_samseg.sam import Embedding, TrainableSegmenter


class FrozenViews:
    """Embeddings and class scores of training images.

    An entry takes 2 MB for the embedding, if that is kept in fp16, and about 0.1 MB for each class that may be in the
    image.

    Args:
        predictor: Both networks; its SAM keeps embeddings itself.
        store: Keeps the scores.
        learning: A SAM whose image encoder learns, and computes each embedding anew, with gradients; None for none.
    """

    def __init__(self, predictor: Predictor, store: TensorStore, learning: TrainableSegmenter | None = None) -> None:
        assert predictor.baseline is not None, "a training has one"
        self._predictor, self._store, self._learning = predictor, store, learning
        self._baseline = baseline = predictor.baseline
        # Of a baseline of which nobody says what it depends on, another run's scores may be others.
        self._this_run = None if is_known(baseline) else secrets.token_hex()
        self._code = str(code_digest(map(type, baseline.modules())))

    def __call__(self, sample: Sample) -> tuple[Embedding, Grid]:
        """Look an image up, or compute and keep it."""
        return self._embedding(sample.image), self._grid(sample)

    @torch.no_grad()
    def closer(self, sample: Sample) -> Tensor | None:
        """Look up or compute what the baseline thinks at its second look (`ImageContext.closer`)."""
        if self._predictor.sam.second_look is None:
            return None
        key = self._key("look", sample, scale=self._predictor.sam.second_look)
        kept = self._store.get(key)
        if kept is None:
            planes = self._predictor.set_image(sample.image, name=sample.id, origin=sample.origin).closer
            assert planes is not None, "SAM wants it"
            kept = {"planes": planes.half()}
            self._store.put(key, kept)
        return kept["planes"].to(sample.image.device).float()

    def _embedding(self, image: Tensor) -> Embedding:
        if self._learning is not None:
            return self._learning.encode_with_gradients([image])[0]
        (embedding,) = self._predictor.sam.encode([image])
        # Copies: what was made in inference mode cannot take part in a backward pass.
        levels = tuple(level.clone() for level in embedding.levels)
        return replace(embedding, features=embedding.features.clone(), levels=levels)

    @torch.no_grad()
    def _grid(self, sample: Sample) -> Grid:
        frame, device = self._predictor.sam.frame(sample.image), sample.image.device
        key = self._key("grid", sample)
        kept = self._store.get(key)
        if kept is None:
            grid = self._predictor.set_image(sample.image, name=sample.id, origin=sample.origin).grid
            kept = {
                "classes": grid.classes,
                "log_probabilities": grid.log_probabilities.half(),
                "labels": grid.labels,
                "image": grid.image.round().byte(),
            }
            self._store.put(key, kept)
        own = {name: tensor.to(device) for name, tensor in kept.items()}
        scores, image = own["log_probabilities"].float(), own["image"].float()
        return Grid(frame, own["classes"].long(), scores, own["labels"].long(), image)

    def _key(self, kind: str, sample: Sample, **more: float) -> str:
        frame = self._predictor.sam.frame(sample.image)
        facts = {"baseline": self._baseline.identity, "background": self._predictor.background, "frame": repr(frame)}
        if self._this_run is not None:
            facts |= {"run": self._this_run, "id": sample.id, "view": sample.view}
        return key_of(kind, sample.image, self._code, **facts, **more)
