"""Detectors that are prompted by words: what tells Grounding DINO and OWLv2 apart."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from lit_samseg.concepts.backbone_once import BackboneOnce
from lit_samseg.concepts.loading import Architecture, prepare, square_side
from lit_samseg.concepts.phrases import Text
from lit_samseg.errors import InputError

THINNEST = 64
"""Pixels of Grounding DINO's shorter side at least: of a thinner image it has fewer places than it asks for."""


@dataclass(frozen=True)
class Boxes:
    """Boxes of one phrase.

    Attributes:
        corners: x_min, y_min, x_max, y_max in pixels of the image, float32 ``[Q, 4]``; edges, not middles of pixels.
        scores: float32 ``[Q]``, 0 to 1.
    """

    corners: Tensor
    scores: Tensor


class Detector(Architecture):
    """One architecture of detectors.

    Attributes:
        threshold: Boxes with a score above it are kept where nothing else was asked, as its authors do.
    """

    threshold: ClassVar[float]

    def adapt(self, model: Any, processor: Any, checkpoint: str) -> None:
        """Make a loaded network fit for `see` and `find`.

        Raises:
            InputError: The image processor does not fit the network.
        """

    @abstractmethod
    def see(self, model: Any, processor: Any, image: Tensor) -> Any:
        """Return what the network makes of an image, uint8 ``[3, H, W]``, as far as that depends on no text."""

    @abstractmethod
    def find(self, model: Any, seen: Any, texts: Sequence[Text]) -> tuple[Tensor, Tensor]:
        """Ask for texts of equal shapes, one or more.

        Returns:
            Scores, float32 ``[n, Q]``, and boxes as x_middle, y_middle, width, height, float32 ``[n, Q, 4]``, in units
            of `sides`.
        """

    @abstractmethod
    def sides(self, height: int, width: int) -> tuple[int, int]:
        """Return the width and height in pixels that boxes are parts of."""

    def boxes(self, scores: Tensor, parts: Tensor, image: tuple[int, int]) -> Boxes:
        """Bring what `find` says of one text to an image of ``(height, width)`` pixels, cut to it."""
        height, width = image
        middle, size = parts[:, :2], parts[:, 2:]
        units = parts.new_tensor(self.sides(height, width) * 2)
        corners = torch.cat([middle - size / 2, middle + size / 2], 1) * units
        most = corners.new_tensor([width, height, width, height])
        return Boxes(torch.minimum(corners.clamp(min=0), most), scores)


class GroundingDino(Detector):
    """Grounding DINO (Liu et al., 2024).

    Asked "PHRASE." in lower case, one phrase a text: among others, a phrase would get other boxes. A box's score is the
    largest of all its tokens', as in the library and in the official code; naming boxes by tokens above a text
    threshold is needed only where a text has several phrases.
    """

    threshold = 0.25

    def text_length(self, config: Any) -> int:
        """Return the length after which the network cuts texts off."""
        return int(config.max_text_len)

    def wording(self, phrase: str) -> str:
        """Return the phrase in lower case, with the full stop that ends it.

        Raises:
            InputError: There is one within it, or nothing else.
        """
        words = phrase.strip().lower().rstrip(".").rstrip()
        if not words:
            raise InputError(f"the phrase {phrase!r} has no word; give one")
        if "." in words or "?" in words:
            raise InputError(
                f"the phrase {phrase!r} has a '.' or '?', which ends a phrase to Grounding DINO; leave it out"
            )
        return f"{words}."

    def adapt(self, model: Any, processor: Any, checkpoint: str) -> None:
        """Let the backbone answer once for an image."""
        model.model.backbone = BackboneOnce(model.model.backbone)

    def see(self, model: Any, processor: Any, image: Tensor) -> Any:
        """Return the pixels ``[1, 3, h, w]`` and the backbone's features with their masks and position encodings."""
        height, width = image.shape[-2:]
        size = processor.size
        # One image alone needs no padding, which would have to be masked.
        more: dict[str, Any] = {"do_pad": False}
        if size.shortest_edge and size.longest_edge:
            least = min(THINNEST, size.shortest_edge)
            if size.longest_edge * min(height, width) < least * max(height, width):
                # Boxes are parts of the image, so that a stretched one will do.
                sides = (least, size.longest_edge) if height < width else (size.longest_edge, least)
                more["size"] = dict(zip(("height", "width"), sides, strict=True))
        pixels = prepare(processor, image, **more)
        return pixels, model.model.backbone.see(pixels)

    def read(self, model: Any, ids: Tensor, mask: Tensor) -> Text:
        """Return the tokens and which of them are no filling: the network reads texts and images together."""
        return ids[0], mask[0]

    def find(self, model: Any, seen: Any, texts: Sequence[Text]) -> tuple[Tensor, Tensor]:
        """Ask for all texts in one batch, in which the image is repeated without a copy."""
        pixels, features = seen
        ids, masks = (torch.stack(tensors) for tensors in zip(*texts, strict=True))
        with model.model.backbone.holding(features):
            output = model(
                pixel_values=pixels.expand(len(texts), *pixels.shape[1:]), input_ids=ids, attention_mask=masks
            )
        return output.logits.float().sigmoid().max(-1).values, output.pred_boxes.float()

    def sides(self, height: int, width: int) -> tuple[int, int]:
        """Return the image's own."""
        return width, height


class Owlv2(Detector):
    """OWLv2 (Minderer et al., 2023): a box for every patch, and each compared with a phrase's embedding."""

    threshold = 0.1

    def text_length(self, config: Any) -> int:
        """Return how many positions the text encoder has."""
        return int(config.text_config.max_position_embeddings)

    def adapt(self, model: Any, processor: Any, checkpoint: str) -> None:
        """See that images are prepared in the size of the network.

        Raises:
            InputError: They are not.
        """
        square_side(processor, checkpoint, model.config.vision_config.image_size)

    def see(self, model: Any, processor: Any, image: Tensor) -> Any:
        """Return the features of each patch ``[1, Q, D]`` and its box ``[1, Q, 4]``."""
        grid, _ = model.image_embedder(pixel_values=prepare(processor, image))
        patches = grid.flatten(1, 2)
        return patches, model.box_predictor(patches, grid)

    def read(self, model: Any, ids: Tensor, mask: Tensor) -> Text:
        """Return the text's embedding ``[D]``, of length 1."""
        (embedding,) = model.owlv2.get_text_features(input_ids=ids, attention_mask=mask).pooler_output
        return (embedding / torch.linalg.norm(embedding),)

    def find(self, model: Any, seen: Any, texts: Sequence[Text]) -> tuple[Tensor, Tensor]:
        """Compare the patches with all texts."""
        patches, parts = seen
        logits, _ = model.class_predictor(patches, torch.stack([embedding for (embedding,) in texts])[None])
        return logits[0].T.float().sigmoid(), parts.float().expand(len(texts), -1, -1)

    def sides(self, height: int, width: int) -> tuple[int, int]:
        """Return those of the square that the image is padded to, right and below."""
        return max(height, width), max(height, width)


DETECTORS: dict[str, Detector] = {
    "grounding-dino": GroundingDino("GroundingDinoForObjectDetection", "GroundingDinoImageProcessor", "BertTokenizer"),
    "owlv2": Owlv2("Owlv2ForObjectDetection", "Owlv2ImageProcessor", padded=True),
}
"""By the ``model_type`` of ``config.json``."""
