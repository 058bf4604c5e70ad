"""Masks by words from two networks: a detector that is prompted by words, and a SAM that is prompted by its boxes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lit_samseg.checkpoints.identity import identity_of
from lit_samseg.checkpoints.weights import freeze
from lit_samseg.concepts.detectors import DETECTORS, Boxes
from lit_samseg.concepts.hub_concepts import REMEDY
from lit_samseg.concepts.interface import Concepts, ConceptSegmenter, Instances, SeenImage
from lit_samseg.concepts.loading import load
from lit_samseg.concepts.phrases import check_options, in_groups
from lit_samseg.concepts.texts import Texts
from lit_samseg.runtime.transfer import download
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import Embedding, Prompt, PromptableSegmenter
from lit_samseg.sam.oom_retry import Halving
from lit_samseg.sam.precision import autocast
from lit_samseg.sam.segment_anything import SegmentAnything

DEFAULT_SAM = "mobile_sam"
"""The smallest of the published ones: of a box, unlike of a point, there is little to be seen."""
PHRASES_PER_CALL = 4
"""Phrases that a GPU looks for at once."""


class BoxesByText(ConceptSegmenter):
    """A frozen detector in the layout of transformers, in front of any SAM.

    ``grounding-dino`` and ``owlv2`` are read. Each box that the detector finds for a phrase is one prompt; of SAM's
    candidates the one with its best score is the mask. The detector computes in SAM's precision, and encodes an image
    once, as SAM does; what Grounding DINO makes of image and text together is done for each phrase, one phrase a text.

    A detector says nothing of a phrase's presence. It is the largest of the boxes' scores, and 0 where no box is above
    the threshold. An instance's score is its share of that, so that score times presence is what the detector said.

    Args:
        checkpoint: The detector's: a folder with ``config.json``, ``model.safetensors``, image processor settings and
            tokenizer, or a hub id such as ``IDEA-Research/grounding-dino-tiny`` or ``google/owlv2-base-patch16``.
        sam: Makes masks of boxes. None takes MobileSAM, which is downloaded once.
        threshold: Boxes with a score above it are kept; by default what the detector's authors take, 0.25 for Grounding
            DINO and 0.1 for OWLv2.
        most_instances: The best so many boxes of a phrase are kept.
        phrases_at_once: Phrases in one call of the detector; by default 1 on a CPU and `PHRASES_PER_CALL` on a GPU.

    Raises:
        InputError: The checkpoint is missing, broken or of another architecture, or an option is out of range.
    """

    model: Any

    def __init__(
        self,
        checkpoint: str,
        sam: PromptableSegmenter | None = None,
        threshold: float | None = None,
        most_instances: int = 20,
        phrases_at_once: int | None = None,
    ) -> None:
        super().__init__()
        check_options(phrases_at_once, threshold, most_instances, "BoxesByText")
        self.detector, loaded = load(checkpoint, DETECTORS, "BoxesByText")
        self.model, self.sha256 = loaded.model, loaded.sha256
        self.processor = loaded.processor
        self.detector.adapt(self.model, self.processor, checkpoint)
        self.sam = sam = SegmentAnything(DEFAULT_SAM) if sam is None else sam
        freeze(self)
        self.settings_sha256 = loaded.settings_sha256
        self.name = f"{Path(checkpoint).expanduser().absolute().name}+{sam.name}"
        self.checkpoint, self.precision = checkpoint, sam.precision
        self.threshold = self.detector.threshold if threshold is None else threshold
        self.most_instances, self.phrases_at_once = most_instances, phrases_at_once
        self.fitting = Halving(self.name, "phrases", "text-prompted", REMEDY)
        self.texts = Texts(self.detector, loaded, self.precision)

    @property
    def identity(self) -> str | None:
        """The detector's weights, configuration, tokenizer and preparation of images, which boxes are kept, and SAM."""
        sam = self.sam.identity
        if sam is None:
            return None
        return identity_of(
            self,
            BoxesByText,
            weights=self.sha256,
            files=self.settings_sha256,
            detector=self.detector.model,
            threshold=self.threshold,
            most_instances=self.most_instances,
            sam=sam,
        )

    def frame(self, image: Tensor) -> Frame:
        """Return SAM's frame of an image ``[3, H, W]``."""
        return self.sam.frame(image)

    def check_phrases(self, phrases: Sequence[str]) -> None:
        """See that phrases can be read whole.

        Raises:
            InputError: One is empty, longer than the detector reads, or has a full stop that would end it.
        """
        super().check_phrases(phrases)
        self.texts.check(phrases)

    @torch.inference_mode()
    def encode(self, image: Tensor, target: Tensor | None = None) -> SeenImage:
        """Encode an image with both networks; ``target`` is not looked at."""
        (embedding,) = self.sam.encode([image])
        with autocast(image.device, self.precision):
            return SeenImage(embedding.frame, (embedding, self.detector.see(self.model, self.processor, image)))

    @torch.inference_mode()
    def segment(self, seen: SeenImage, phrases: Sequence[str]) -> Concepts:
        """Say what each phrase means in an image.

        Raises:
            InputError: A phrase is empty or too long, or the memory does not hold the work on a single one.
        """
        embedding, found = seen.content
        every = self._find(found, phrases, (seen.frame.height, seen.frame.width))
        presence = (
            torch.stack([_largest(boxes.scores) for boxes in every]) if every else embedding.features.new_empty(0)
        )
        return Concepts(seen.frame, presence, None, tuple(self._masks(embedding, boxes) for boxes in every))

    def _find(self, seen: Any, phrases: Sequence[str], image: tuple[int, int]) -> list[Boxes]:
        """Return the boxes of each phrase that are kept, best first."""
        device = self.model.device
        self.check_phrases(phrases)
        texts = self.texts.read(phrases)
        every: dict[int, Boxes] = {}

        def find(chunk: Sequence[int]) -> None:
            with autocast(device, self.precision):
                scores, parts = self.detector.find(self.model, seen, [texts[n] for n in chunk])
            for n, own, places in zip(chunk, scores, parts, strict=True):
                every[n] = self._keep(self.detector.boxes(own, places, image))

        at_once = self.phrases_at_once or (1 if device.type == "cpu" else PHRASES_PER_CALL)
        for group in in_groups(texts):
            self.fitting.run(group, at_once, find)
        return [every[n] for n in range(len(texts))]

    def _keep(self, boxes: Boxes) -> Boxes:
        # A box that lies in the padding alone has no width or height left in the image.
        inside = (boxes.corners[:, 2:] > boxes.corners[:, :2]).all(1)
        scores, order = (boxes.scores * inside).sort(descending=True, stable=True)
        kept = order[: self.most_instances][scores[: self.most_instances] > self.threshold]
        return Boxes(boxes.corners[kept], boxes.scores[kept])

    def _masks(self, embedding: Embedding, boxes: Boxes) -> Instances:
        """Ask SAM for one phrase's boxes; those of all phrases together would be gigabytes."""
        (corners,) = download([boxes.corners])
        # Edges to the pixels inside them.
        first = corners[:, :2].double()
        last = torch.maximum(corners[:, 2:].double() - 1, first)
        prompts = [Prompt(box=box) for box in torch.cat([first, last], 1)]
        candidates = self.sam.decode(embedding, prompts)
        best = candidates.scores.argmax(1)
        masks = candidates.low_res_logits[torch.arange(len(best), device=best.device), best]
        return Instances(masks, boxes.scores / _largest(boxes.scores))


def _largest(scores: Tensor) -> Tensor:
    return scores.max() if len(scores) else scores.new_zeros(())
