"""The attention of SAM's image encoders, computed without ever holding all attention weights of a block.

Both modules take over the layers of the block they replace and compute the same function through PyTorch's fused
``scaled_dot_product_attention``. They are for frozen weights: position biases are looked up once, at construction.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

TILE_BYTES = {"cpu": 32 * 2**20, "cuda": 256 * 2**20}
"""Largest position bias held at once, by device type: a processor's cache, a fraction of a GPU's memory."""


class RelativePositionAttention(nn.Module):
    """Attention of segment-anything's ViT blocks: softmax(q k / sqrt(c) + bias) v.

    The bias is decomposed (Li et al., "MViTv2", 2022): for a query at (y, x) and a key at (y', x') it is ``q . h[y, y']
    + q . w[x, x']``. It depends on the query, so it cannot be looked up; it is summed for a tile of queries at a time,
    as large as `TILE_BYTES` allows. The official module holds all of it several times: 805 MB a time for a global
    block of ViT-B in float32.

    ``forward`` maps ``[B, H, W, C]`` to the same shape.

    Args:
        official: The ``Attention`` of a segment-anything block; its layers become this module's.
        height: H of the inputs, in tokens.
        width: W of them.
    """

    height_table: Tensor
    width_table: Tensor

    def __init__(self, official: Any, height: int, width: int) -> None:
        super().__init__()
        from segment_anything.modeling.image_encoder import get_rel_pos

        self.num_heads: int = official.num_heads
        self.qkv: nn.Linear = official.qkv
        self.proj: nn.Linear = official.proj
        # Unused from here on, but a SAM keeps the names of its state dict.
        self.rel_pos_h, self.rel_pos_w = official.rel_pos_h, official.rel_pos_w
        with torch.no_grad():
            # [queries, keys, head_dim] along one axis.
            tables = get_rel_pos(height, height, self.rel_pos_h), get_rel_pos(width, width, self.rel_pos_w)
        self.register_buffer("height_table", tables[0].detach(), persistent=False)
        self.register_buffer("width_table", tables[1].detach(), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Attend within each of ``B`` maps ``[H, W, C]``."""
        batch, height, width, _ = tokens.shape
        qkv = _core_precision(self.qkv(tokens)).view(batch, height * width, 3, self.num_heads, -1)
        # Autocast would undo the choice of precision.
        with torch.autocast(tokens.device.type, enabled=False):
            q, k, v = qkv.permute(2, 0, 3, 1, 4)
            if torch.is_grad_enabled() and q.requires_grad:
                # Attention weights are computed again for gradients: those of a global block take gigabytes.
                attended = checkpoint(
                    self._attend, *(q, k, v, height, width), use_reentrant=False, preserve_rng_state=False
                )
            else:
                attended = self._attend(q, k, v, height, width)
        projected: Tensor = self.proj(attended.reshape(batch, height, width, -1))
        return projected

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, height: int, width: int) -> Tensor:
        """Attend tile by tile, from ``[B, heads, H * W, head_dim]`` each to ``[B, H * W, heads, head_dim]``."""
        grid = q.view(len(q), self.num_heads, height, width, -1)
        # Contiguous, or every tile of their sum would be copied to become so.
        rel_h = torch.einsum("bnyxc,ykc->bnyxk", grid, self.height_table.to(q.dtype)).contiguous()
        rel_w = torch.einsum("bnyxc,xkc->bnyxk", grid, self.width_table.to(q.dtype)).contiguous()
        attended = torch.empty_like(q.transpose(1, 2), memory_format=torch.contiguous_format)
        for maps, heads, rows in _tiles(len(q), self.num_heads, height, width, q):
            tile = maps, heads, rows
            bias = (rel_h[tile][..., :, None] + rel_w[tile][..., None, :]).flatten(4).flatten(2, 3)
            queries = slice(rows.start * width, rows.stop * width)
            attended[maps, queries, heads] = F.scaled_dot_product_attention(
                q[maps, heads, queries], k[maps, heads], v[maps, heads], bias
            ).transpose(1, 2)
        return attended


class WindowBiasAttention(nn.Module):
    """Attention of timm's TinyViT blocks: softmax(q k / sqrt(c) + bias) v within a window, after a layer norm.

    The bias is the same for all windows. timm hands it over as ``[heads, N, N]``, for which PyTorch has no fused kernel
    on a processor; with a leading dimension of one it has.

    ``forward`` maps ``[windows, N, C]`` to the same shape.

    Args:
        official: The ``Attention`` of a timm ``TinyVitBlock``; its layers become this module's.
    """

    bias: Tensor

    def __init__(self, official: Any) -> None:
        super().__init__()
        self.num_heads: int = official.num_heads
        self.norm: nn.LayerNorm = official.norm
        self.qkv: nn.Linear = official.qkv
        self.proj: nn.Linear = official.proj
        bias = official.attention_biases.detach()[:, official.attention_bias_idxs]
        self.register_buffer("bias", bias[None], persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Attend within each window."""
        windows, length, _ = tokens.shape
        # timm keeps a head's q, k and v together.
        qkv = self.qkv(self.norm(tokens)).view(windows, length, self.num_heads, 3, -1)
        with torch.autocast(tokens.device.type, enabled=False):
            q, k, v = _core_precision(qkv).permute(3, 0, 2, 1, 4)
            attended = F.scaled_dot_product_attention(q, k, v, self.bias.to(q.dtype))
        projected: Tensor = self.proj(attended.transpose(1, 2).reshape(windows, length, -1))
        return projected


def _core_precision(qkv: Tensor) -> Tensor:
    """Take a processor's attention to float32: its kernels for bfloat16 are slower (2x measured, without AMX)."""
    return qkv.float() if qkv.device.type == "cpu" else qkv


def _tiles(batch: int, heads: int, height: int, width: int, like: Tensor) -> Iterator[tuple[slice, slice, slice]]:
    """Cut the queries into maps, heads and rows whose position bias is at most `TILE_BYTES`, or one row of one head."""
    budget = TILE_BYTES.get(like.device.type, TILE_BYTES["cuda"])
    row_bytes = width * height * width * like.element_size()
    rows = min(height, max(1, budget // row_bytes))
    heads_together = min(heads, max(1, budget // (rows * row_bytes)))
    maps = min(batch, max(1, budget // (heads_together * rows * row_bytes)))
    for b in range(0, batch, maps):
        for n in range(0, heads, heads_together):
            for y in range(0, height, rows):
                yield slice(b, b + maps), slice(n, n + heads_together), slice(y, y + rows)
