"""Grounding DINO's image backbone, asked once for an image however many phrases there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

Features = tuple[list[tuple[Tensor, Tensor]], list[Tensor]]
"""Feature maps ``[B, D, h, w]`` with masks of what is no padding ``[B, h, w]``; position encodings ``[B, d, h, w]``."""


class BackboneOnce(nn.Module):
    """Stands in the place of a ``GroundingDinoConvModel`` and answers with what that said of an image before.

    transformers has no argument for an image's features: its network encodes the image with every text.

    Args:
        backbone: The network's own.
    """

    def __init__(self, backbone: Any) -> None:
        super().__init__()
        self.backbone = backbone
        self._held: Features | None = None

    @property
    def position_embedding(self) -> Any:
        """The backbone's own, which the network asks for its coarsest level."""
        return self.backbone.position_embedding

    def see(self, pixels: Tensor) -> Features:
        """Return what the backbone says of one image ``[1, 3, h, w]`` without padding."""
        found: Features = self.backbone(pixels, torch.ones_like(pixels[:, 0], dtype=torch.int64))
        return found

    @contextmanager
    def holding(self, features: Features) -> Iterator[None]:
        """Answer with the features of one image inside the block."""
        self._held = features
        try:
            yield
        finally:
            self._held = None

    def forward(self, pixel_values: Tensor, pixel_mask: Tensor) -> Features:
        """Return what is held, repeated without a copy for the images of a batch, which are all the same."""
        assert self._held is not None
        maps, positions = self._held
        count = len(pixel_values)
        # New lists: the network appends to them.
        return [(_repeat(one, count), _repeat(mask, count)) for one, mask in maps], [
            _repeat(p, count) for p in positions
        ]


def _repeat(tensor: Tensor, count: int) -> Tensor:
    return tensor.expand(count, *tensor.shape[1:])
