"""Points and boxes that stand for a mask: SAMRefiner's noise-tolerant prompts (Lin et al., ICLR 2025).

Points are found within a mask's own box, on the CPU.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import label as label_components
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.sam.interface import Embedding


def pole_of_inaccessibility(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the pixel of a mask's largest 8-connected component that is farthest from what is not the component.

    SAMRefiner takes the innermost pixel of all components, and sees no border at the image's end. Here everything
    outside of ``mask`` is no part of it: so the point keeps off the ends, and a mask that fills its image has one too.

    Args:
        mask: ``[h, w]``, with at least one pixel.

    Returns:
        ``(x, y)``; of equally far pixels the first one in row-major order, of equally large components the one with
        the first pixel.
    """
    components = label_components(mask, connectivity=2)
    largest = int(np.bincount(components[mask]).argmax())
    # Euclidean, and exact but for the rounding of a root: equal distances are equal numbers.
    distance = ndimage.distance_transform_edt(np.pad(components == largest, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(distance.argmax()), mask.shape)
    return int(x), int(y)


def farthest_background(mask: NDArray[np.bool_]) -> tuple[int, int] | None:
    """Return the pixel that is farthest from a mask.

    Args:
        mask: ``[h, w]``, the mask in its box, with at least one pixel.

    Returns:
        ``(x, y)``; of equally far pixels the first one in row-major order. None where the mask fills its box.
    """
    if mask.all():
        return None
    distance = ndimage.distance_transform_edt(~mask)
    y, x = np.unravel_index(int(distance.argmax()), mask.shape)
    return int(x), int(y)


def widened_box(box: Tensor, height: int, width: int, widening: float, most_pixels: float) -> Tensor:
    """Move a box's sides outwards, by default as far as SAMRefiner's CEBox may go.

    Args:
        box: float64 ``[4]`` as x_min, y_min, x_max, y_max, corners inclusive.
        height: The image's height in pixels.
        width: The image's width in pixels.
        widening: By which part of the box's extent each side moves...
        most_pixels: ... but not by more than that.

    Returns:
        float64 ``[4]``, in general between pixels, clipped to the image.
    """
    least, most = box.view(2, 2)
    step = ((most - least + 1) * widening).clamp(max=most_pixels)
    last = torch.tensor([width - 1, height - 1], dtype=box.dtype, device=box.device)
    return torch.cat([(least - step).clamp(min=0), torch.minimum(most + step, last)])


def context_box(
    box: Tensor, outer: Tensor, mask: Tensor, embedding: Embedding, thresholds: tuple[float, float]
) -> Tensor:
    """Move those sides of a box outwards beyond which there is more of the same: SAMRefiner's context-aware box.

    A side goes as far as in the outer box, if the strip between is like the mask: the cosine of its embedding with the
    mean one of the mask's cells is large enough. Unlike there, cosines and not embeddings are
    interpolated between cells: a float ``[D, H, W]`` of 200 MB would be needed for each mask.

    Args:
        box: float64 ``[4]`` as x_min, y_min, x_max, y_max, corners inclusive.
        outer: As far as its sides may go (`widened_box`).
        mask: What the box is around, bool ``[H, W]``.
        embedding: The image.
        thresholds: The cosine above which two embeddings are of one thing, and the part of a strip that must be like
            the mask. The published program's default for the latter is 0, by which it means that no side moves.

    Returns:
        float64 ``[4]``. A GPU is waited for, once a box.
    """
    (alike_from, least_share), frame, features = thresholds, embedding.frame, embedding.features.float()
    height, width = frame.resized
    in_frame = frame.pad(F.interpolate(mask[None, None].float(), (height, width), mode="bilinear"))
    cells = F.interpolate(in_frame, features.shape[-2:], mode="area")[0, 0] > 0.5
    mean = (features * cells).sum((1, 2))
    cosines = F.cosine_similarity(features, mean[:, None, None], dim=0)
    inside = F.interpolate(cosines[None, None], (frame.size, frame.size), mode="bilinear")[..., :height, :width]
    alike = F.interpolate(inside, mask.shape, mode="bilinear")[0, 0] > alike_from
    left, top, right, bottom = box.long().tolist()
    far_left, far_top = outer[:2].floor().long().tolist()
    far_right, far_bottom = outer[2:].ceil().long().tolist()
    strips = (
        alike[top : bottom + 1, far_left:left],
        alike[far_top:top, left : right + 1],
        alike[top : bottom + 1, right + 1 : far_right + 1],
        alike[bottom + 1 : far_bottom + 1, left : right + 1],
    )
    share = torch.stack([strip.sum() / max(1, strip.numel()) for strip in strips]).cpu()
    return torch.where(share > least_share, outer, box)
