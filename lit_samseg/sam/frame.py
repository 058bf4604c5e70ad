"""SAM's square frame: the only place that knows resizing, padding and coordinates.

SAM scales an image so that its longest side fills a square of ``size`` pixels, and pads right and bottom. Points,
boxes, mask prompts and candidate masks all pass through this frame. (segment-anything, ``ResizeLongestSide`` and
``Sam.postprocess_masks``; Kirillov et al., 2023.) SAM 2 stretches the image to the whole square instead (sam2,
``SAM2Transforms``; Ravi et al., 2024): `SquareFrame`.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.runtime.transfer import to_device


@dataclass(frozen=True)
class Frame:
    """How one image lies in SAM's input square.

    Attributes:
        height: The image's height in pixels.
        width: The image's width in pixels.
        size: Side of the square the image encoder sees (1024 for the published models).
        mask_size: Side of mask prompts and low-resolution logits (256 for the published models).
    """

    height: int
    width: int
    size: int
    mask_size: int

    @property
    def resized(self) -> tuple[int, int]:
        """``(height, width)`` of the image inside the square."""
        scale = self.size / max(self.height, self.width)
        # Half up and not below one pixel: a 1 x 3000 image still has a row.
        return (
            max(1, int(self.height * scale + 0.5)),
            max(1, int(self.width * scale + 0.5)),
        )

    def resize_image(self, image: Tensor) -> Tensor:
        """Scale a picture with PIL's bilinear filter on bytes, as SAM was trained with.

        Args:
            image: uint8 ``[3, height, width]``, RGB.

        Returns:
            uint8 ``[3, *resized]`` on the image's device; what `remember_resized` was told, if that fits.
        """
        height, width = self.resized
        known: Tensor | None = getattr(image, _RESIZED, None)
        if known is not None and known.shape[-2:] == self.resized:
            return known
        picture = Image.fromarray(image.permute(1, 2, 0).cpu().numpy())
        resized = picture.resize((width, height), Image.Resampling.BILINEAR)
        return to_device(torch.from_numpy(np.array(resized)), image.device).permute(2, 0, 1)

    def pad(self, image: Tensor) -> Tensor:
        """Pad a *normalised* image ``[..., h, w]`` with zeros right and bottom to ``[..., size, size]``."""
        height, width = image.shape[-2:]
        return F.pad(image, (0, self.size - width, 0, self.size - height))

    def to_frame(self, coordinates: Tensor) -> Tensor:
        """Map ``(x, y)`` pairs ``[..., 2]`` from image pixels to frame pixels, in float64."""
        height, width = self.resized
        scale = coordinates.new_tensor([width / self.width, height / self.height], dtype=torch.float64)
        return coordinates.to(torch.float64) * scale

    def mask_prompt(self, mask: Tensor) -> Tensor:
        """Bring a signed mask into the frame of SAM's mask prompts.

        Bilinear to the resized frame, padded with -1 to the square, area-averaged to ``mask_size``: a plain
        stretch of the mask to a square would point SAM at the wrong pixels. Where a cell of the mask prompt is no
        whole number of frame pixels (SAM 3: 1008 / 288 = 3.5), the pixels at its border count by the part inside.

        Args:
            mask: float ``[height, width]``, +1 inside and -1 outside.

        Returns:
            float ``[1, mask_size, mask_size]`` in [-1, 1]. Largest tensor on the way: ``size * size`` floats, four
            times that for SAM 3.
        """
        height, width = self.resized
        inside = F.interpolate(mask[None, None], (height, width), mode="bilinear", align_corners=False)
        padded = F.pad(inside, (0, self.size - width, 0, self.size - height), value=-1.0)
        step = math.gcd(self.size, self.mask_size)
        parts = self.mask_size // step  # into which a pixel is split for cells to be whole numbers of them
        if parts > 1:
            padded = padded.repeat_interleave(parts, -1).repeat_interleave(parts, -2)
        return F.avg_pool2d(padded, self.size // step)[0]

    def to_image(self, logits: Tensor) -> Tensor:
        """Bring low-resolution logits to the image's size in SAM's own two bilinear steps.

        Args:
            logits: float ``[M, mask_size, mask_size]``.

        Returns:
            float ``[M, height, width]``. Largest tensor: ``M`` times the larger of ``size * size`` and the image.
        """
        square = F.interpolate(logits[None], (self.size, self.size), mode="bilinear", align_corners=False)
        height, width = self.resized
        inside = square[..., :height, :width]
        return F.interpolate(inside, (self.height, self.width), mode="bilinear", align_corners=False)[0]

    def axis_weights(self, axis: int) -> Tensor:
        """Return what `to_image` does along one axis, as a matrix.

        Args:
            axis: 0 for rows, 1 for columns.

        Returns:
            float64 ``[height or width, mask_size]``: the product of the steps' matrices, which have torch's weights.
        """
        inside = self.resized[axis]
        to_square = _interpolation(self.mask_size, self.size)[:inside]
        # Sparse: a dense product would take longer than all else that a mask needs.
        to_image = _interpolation(inside, (self.height, self.width)[axis]).to_sparse()
        weights: Tensor = torch.sparse.mm(to_image, to_square)
        return weights

    @property
    def low_res_used(self) -> tuple[int, int]:
        """How many rows and columns of low-resolution logits `to_image` may look at; the others are of the padding."""
        last_row, last_column = (
            math.floor((side - 0.5) * self.mask_size / self.size - 0.5) + 1 for side in self.resized
        )
        return min(last_row + 1, self.mask_size), min(last_column + 1, self.mask_size)


_RESIZED = "_lit_samseg_resized"


@dataclass(frozen=True)
class Resizer:
    """Scales images as `Frame` does, in whatever process: it takes no network along.

    Attributes:
        size: The frame's.
        mask_size: The frame's.
    """

    size: int
    mask_size: int

    def __call__(self, image: Tensor) -> Tensor:
        """Return an image ``[3, H, W]`` scaled."""
        height, width = image.shape[-2:]
        return Frame(height, width, self.size, self.mask_size).resize_image(image)


def remember_resized(image: Tensor, resized: Tensor) -> None:
    """Have `Frame.resize_image` of this very tensor give what a `Resizer` made of it before, on the same device."""
    setattr(image, _RESIZED, resized)


@dataclass(frozen=True)
class SquareFrame(Frame):
    """SAM 2's frame: the image is stretched to the whole square, nothing is padded."""

    @property
    def resized(self) -> tuple[int, int]:
        """The square."""
        return self.size, self.size

    def resize_image(self, image: Tensor) -> Tensor:
        """Stretch a picture with the anti-aliased bilinear filter on floats, as SAM 2 was trained with.

        Args:
            image: uint8 ``[3, height, width]``, RGB.

        Returns:
            float32 ``[3, size, size]`` in 0..255.
        """
        return F.interpolate(image[None].float(), self.resized, mode="bilinear", align_corners=False, antialias=True)[0]

    def to_image(self, logits: Tensor) -> Tensor:
        """Bring low-resolution logits ``[M, mask_size, mask_size]`` to the image's size in one bilinear step."""
        return F.interpolate(logits[None], (self.height, self.width), mode="bilinear", align_corners=False)[0]

    def axis_weights(self, axis: int) -> Tensor:
        """Return what `to_image` does along one axis, float64 ``[height or width, mask_size]``."""
        return _interpolation(self.mask_size, (self.height, self.width)[axis])


def _interpolation(length: int, new_length: int) -> Tensor:
    """Return torch's fp32 weights of linear interpolation, float64 ``[new_length, length]``."""
    unit = torch.eye(length)[None]
    return F.interpolate(unit, new_length, mode="linear", align_corners=False)[0].T.double()
