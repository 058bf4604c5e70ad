"""SAM's mask decoder, arranged for speed: the weights and the function of the official module.

Most of the official decoder's time goes into projecting the image's 4096 tokens, for every prompt, block and direction
anew. A prompt has few tokens, so here the projections are moved to their side. With image tokens X (``[N, C]``), prompt
tokens Q, and W a projection, ``Q W_q (X W_k)^T`` is computed as ``(Q W_q W_k^T) X^T`` and ``A (X W_v)`` as ``(A X)
W_v``: products with ``heads * T`` rows take the place of products with N rows and C columns. A bias of the keys adds
the same to all scores of a softmax and falls away. Up-scaling keeps channels last, where a transposed convolution whose
kernel is its stride is one matrix product and only the finished logits are put in their places.

Sources: segment-anything, ``modeling/mask_decoder.py`` and ``modeling/transformer.py`` (Kirillov et al., 2023). Results
differ from theirs by rounding (tests/sam/test_mask_decoder.py).
"""

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from segment_anything.modeling import MaskDecoder, PromptEncoder
    from segment_anything.modeling.transformer import Attention, TwoWayAttentionBlock


def prompt_tokens(encoder: "PromptEncoder", count: int, points: Tensor | None, boxes: Tensor | None) -> Tensor:
    """Encode foreground points and boxes as ``PromptEncoder`` does, without waiting for the device.

    Args:
        encoder: SAM's prompt encoder.
        count: ``B``, how many prompts there are.
        points: float32 ``[B, K, 2]`` in frame pixels, or None.
        boxes: float32 ``[B, 4]`` likewise, or None.

    Returns:
        float32 ``[B, T, C]``; ``T`` is 0 where both are None (a prompt of a mask alone).
    """
    tokens = [encoder.no_mask_embed.weight.new_empty(count, 0, encoder.embed_dim)]
    if points is not None:
        foreground = encoder.point_embeddings[1].weight
        tokens.append(encoder.pe_layer.forward_with_coords(points + 0.5, encoder.input_image_size) + foreground)
        if boxes is None:
            tokens.append(encoder.not_a_point_embed.weight.expand(count, 1, -1))
    if boxes is not None:
        corners = torch.stack([encoder.point_embeddings[2].weight[0], encoder.point_embeddings[3].weight[0]])
        where = boxes.view(-1, 2, 2) + 0.5
        tokens.append(encoder.pe_layer.forward_with_coords(where, encoder.input_image_size) + corners)
    return torch.cat(tokens, dim=1)


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


def decode_masks(
    decoder: "MaskDecoder", keys: Tensor, key_pe: Tensor, prompt: Tensor, grid: tuple[int, int], wanted: slice
) -> tuple[Tensor, Tensor]:
    """Predict the masks of ``B`` prompts of one image.

    Args:
        decoder: SAM's mask decoder.
        keys: The image's tokens with the mask prompts' (or the token for none) added, float ``[B, h * w, C]``, or
            ``[1, h * w, C]`` for all prompts.
        key_pe: Positional encoding of the image, float ``[h * w, C]``.
        prompt: Encoded points and boxes, float ``[B, T, C]``.
        grid: ``(h, w)``.
        wanted: Which of the decoder's mask tokens are asked for.

    Returns:
        Logits float ``[B, M, 4h, 4w]`` and predicted IoUs float ``[B, M]``. Largest tensors: two of the up-scaled
        embedding, ``2 B C h w`` floats (8 MB a prompt for the published sizes), and a few of ``[B, h * w, C]``.
    """
    transformer = decoder.transformer
    own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
    query_pe = torch.cat([own.expand(len(prompt), -1, -1), prompt], dim=1)
    queries, located = query_pe, keys + key_pe
    for block in transformer.layers:
        queries, keys = _two_way(block, queries, query_pe, keys, located)
        located = keys + key_pe
    seen = _tokens_see_image(transformer.final_attn_token_to_image, queries + query_pe, located, keys)
    queries = transformer.norm_final_attn(queries + seen)
    masks = range(decoder.num_mask_tokens)[wanted]
    weights = torch.stack([decoder.output_hypernetworks_mlps[m](queries[:, 1 + m]) for m in masks], dim=1)
    logits = _upscale(decoder.output_upscaling, keys, weights, *grid)
    return logits, decoder.iou_prediction_head(queries[:, 0])[:, wanted]


def _two_way(
    block: "TwoWayAttentionBlock", queries: Tensor, query_pe: Tensor, keys: Tensor, located: Tensor
) -> tuple[Tensor, Tensor]:
    """One block: tokens see each other, then the image, then the image sees the tokens."""
    if block.skip_first_layer_pe:
        queries = block.self_attn(q=queries, k=queries, v=queries)
    else:
        placed = queries + query_pe
        queries = queries + block.self_attn(q=placed, k=placed, v=queries)
    queries = block.norm1(queries)
    seen = _tokens_see_image(block.cross_attn_token_to_image, queries + query_pe, located, keys)
    queries = block.norm2(queries + seen)
    queries = block.norm3(queries + block.mlp(queries))
    keys = _image_sees_tokens(block.cross_attn_image_to_token, queries + query_pe, queries, located, keys)
    return queries, block.norm4(keys)


def _tokens_see_image(attention: "Attention", queries: Tensor, located: Tensor, keys: Tensor) -> Tensor:
    """Return what tokens ``[B, T, C]`` gather from the image ``[B or 1, N, C]``, float ``[B, T, C]``."""
    heads, per_head = attention.num_heads, attention.internal_dim // attention.num_heads
    count, tokens, channels = queries.shape
    asked = attention.q_proj(queries).view(count, tokens, heads, per_head).transpose(1, 2) / math.sqrt(per_head)
    folded = asked @ attention.k_proj.weight.view(heads, per_head, channels)
    weights = (folded.reshape(count, heads * tokens, channels) @ located.mT).softmax(-1)
    gathered = (weights @ keys).view(count, heads, tokens, channels)
    values = gathered @ attention.v_proj.weight.view(heads, per_head, channels).mT
    joined = values.transpose(1, 2).reshape(count, tokens, heads * per_head)
    # Weights sum to 1, so the values' bias is added whole.
    return F.linear(joined + attention.v_proj.bias, attention.out_proj.weight, attention.out_proj.bias)


def _image_sees_tokens(
    attention: "Attention", placed: Tensor, queries: Tensor, located: Tensor, keys: Tensor
) -> Tensor:
    """Return the image ``[B or 1, N, C]`` plus what it gathers from tokens ``[B, T, C]``, float ``[B, N, C]``."""
    heads, per_head = attention.num_heads, attention.internal_dim // attention.num_heads
    count, tokens, channels = queries.shape
    offered = attention.k_proj(placed).view(count, tokens, heads, per_head).transpose(1, 2) / math.sqrt(per_head)
    folded = offered @ attention.q_proj.weight.view(heads, per_head, channels)
    bias = offered @ attention.q_proj.bias.view(heads, per_head, 1)
    scores = folded.reshape(count, heads * tokens, channels) @ located.mT
    weights = (scores.view(count, heads, tokens, -1) + bias).softmax(2).flatten(1, 2)
    values = attention.v_proj(queries).view(count, tokens, heads, per_head).transpose(1, 2)
    # A head's weights sum to 1, so each head brings its share of the output's bias.
    brought = values @ attention.out_proj.weight.view(channels, heads, per_head).permute(1, 2, 0)
    brought = brought + attention.out_proj.bias / heads
    return torch.baddbmm(keys, weights.mT, brought.flatten(1, 2))


def _upscale(upscaling: torch.nn.Sequential, keys: Tensor, weights: Tensor, height: int, width: int) -> Tensor:
    """Up-scale the image ``[B, h * w, C]`` twice by 2 and weigh its channels: logits ``[B, M, 4h, 4w]``."""
    layers: list[Any] = list(upscaling)
    first, norm, _, second, _ = layers
    fine = _transposed_convolution(first, keys)
    fine = F.gelu(F.layer_norm(fine, (fine.shape[-1],), norm.weight, norm.bias, norm.eps))
    fine = F.gelu(_transposed_convolution(second, fine))
    logits = weights @ fine.mT
    order = _row_major_order(height, width, keys.device)
    # Many times faster on a CPU than index_select or a permutation.
    placed = logits.gather(-1, order.expand_as(logits))
    return placed.view(len(keys), -1, 4 * height, 4 * width)


@lru_cache(maxsize=8)
def _row_major_order(height: int, width: int, device: torch.device) -> Tensor:
    """Return where each pixel ``[16 h w]`` in row-major order stands after two steps of up-scaling by 2."""
    # There a pixel's place is (y, x), then (row, column) in the first step's 2 x 2 cell, then in the second's.
    places = torch.arange(16 * height * width, device=device).view(height, width, 2, 2, 2, 2)
    return places.permute(0, 2, 4, 1, 3, 5).flatten()


def _transposed_convolution(layer: torch.nn.ConvTranspose2d, pixels: Tensor) -> Tensor:
    """Apply a 2 x 2 transposed convolution of stride 2 to ``[B, N, C]``: ``[B, 4 N, D]``, a pixel's cell in one."""
    channels, out, *_ = layer.weight.shape
    assert layer.bias is not None, "SAM's up-scaling has biases"
    matrix = layer.weight.permute(2, 3, 1, 0).reshape(4 * out, channels)
    return F.linear(pixels, matrix, layer.bias.repeat(4)).view(len(pixels), -1, out)
