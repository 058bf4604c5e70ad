"""Masks as SAM's mask prompts: logits on its low-resolution grid."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from lit_samseg.runtime.transfer import download, upload
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import Prompt


def mask_prompts(prompts: Sequence[tuple[Frame, Prompt]]) -> Tensor:
    """Return mask prompts as SAM takes them.

    Args:
        prompts: Each with a mask or mask logits, and the frame of its image.

    Returns:
        Logits float32 ``[n, 1, mask_size, mask_size]`` on the masks' device.
    """
    # One at a time: on the way they are floats of the image's size.
    found = [_mask_prompt(frame, prompt) for frame, prompt in prompts]
    bells = [n for n, (_, prompt) in enumerate(prompts) if prompt.mask_gamma is not None and prompt.mask_logits is None]
    if bells:
        # Distances are measured on the CPU; a GPU is waited for once.
        device = found[bells[0]].device
        gammas = [prompts[n][1].mask_gamma or 0.0 for n in bells]
        inside = download([found[n][0] > 0 for n in bells])
        heights = upload([bell(one, gamma) for one, gamma in zip(inside, gammas, strict=True)], device)
        for n, height in zip(bells, heights, strict=True):
            found[n] = height[None] * prompts[n][1].mask_strength
    return torch.stack(found)


def _mask_prompt(frame: Frame, prompt: Prompt) -> Tensor:
    """Return the logits ``[1, mask_size, mask_size]``; of one with a gamma their signs alone count."""
    if prompt.mask_logits is not None:
        return prompt.mask_logits[None]
    assert prompt.mask is not None, "prompts of one token layout have all a mask or none"
    # +1 inside and -1 outside.
    return frame.mask_prompt(prompt.mask.float().mul(2).sub_(1)) * prompt.mask_strength


def bell(inside: Tensor, gamma: float) -> Tensor:
    """Return a mask prompt that is the surer the nearer to the mask's innermost cell.

    SAMRefiner's Gaussian (Lin et al., ICLR 2025). It measures distances in the image; here they are measured in cells,
    which is the same but for rounding, since the area is too. What lies outside of the square is no part of the mask.

    Args:
        inside: The mask, bool ``[mask_size, mask_size]`` on the CPU.
        gamma: The larger, the narrower the bell.

    Returns:
        float32 ``[mask_size, mask_size]`` like ``inside``: -1 outside, and inside
        ``exp(-(d - d_max)^2 / max(1, area / gamma))`` with the distance ``d`` to the nearest cell outside.
    """
    mask = inside.numpy()
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    # Not below 1, as published; a mask may also be too thin for any cell.
    spread = max(1.0, int(mask.sum()) / gamma)
    height = np.where(mask, np.exp(-((distance - distance.max()) ** 2) / spread), -1.0)
    return torch.from_numpy(height).float()
