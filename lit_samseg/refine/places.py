"""Points and boxes that stand for a mask: SAMRefiner's noise-tolerant prompts (Lin et al., ICLR 2025).

All of them are found within a mask's own box, on the CPU.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import label as label_components
from torch import Tensor

WIDENING = 0.1
"""How much a box grows on each side, as a part of that side..."""
MOST_WIDENING = 10.0
"""... but not by more pixels than that."""


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


def widened_box(box: Tensor, height: int, width: int) -> Tensor:
    """Move a box's sides outwards by 10 % of its extent, at most 10 pixels: as far as SAMRefiner's CEBox may go.

    Args:
        box: float64 ``[4]`` as x_min, y_min, x_max, y_max, corners inclusive.
        height: The image's height in pixels.
        width: The image's width in pixels.

    Returns:
        float64 ``[4]``, in general between pixels, clipped to the image.
    """
    least, most = box.view(2, 2)
    step = ((most - least + 1) * WIDENING).clamp(max=MOST_WIDENING)
    last = torch.tensor([width - 1, height - 1], dtype=box.dtype, device=box.device)
    return torch.cat([(least - step).clamp(min=0), torch.minimum(most + step, last)])
