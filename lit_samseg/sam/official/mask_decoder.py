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
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.sam.official.upscaling import in_rows, upscale

if TYPE_CHECKING:
    from segment_anything.modeling import MaskDecoder
    from segment_anything.modeling.transformer import Attention, TwoWayAttentionBlock


UPSCALING = 4
"""Logits of a mask along a side, for each token of the image."""
UNUSED = -10.0
"""A logit in the frame's padding: what a mask prompt has there (SPEC 1)."""


@dataclass(frozen=True)
class ImageTokens:
    """The image as the decoder's first block sees it, for some prompts.

    Attributes:
        keys: The image's tokens with the mask prompts' (or the token for none) added, float ``[B or 1, h * w, C]``.
        key_pe: Positional encoding of the image, float ``[h * w, C]``.
        located: Both together.
        projected: The first block's projections of them, where all prompts share the tokens: the keys and values that
            prompt tokens see and the queries by which the image sees prompt tokens, float ``[1, heads, h * w, c]``.
    """

    keys: Tensor
    key_pe: Tensor
    located: Tensor
    projected: tuple[Tensor, Tensor, Tensor] | None


def image_tokens(decoder: "MaskDecoder", keys: Tensor, key_pe: Tensor, shared: bool) -> ImageTokens:
    """Prepare the image's tokens.

    Args:
        decoder: SAM's mask decoder.
        keys: float ``[B, h * w, C]`` of ``B`` mask prompts, or ``[1, h * w, C]`` for all prompts without one.
        key_pe: float ``[h * w, C]``.
        shared: Whether all prompts see the same tokens. The first block then projects them once an image, not once a
            prompt.
    """
    located = keys + key_pe
    if not shared:
        return ImageTokens(keys, key_pe, located, None)
    block = decoder.transformer.layers[0]
    seen, seeing = block.cross_attn_token_to_image, block.cross_attn_image_to_token
    k, v = _by_head(seen, seen.k_proj(located)), _by_head(seen, seen.v_proj(keys))
    return ImageTokens(keys, key_pe, located, (k, v, _by_head(seeing, seeing.q_proj(located))))


def decode_masks(
    decoder: "MaskDecoder",
    image: ImageTokens,
    prompt: Tensor,
    grid: tuple[int, int],
    used: tuple[int, int],
    wanted: slice,
    filling: Tensor | None = None,
    named: Tensor | None = None,
    judged: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Predict the masks of ``B`` prompts.

    Args:
        decoder: SAM's mask decoder.
        image: The image's tokens.
        prompt: Encoded points and boxes, float ``[B, T, C]``.
        grid: ``(h, w)``.
        used: How many rows and columns of logits are asked for, from the top left: up-scaling goes pixel by pixel, so
            the padding's can be left out.
        wanted: Which of the decoder's mask tokens are asked for.
        filling: Which of the prompts' tokens nobody shall see, bool ``[B, T]``: attention gives them a weight of
            exactly 0, so they change nothing but the order of roundings. None for none.
        named: What is added to the decoder's own tokens of each prompt, float ``[B, 1, C]``; None for nothing.
        judged: Makes of masks' logits and the IoU token the logits that count; None leaves them.

    Returns:
        Logits float ``[B, M, 4h, 4w]``, `UNUSED` where they are not asked for, and predicted IoUs float ``[B, M]``.
        Largest tensors: two of the up-scaled embedding, ``2 B C h w`` floats (8 MB a prompt for the published sizes),
        and a few of ``[B, h * w, C]``.
    """
    transformer = decoder.transformer
    queries, query_pe, image = _both_ways(decoder, image, prompt, filling, named)
    # What the prompt's own tokens see at last, nobody asks.
    queries, query_pe = (tokens[:, : 1 + decoder.num_mask_tokens] for tokens in (queries, query_pe))
    seen = _tokens_see_image(transformer.final_attn_token_to_image, queries + query_pe, image)
    queries = transformer.norm_final_attn(queries + seen)
    masks = range(decoder.num_mask_tokens)[wanted]
    weights = torch.stack([decoder.output_hypernetworks_mlps[m](queries[:, 1 + m]) for m in masks], dim=1)
    keys, height, width = _used_tokens(image, grid, used)
    part = in_rows(weights @ upscale(decoder.output_upscaling, keys).mT, height, width)
    part = part if judged is None else judged(part, queries[:, 0])
    missing = [UPSCALING * (whole - some) for whole, some in zip(grid, (height, width), strict=True)]
    logits = F.pad(part, (0, missing[1], 0, missing[0]), value=UNUSED)
    return logits, decoder.iou_prediction_head(queries[:, 0])[:, wanted]


def pixel_features(
    decoder: "MaskDecoder", image: ImageTokens, prompt: Tensor, grid: tuple[int, int], used: tuple[int, int]
) -> Tensor:
    """Return what the decoder's mask weights are multiplied with: the image as it is after it saw one prompt.

    Args:
        decoder: SAM's mask decoder.
        image: The image's tokens.
        prompt: Encoded points and boxes, float ``[1, T, C]``.
        grid: As for `decode_masks`.
        used: As for `decode_masks`.

    Returns:
        float ``[D, *used]``; ``D`` is 32 for the published models.
    """
    _, _, image = _both_ways(decoder, image, prompt)
    keys, height, width = _used_tokens(image, grid, used)
    return in_rows(upscale(decoder.output_upscaling, keys).mT, height, width)[0, :, : used[0], : used[1]]


def _both_ways(
    decoder: "MaskDecoder",
    image: ImageTokens,
    prompt: Tensor,
    filling: Tensor | None = None,
    named: Tensor | None = None,
) -> tuple[Tensor, Tensor, ImageTokens]:
    """Have tokens and image see each other: the tokens, their encoding, and the image afterwards."""
    own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
    tokens = own.expand(prompt.shape[0], -1, -1)
    query_pe = torch.cat([tokens if named is None else tokens + named, prompt], dim=1)
    if filling is not None:
        filling = F.pad(filling, (own.shape[0], 0), value=False)
    queries = query_pe
    for block in decoder.transformer.layers:
        queries, image = _two_way(block, queries, query_pe, image, filling)
    return queries, query_pe, image


def _used_tokens(image: ImageTokens, grid: tuple[int, int], used: tuple[int, int]) -> tuple[Tensor, int, int]:
    """Return the tokens ``[B, h * w, C]`` that give the logits asked for, with ``h`` and ``w``."""
    # A token gives 4 x 4 logits.
    height, width = (-(-count // UPSCALING) for count in used)
    return image.keys.view(image.keys.shape[0], *grid, -1)[:, :height, :width].flatten(1, 2), height, width


def _two_way(
    block: "TwoWayAttentionBlock", queries: Tensor, query_pe: Tensor, image: ImageTokens, filling: Tensor | None
) -> tuple[Tensor, ImageTokens]:
    """One block: tokens see each other, then the image, then the image sees the tokens."""
    if block.skip_first_layer_pe:
        queries = _tokens_see_tokens(block.self_attn, queries, queries, filling)
    else:
        queries = queries + _tokens_see_tokens(block.self_attn, queries + query_pe, queries, filling)
    queries = block.norm1(queries)
    queries = block.norm2(queries + _tokens_see_image(block.cross_attn_token_to_image, queries + query_pe, image))
    queries = block.norm3(queries + block.mlp(queries))
    seen = _image_sees_tokens(block.cross_attn_image_to_token, queries + query_pe, queries, image, filling)
    keys = block.norm4(seen)
    return queries, ImageTokens(keys, image.key_pe, keys + image.key_pe, None)


def _tokens_see_tokens(attention: "Attention", placed: Tensor, queries: Tensor, filling: Tensor | None) -> Tensor:
    """Return what tokens ``[B, T, C]`` gather from each other, float ``[B, T, C]``."""
    if filling is None:
        gathered: Tensor = attention(q=placed, k=placed, v=queries)
        return gathered
    q, k = (_by_head(attention, projection(placed)) for projection in (attention.q_proj, attention.k_proj))
    v = _by_head(attention, attention.v_proj(queries))
    seen = F.scaled_dot_product_attention(q, k, v, ~filling[:, None, None])
    return _out(attention, seen.transpose(1, 2).flatten(2))


def _tokens_see_image(attention: "Attention", queries: Tensor, image: ImageTokens) -> Tensor:
    """Return what tokens ``[B, T, C]`` gather from the image, float ``[B, T, C]``."""
    asked = _by_head(attention, attention.q_proj(queries)) / math.sqrt(attention.internal_dim // attention.num_heads)
    if image.projected is not None:
        keys, values, _ = image.projected
        gathered = (asked @ keys.mT).softmax(-1) @ values
        return _out(attention, gathered.transpose(1, 2).flatten(2))
    folded = (asked @ _weight_by_head(attention, attention.k_proj)).flatten(1, 2)
    seen = ((folded @ image.located.mT).softmax(-1) @ image.keys).view(*asked.shape[:3], -1)
    gathered = (seen @ _weight_by_head(attention, attention.v_proj).mT).transpose(1, 2).flatten(2)
    # Weights sum to 1, so the values' bias is added whole.
    return _out(attention, gathered + attention.v_proj.bias)


def _image_sees_tokens(
    attention: "Attention", placed: Tensor, queries: Tensor, image: ImageTokens, filling: Tensor | None
) -> Tensor:
    """Return the image plus what it gathers from tokens ``[B, T, C]``, float ``[B, N, C]``."""
    offered = _by_head(attention, attention.k_proj(placed)) / math.sqrt(attention.internal_dim // attention.num_heads)
    if image.projected is not None:
        scores = offered @ image.projected[2].mT
    else:
        folded = (offered @ _weight_by_head(attention, attention.q_proj)).flatten(1, 2)
        scores = (folded @ image.located.mT).view(*offered.shape[:3], -1)
        scores = scores + offered @ attention.q_proj.bias.view(attention.num_heads, -1, 1)
    if filling is not None:
        scores = scores.masked_fill(filling[:, None, :, None], -torch.inf)
    weights = scores.softmax(2).flatten(1, 2)
    values = _by_head(attention, attention.v_proj(queries))
    by_head = _weight(attention.out_proj).view(-1, attention.num_heads, values.shape[-1])
    brought = values @ by_head.permute(1, 2, 0)
    # A head's weights sum to 1, so each head brings its share of the output's bias.
    brought = brought + attention.out_proj.bias / attention.num_heads
    return torch.baddbmm(image.keys, weights.mT, brought.flatten(1, 2))


def _out(attention: "Attention", gathered: Tensor) -> Tensor:
    return F.linear(gathered, _weight(attention.out_proj), attention.out_proj.bias)


def _by_head(attention: "Attention", values: Tensor) -> Tensor:
    """Give each head its part of the channels: ``[B, T, heads * c]`` becomes ``[B, heads, T, c]``."""
    return values.view(*values.shape[:2], attention.num_heads, -1).transpose(1, 2)


def _weight_by_head(attention: "Attention", projection: torch.nn.Linear) -> Tensor:
    """Return a projection's weight as each head has it, ``[heads, c, C]``."""
    return _weight(projection).view(attention.num_heads, -1, projection.in_features)


def _weight(layer: torch.nn.Linear) -> Tensor:
    """Return a layer's weight, with what LoRA adds to it while it learns: peft's layers add that to outputs alone."""
    added = getattr(layer, "get_delta_weight", None)
    return layer.weight if added is None else layer.weight + added("default")
