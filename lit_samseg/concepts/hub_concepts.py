"""Text-prompted segmenters in the layout of transformers: SAM 3, SAM 3 Lite-Text and CLIPSeg."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lit_samseg.checkpoints.identity import identity_of
from lit_samseg.checkpoints.weights import freeze
from lit_samseg.concepts.families import FAMILIES, Answers
from lit_samseg.concepts.interface import Concepts, ConceptSegmenter, Instances, SeenImage
from lit_samseg.concepts.loading import load, prepare, square_side
from lit_samseg.concepts.phrases import check_options, in_groups
from lit_samseg.concepts.texts import Texts
from lit_samseg.sam.frame import SquareFrame
from lit_samseg.sam.interface import Precision
from lit_samseg.sam.oom_retry import Halving
from lit_samseg.sam.precision import autocast, check_precision

PHRASES_PER_CALL = 8
"""Phrases that a GPU answers at once: about 0.3 GB each for SAM 3 in its published size, measured on a CPU."""
REMEDY = "set precision: bf16, take a smaller network"


class HubConcepts(ConceptSegmenter):
    """A frozen text-prompted segmenter, recognised by the ``model_type`` of its configuration.

    ``sam3``, ``sam3_video`` (so the published SAM 3 calls itself; its part for images is loaded), ``sam3_lite_text``
    and ``clipseg`` are read. Images are prepared by the library's own processor with the checkpoint's settings: a
    stretched square, without padding. An image is encoded once for all phrases, and a phrase once for all images.

    Presence, semantic logits and scores of instances are the network's own; CLIPSeg gives no instances, and 1 as
    presence. On a CPU each phrase is answered alone. On a GPU last bits depend on the phrases beside it.

    Args:
        checkpoint: A folder with ``config.json``, ``model.safetensors``, image processor settings and tokenizer, or a
            hub id such as ``facebook/sam3`` or ``CIDAS/clipseg-rd64-refined``.
        precision: ``fp32``, ``bf16`` or ``fp16`` arithmetic (weights stay fp32). What is said of phrases is fp32.
        phrases_at_once: Phrases in one call; by default 1 on a CPU and `PHRASES_PER_CALL` on a GPU. Where they do not
            fit into the memory, fewer are taken.
        least_score: Instances whose score times presence is not above it are left out (0.3 in transformers, 0.5 in the
            official code).
        most_instances: The best so many instances of a phrase are kept.

    Raises:
        InputError: The checkpoint is missing, gated, broken or of another architecture, or an option is out of range.
    """

    model: Any

    def __init__(
        self,
        checkpoint: str,
        precision: Precision = "fp32",
        phrases_at_once: int | None = None,
        least_score: float = 0.3,
        most_instances: int = 20,
    ) -> None:
        super().__init__()
        check_precision(precision)
        check_options(phrases_at_once, least_score, most_instances, "HubConcepts")
        self.family, loaded = load(checkpoint, FAMILIES, "HubConcepts")
        self.model, self.sha256 = loaded.model, loaded.sha256
        self.processor = loaded.processor
        self.side = square_side(self.processor, checkpoint, self.family.only_side(self.model.config))
        self.mask_side = self.family.mask_size(self.model.config, self.side)
        freeze(self)
        self.settings_sha256 = loaded.settings_sha256
        self.name = Path(checkpoint).expanduser().absolute().name
        self.checkpoint, self.precision = checkpoint, precision
        self.phrases_at_once, self.least_score, self.most_instances = phrases_at_once, least_score, most_instances
        self.fitting = Halving(self.name, "phrases", "text-prompted", REMEDY)
        self.texts = Texts(self.family, loaded, self.precision)

    @property
    def identity(self) -> str | None:
        """Weights, configuration, tokenizer, preparation of images, and which instances are kept."""
        return identity_of(
            self,
            HubConcepts,
            weights=self.sha256,
            files=self.settings_sha256,
            family=self.family.model,
            least_score=self.least_score,
            most_instances=self.most_instances,
        )

    def frame(self, image: Tensor) -> SquareFrame:
        """Return the frame of an image ``[3, H, W]``."""
        return SquareFrame(image.shape[-2], image.shape[-1], self.side, self.mask_side)

    def check_phrases(self, phrases: Sequence[str]) -> None:
        """See that phrases can be read whole.

        Raises:
            InputError: One is empty, or longer than the network reads.
        """
        super().check_phrases(phrases)
        self.texts.check(phrases)

    @torch.inference_mode()
    def encode(self, image: Tensor, target: Tensor | None = None) -> SeenImage:
        """Encode an image; ``target`` is not looked at."""
        pixels = prepare(self.processor, image)
        with autocast(image.device, self.precision):
            return SeenImage(self.frame(image), self.family.see(self.model, pixels))

    @torch.inference_mode()
    def segment(self, seen: SeenImage, phrases: Sequence[str]) -> Concepts:
        """Say what each phrase means in an image.

        Raises:
            InputError: A phrase is empty or too long, or the memory does not hold the work on a single one.
        """
        device, side = self.model.device, self.mask_side
        self.check_phrases(phrases)
        texts = self.texts.read(phrases)
        presence = torch.empty(len(texts), device=device)
        semantic = torch.empty(len(texts), side, side, device=device)
        instances = [Instances(semantic[:0], presence[:0])] * len(texts)

        def answer(chunk: Sequence[int]) -> None:
            with autocast(device, self.precision):
                said = self.family.answer(self.model, seen.content, [texts[n] for n in chunk])
            for n, own in zip(chunk, self._keep(said), strict=True):
                instances[n] = own
            where = torch.tensor(chunk, device=device)
            presence.index_copy_(0, where, said.presence)
            semantic.index_copy_(0, where, said.semantic)

        at_once = self.phrases_at_once or (1 if device.type == "cpu" else PHRASES_PER_CALL)
        for group in in_groups(texts):
            self.fitting.run(group, at_once, answer)
        return Concepts(seen.frame, presence, semantic, tuple(instances) if self.family.has_instances else None)

    def _keep(self, said: Answers) -> list[Instances]:
        """Return the best instances of each phrase, best first; none where the network gives none."""
        if said.masks is None or said.scores is None:
            none = Instances(said.semantic[:0], said.presence[:0])
            return [none] * len(said.presence)
        kept = []
        for masks, scores, presence in zip(said.masks, said.scores, said.presence, strict=True):
            best, order = scores.sort(descending=True, stable=True)
            count = min(self.most_instances, int((best * presence > self.least_score).sum()))
            # Copies: views would keep the masks of all queries.
            kept.append(Instances(masks[order[:count]].float(), best[:count].clone()))
        return kept
