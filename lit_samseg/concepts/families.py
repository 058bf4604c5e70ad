"""What tells the text-prompted segmenters of transformers apart: sizes, and what image and text hand to the answer."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from lit_samseg.concepts.loading import Architecture
from lit_samseg.concepts.phrases import Text

SAM3_TEXT_LENGTH = 32
"""Tokens that ``Sam3Processor`` fills every text up to."""


@dataclass(frozen=True)
class Answers:
    """What a network says of ``n`` phrases.

    Attributes:
        presence: How likely each phrase means anything in the image, ``[n]``, 0 to 1.
        semantic: Logits of all that a phrase means, ``[n, mask_size, mask_size]``.
        masks: Logits of single things, ``[n, Q, mask_size, mask_size]``; None where there are none.
        scores: How likely each is such a thing if the phrase means anything, ``[n, Q]``, 0 to 1.
    """

    presence: Tensor
    semantic: Tensor
    masks: Tensor | None = None
    scores: Tensor | None = None


class Family(Architecture):
    """One architecture of segmenters.

    Attributes:
        has_instances: Whether it gives single things.
    """

    has_instances: ClassVar[bool] = True

    @abstractmethod
    def only_side(self, config: Any) -> Any:
        """Return the ``image_size`` of a network that takes no other; None of one that takes any."""

    @abstractmethod
    def mask_size(self, config: Any, side: int) -> int:
        """Return the side of the logits of a square image of ``side`` pixels."""

    @abstractmethod
    def see(self, model: Any, pixels: Tensor) -> Any:
        """Return what the network makes of one image ``[1, 3, side, side]``."""

    @abstractmethod
    def answer(self, model: Any, seen: Any, texts: Sequence[Text]) -> Answers:
        """Return what the network says of texts, one or more, on an image."""


class Sam3(Family):
    """SAM 3 (Carion et al., 2025)."""

    def text_length(self, config: Any) -> int:
        """Return the processor's length, or the fewer positions that the text encoder has."""
        return min(SAM3_TEXT_LENGTH, int(config.text_config.max_position_embeddings))

    def only_side(self, config: Any) -> Any:
        """Return the size that the encoder's rotary positions are made for."""
        return config.vision_config.image_size

    def mask_size(self, config: Any, side: int) -> int:
        """Return the side of the pyramid's finest level."""
        vision = config.vision_config
        return int(side // vision.backbone_config.patch_size * vision.scale_factors[0])

    def see(self, model: Any, pixels: Tensor) -> Any:
        """Return the pyramid and its position encodings."""
        encoded = model.get_vision_features(pixel_values=pixels)
        return type(encoded)(
            fpn_hidden_states=tuple(encoded.fpn_hidden_states),
            fpn_position_encoding=tuple(encoded.fpn_position_encoding),
        )

    def read(self, model: Any, ids: Tensor, mask: Tensor) -> Text:
        """Return the features of each token ``[T, D]`` and which of them are no filling."""
        return model.get_text_features(input_ids=ids, attention_mask=mask).pooler_output[0], mask[0]

    def answer(self, model: Any, seen: Any, texts: Sequence[Text]) -> Answers:
        """Ask for all texts in one batch, in which the image is repeated without a copy."""
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        features, masks = (torch.stack(tensors) for tensors in zip(*texts, strict=True))
        count = len(texts)
        output = model(
            vision_embeds=type(seen)(
                fpn_hidden_states=_repeat(seen.fpn_hidden_states, count),
                fpn_position_encoding=_repeat(seen.fpn_position_encoding, count),
            ),
            # An output of `get_text_features`, of which this alone is read; a tensor is refused.
            text_embeds=BaseModelOutputWithPooling(pooler_output=features),
            attention_mask=masks,
        )
        return Answers(
            output.presence_logits[:, 0].float().sigmoid(),
            output.semantic_seg[:, 0].float(),
            output.pred_masks,
            output.pred_logits.float().sigmoid(),
        )


class Sam3LiteText(Sam3):
    """SAM 3 with a smaller text encoder, whose positions are interpolated to any length."""

    def text_length(self, config: Any) -> int:
        """Return the processor's length."""
        return SAM3_TEXT_LENGTH


class ClipSeg(Family):
    """CLIPSeg (Lüddecke and Ecker, 2022): a map for each phrase, and nothing else.

    Whether a phrase means anything is not asked of it: its presence is 1, so that `Concepts.evidence` is the map's own
    probability. Its largest value there says how sure the network is.
    """

    has_instances = False

    def text_length(self, config: Any) -> int:
        """Return how many positions the text encoder has."""
        return int(config.text_config.max_position_embeddings)

    def only_side(self, config: Any) -> None:
        """Return None: positions are interpolated, and the published one is asked with larger squares than its own."""

    def mask_size(self, config: Any, side: int) -> int:
        """Return the side after the decoder's transposed convolutions, one of a patch or two of a quarter of it."""
        patch = int(config.vision_config.patch_size)
        return side // patch * ((patch // 4) ** 2 if config.use_complex_transposed_convolution else patch)

    def see(self, model: Any, pixels: Tensor) -> Any:
        """Return the activations that the decoder takes."""
        states = model.clip.get_image_features(pixel_values=pixels, output_hidden_states=True).hidden_states
        # The first of the states is what the layers start from.
        return tuple(states[layer + 1] for layer in model.extract_layers)

    def read(self, model: Any, ids: Tensor, mask: Tensor) -> Text:
        """Return the text's embedding ``[D]``."""
        return (model.get_conditional_embeddings(batch_size=1, input_ids=ids, attention_mask=mask)[0],)

    def answer(self, model: Any, seen: Any, texts: Sequence[Text]) -> Answers:
        """Decode all texts in one batch, in which the image is repeated without a copy."""
        embeddings = torch.stack([embedding for (embedding,) in texts])
        logits = model.decoder(_repeat(seen, len(texts)), embeddings).logits.float()
        return Answers(logits.new_ones(len(texts)), logits)


def _repeat(tensors: Sequence[Tensor], count: int) -> tuple[Tensor, ...]:
    return tuple(tensor.expand(count, *tensor.shape[1:]) for tensor in tensors)


_SAM3 = Sam3("Sam3Model", "Sam3ImageProcessor", padded=True)

FAMILIES: dict[str, Family] = {
    "sam3": _SAM3,
    # What the published SAM 3 calls itself; the part for images is loaded.
    "sam3_video": _SAM3,
    "sam3_lite_text": Sam3LiteText("Sam3LiteTextModel", "Sam3ImageProcessor", padded=True),
    "clipseg": ClipSeg("CLIPSegForImageSegmentation", "ViTImageProcessor"),
}
"""By the ``model_type`` of ``config.json``."""
