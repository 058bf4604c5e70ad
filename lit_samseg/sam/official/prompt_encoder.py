"""SAM's prompt encoder: the function of the official module, without waiting for a device.

Source: segment-anything, ``modeling/prompt_encoder.py`` (Kirillov et al., 2023).
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.sam.prompt_tensors import NO_POINT

if TYPE_CHECKING:
    from segment_anything.modeling import PromptEncoder


def prompt_tokens(
    encoder: "PromptEncoder", count: int, points: Tensor | None, boxes: Tensor | None, negative: int = 0
) -> Tensor:
    """Encode points and boxes as ``PromptEncoder`` does, without waiting for the device.

    Args:
        encoder: SAM's prompt encoder.
        count: ``B``, how many prompts there are.
        points: float32 ``[B, K, 2]`` in frame pixels, or None.
        boxes: float32 ``[B, 4]`` likewise, or None.
        negative: How many of the points, the last ones, are of the background.

    Returns:
        float32 ``[B, T, C]``; ``T`` is 0 where both are None (a prompt of a mask alone).
    """
    tokens = [encoder.no_mask_embed.weight.new_empty(count, 0, encoder.embed_dim)]
    if points is not None:
        background, foreground = (encoder.point_embeddings[label].weight for label in (0, 1))
        kinds = torch.cat([foreground.expand(points.shape[1] - negative, -1), background.expand(negative, -1)])
        tokens.append(encoder.pe_layer.forward_with_coords(points + 0.5, encoder.input_image_size) + kinds)
        if boxes is None:
            tokens.append(encoder.not_a_point_embed.weight.expand(count, 1, -1))
    if boxes is not None:
        corners = torch.stack([encoder.point_embeddings[2].weight[0], encoder.point_embeddings[3].weight[0]])
        where = boxes.view(-1, 2, 2) + 0.5
        tokens.append(encoder.pe_layer.forward_with_coords(where, encoder.input_image_size) + corners)
    return torch.cat(tokens, dim=1)


def mixed_tokens(encoder: "PromptEncoder", places: Tensor, kinds: Tensor) -> Tensor:
    """Encode tokens of any kinds as `prompt_tokens` does.

    Args:
        encoder: SAM's prompt encoder.
        places: In frame pixels, float32 ``[B, T, 2]`` as (x, y); those of `NO_POINT` do not count.
        kinds: int64 ``[B, T]``, as `lit_samseg.sam.prompt_tensors` has them.

    Returns:
        float32 ``[B, T, C]``; of filling anything.
    """
    # In the order of the kinds; -1, the filling, is the last one too.
    own = torch.cat([*(embedding.weight for embedding in encoder.point_embeddings), encoder.not_a_point_embed.weight])
    encoded: Tensor = encoder.pe_layer.forward_with_coords(places + 0.5, encoder.input_image_size)
    return encoded.masked_fill((kinds == NO_POINT)[..., None], 0) + own[kinds]


def mask_tokens(encoder: "PromptEncoder", masks: Tensor) -> Tensor:
    """Encode mask prompts as ``PromptEncoder`` does, pixels first.

    Args:
        encoder: SAM's prompt encoder.
        masks: Logits float32 ``[B, 1, 4h, 4w]``.

    Returns:
        float ``[B, h * w, C]``: what is added to the image's tokens.
    """
    *layers, last = encoder.mask_downscaling
    for layer in layers:
        masks = layer(masks)
    return F.linear(masks.flatten(2).mT, last.weight.flatten(1), last.bias)
