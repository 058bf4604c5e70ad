"""Masks as SAM's mask prompts: logits on its low-resolution grid."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import Prompt

TOGETHER_BYTES = 2**28
"""What masks that are brought to the grid together on a GPU may take on the way."""


def mask_prompts(prompts: Sequence[tuple[Frame, Prompt]]) -> Tensor:
    """Return mask prompts as SAM takes them.

    Args:
        prompts: Each with a mask or mask logits, and the frame of its image.

    Returns:
        Logits float32 ``[n, 1, mask_size, mask_size]`` on the masks' device. On a CPU one is made at a time: on the
        way they are floats of the image's size.
    """
    found: list[Tensor] = []
    first = 0
    while first < len(prompts):
        count = _alike_from(prompts, first)
        found.append(_same_frame(prompts[first][0], [prompt for _, prompt in prompts[first : first + count]]))
        first += count
    return found[0] if len(found) == 1 else torch.cat(found)


def _alike_from(prompts: Sequence[tuple[Frame, Prompt]], first: int) -> int:
    """Return how many prompts from one on can be made together."""
    frame, prompt = prompts[first]
    if prompt.mask is None or prompt.mask_logits is not None or prompt.mask.device.type == "cpu":
        return 1
    floats = 2 * frame.height * frame.width + 2 * frame.size**2
    count, most = 1, max(1, TOGETHER_BYTES // (4 * floats))
    while count < min(most, len(prompts) - first):
        other_frame, other = prompts[first + count]
        own = (prompt.mask_strength, prompt.mask_gamma)
        if other_frame != frame or other.mask_logits is not None or (other.mask_strength, other.mask_gamma) != own:
            break
        count += 1
    return count


def _same_frame(frame: Frame, prompts: Sequence[Prompt]) -> Tensor:
    """Return the logits ``[n, 1, mask_size, mask_size]`` of prompts that are alike, or of one."""
    first = prompts[0]
    if first.mask_logits is not None:
        return first.mask_logits[None, None]
    masks = [prompt.mask for prompt in prompts if prompt.mask is not None]
    assert masks, "prompts of one token layout have all a mask or none"
    # +1 inside and -1 outside.
    signed = frame.mask_prompt(torch.stack(masks).float().mul_(2).sub_(1))
    if first.mask_gamma is not None:
        signed = torch.stack([bell(one > 0, first.mask_gamma) for one in signed])
    return (signed * first.mask_strength)[:, None]


def bell(inside: Tensor, gamma: float) -> Tensor:
    """Return a mask prompt that is the surer the nearer to the mask's innermost cell.

    SAMRefiner's Gaussian (Lin et al., ICLR 2025). It measures distances in the image; here they are measured in cells,
    which is the same but for rounding, since the area is too. What lies outside of the square is no part of the mask.

    Args:
        inside: The mask, bool ``[mask_size, mask_size]``.
        gamma: The larger, the narrower the bell.

    Returns:
        float32 ``[mask_size, mask_size]`` like ``inside``: -1 outside, and inside
        ``exp(-(d - d_max)^2 / max(1, area / gamma))`` with the distance ``d`` to the nearest cell outside.
    """
    mask = inside.cpu().numpy()
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    # Not below 1, as published; a mask may also be too thin for any cell.
    spread = max(1.0, int(mask.sum()) / gamma)
    height = np.where(mask, np.exp(-((distance - distance.max()) ** 2) / spread), -1.0)
    return torch.from_numpy(height).float().to(inside.device)
