"""What the frozen networks make of a training image: computed once, kept for later epochs."""

import secrets
from dataclasses import replace

import torch

from lit_samseg.baselines import Baseline
from lit_samseg.cache import TensorStore, is_known, key_of
from lit_samseg.data import Sample
from lit_samseg.refine import Grid, make_grid
from lit_samseg.runtime.code_digest import code_digest
from lit_samseg.sam import Embedding, PromptableSegmenter


class FrozenViews:
    """Embeddings and class scores of training images.

    An entry takes 2 MB for the embedding, if that is kept in fp16, and about 0.1 MB for each class that may be in the
    image.

    Args:
        baseline: The semantic segmenter.
        sam: The promptable segmenter, which keeps its embeddings itself.
        store: Keeps the scores.
        background: As for ``make_grid``.
    """

    def __init__(
        self, baseline: Baseline, sam: PromptableSegmenter, store: TensorStore, background: int | None
    ) -> None:
        self._baseline, self._sam, self._store, self._background = baseline, sam, store, background
        # Of a baseline of which nobody says what it depends on, another run's scores may be others.
        self._this_run = None if is_known(baseline) else secrets.token_hex()
        self._code = str(code_digest(map(type, baseline.modules())))

    @torch.no_grad()
    def __call__(self, sample: Sample) -> tuple[Embedding, Grid]:
        """Look an image up, or compute and keep it."""
        (embedding,) = self._sam.encode([sample.image])
        # Copies: what was made in inference mode cannot take part in a backward pass.
        return replace(embedding, features=embedding.features.clone()), self._grid(sample)

    def _grid(self, sample: Sample) -> Grid:
        frame, device = self._sam.frame(sample.image), sample.image.device
        facts = {"baseline": self._baseline.identity, "background": self._background, "frame": repr(frame)}
        if self._this_run is not None:
            facts |= {"run": self._this_run, "id": sample.id}
        key = key_of("grid", sample.image, self._code, **facts)
        kept = self._store.get(key)
        if kept is None:
            label_map, logits = self._baseline.predict(sample.image, sample.id)
            grid = make_grid(sample.image, label_map, logits, frame, self._background)
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
