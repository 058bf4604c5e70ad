"""What a convolutional memory is shown of an image: SAM's features and the picture, as planes."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.refine.cells import low_image
from lit_samseg.refine.seen_cells import standardised
from lit_samseg.sam.frame import Frame

FINER = 2
"""Pixels of the picture along a side of a grid cell: thin things are narrower than a cell."""


@dataclass(frozen=True)
class SeenPlanes:
    """What is seen of an image, or of a part of it, less the frame's padding.

    Attributes:
        embedding: SAM's embedding, with mean 0 and deviation 1 over its channels, float32 ``[D, h', w']``.
        features: SAM's features of each grid cell, likewise, float32 ``[F, h, w]``; ``F`` is 0 where it gives none.
        picture: Mean colours of the parts of each grid cell, float32 ``[3, FINER * h, FINER * w]`` in 0..1.
        places: Where the embedding's cells are in the whole image, y and x, float32 ``[2, h', w']`` in -1..1.
        step: How many grid cells an embedding cell has along a side.
    """

    embedding: Tensor
    features: Tensor
    picture: Tensor
    places: Tensor
    step: float

    @property
    def whole_cells(self) -> tuple[int, int]:
        """How many rows and columns of the embedding lie in the image as a whole; 1 at least."""
        height, width = self.features.shape[1:]
        return max(1, int(height / self.step)), max(1, int(width / self.step))

    def grid_part(self, start: int, count: int) -> slice:
        """Return which of the grid's rows, or columns, some of the embedding's hold."""
        return slice(round(start * self.step), round((start + count) * self.step))

    def window(self, top: int, left: int, rows: int, columns: int) -> "SeenPlanes":
        """Return a part of the image; its bounds are cells of the embedding."""
        y, x = self.grid_part(top, rows), self.grid_part(left, columns)
        finer_y, finer_x = (slice(FINER * part.start, FINER * part.stop) for part in (y, x))
        return replace(
            self,
            embedding=self.embedding[:, top : top + rows, left : left + columns],
            features=self.features[:, y, x],
            picture=self.picture[:, finer_y, finer_x],
            places=self.places[:, top : top + rows, left : left + columns],
        )

    def mirrored(self) -> "SeenPlanes":
        """Return the planes from right to left: what SAM sees in a mirrored image is nearly that, and costs nothing.

        They fit on each other where they hold whole cells of the embedding (`window`).
        """
        names = ("embedding", "features", "picture", "places")
        flipped = {name: getattr(self, name).flip(-1) for name in names}
        flipped["places"] = flipped["places"] * flipped["places"].new_tensor([1.0, -1.0])[:, None, None]
        return replace(self, **flipped)


def see_planes(image: Tensor, frame: Frame, embedding: Tensor, features: Tensor | None) -> SeenPlanes:
    """Describe an image for a convolutional memory.

    Args:
        image: uint8 ``[3, H, W]``.
        frame: How it lies in SAM's square.
        embedding: float ``[D, h, w]`` of the whole square.
        features: The decoder's of each grid cell, float ``[F, >= h, >= w]``; None where SAM gives none.
    """
    step = frame.mask_size / embedding.shape[-1]
    height, width = (math.ceil(side * frame.mask_size / frame.size) for side in frame.resized)
    own = embedding.float()[:, : math.ceil(height / step), : math.ceil(width / step)]
    picture = low_image(image, replace(frame, mask_size=FINER * frame.mask_size)) / 255
    # The last row and column of cells may hold no second part.
    missing = FINER * width - picture.shape[2], FINER * height - picture.shape[1]
    picture = F.pad(picture[None], (0, missing[0], 0, missing[1]), mode="replicate")[0]
    seen = picture.new_zeros(0, height, width)
    if features is not None:
        seen = standardised(features.float()[:, :height, :width])
    return SeenPlanes(standardised(own), seen, picture, places_of(own), step)


def places_of(cells: Tensor) -> Tensor:
    """Return where cells ``[..., h, w]`` are, y and x of their middles, float32 ``[2, h, w]`` in -1..1."""
    rows, columns = (
        (torch.arange(count, device=cells.device, dtype=torch.float32) + 0.5) / count * 2 - 1
        for count in cells.shape[-2:]
    )
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
