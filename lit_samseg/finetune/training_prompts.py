"""What is asked while a promptable segmenter learns, and the right answers."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from skimage.measure import label as label_components
from torch import Tensor

from lit_samseg.finetune.losses import target_shares
from lit_samseg.refine import ImageContext, Region, Variant, build_prompt
from lit_samseg.refine.rivals import rivals_of
from lit_samseg.sam import Prompt
from lit_samseg.sam.class_prompts import OWN_PLANES


@dataclass(frozen=True)
class Exercises:
    """Prompts of one image with what is to be answered.

    Attributes:
        prompts: ``N`` prompts.
        regions: What they were made of.
        target: The true masks, float32 ``[N, mask_size, mask_size]`` (`target_shares`).
        weights: How much is known of each cell, likewise.
    """

    prompts: list[Prompt]
    regions: list[Region]
    target: Tensor
    weights: Tensor


def draw_exercises(
    guess: ImageContext,
    variant: Variant,
    count: int,
    jitter: float,
    rng: np.random.Generator,
    rivals: float = 0.0,
) -> Exercises | None:
    """Draw regions of a label map and make prompts of them, with the evaluation's own code.

    Args:
        guess: The image with the label map to ask about, the grid with the scores it comes from, and the ground truth.
        variant: The row that is trained for: its regions, and the parts of its prompts.
        count: So many regions at most, large ones rather than small ones.
        jitter: Standard deviation by which half of the boxes' sides are moved, as a part of the box's.
        rng: Draws.
        rivals: How many of the regions of losing classes (`lit_samseg.refine.rivals`) are asked about too, 0 to 1; no
            more than ``count``.

    Returns:
        None where there is no region.
    """
    target, void = guess.target, guess.ignore_index
    assert target is not None, "a training has the ground truth"
    regions = [region for region in guess.regions(variant.finder) if region.class_id != void]
    if len(regions) > count:
        sizes = np.sqrt([region.area for region in regions])
        chosen = rng.choice(len(regions), count, replace=False, p=sizes / sizes.sum())
        regions = [regions[n] for n in sorted(chosen.tolist())]
    if rivals:
        regions += [region for region in rivals_of(guess, regions) if rng.random() < rivals][:count]
    if not regions:
        return None
    prompts = [_moved(build_prompt(variant.prompt, r, guess), guess.label_map, jitter, rng) for r in regions]
    masks, known = zip(*(true_mask(region, target, void) for region in regions), strict=True)
    shares, weights = target_shares(torch.stack(masks), torch.stack(known), guess.grid.frame)
    return Exercises(prompts, regions, shares, weights)


def true_mask(region: Region, target: Tensor, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Return what a region should have been.

    It is made of those components of its class in the ground truth that the region touches, void between them not
    counted; none, where the class is not there. Of other components of the class nothing is said: no prompt asks for
    them here.

    Args:
        region: A region of a label map.
        target: Ground truth, integer ``[H, W]``.
        ignore_index: Void label.

    Returns:
        The true mask and where it is known, bool ``[H, W]`` each.
    """
    own = (target == region.class_id).cpu().numpy()
    numbers = label_components(own, connectivity=2)
    touched = np.unique(numbers[region.mask.cpu().numpy()])
    mask = torch.from_numpy(np.isin(numbers, touched[touched > 0])).to(target.device)
    elsewhere = (target == region.class_id) & ~mask
    return mask, (target != ignore_index) & ~elsewhere


def without_class(prompt: Prompt) -> Prompt:
    """Return a prompt that names no class, as one for a class that the segmenter does not know."""
    assert prompt.beliefs is not None, "made for a segmenter that listens to classes"
    own = prompt.beliefs.clone()
    # Its own place and its rival's by the first look stay.
    own[OWN_PLANES:] = 0
    return replace(prompt, class_id=None, beliefs=own)


def _moved(prompt: Prompt, label_map: Tensor, jitter: float, rng: np.random.Generator) -> Prompt:
    """Move the sides of every other box: the evaluation's boxes are as wrong as the label maps they are made of."""
    if prompt.box is None or not jitter or rng.random() < 0.5:
        return prompt
    least, most = prompt.box.view(2, 2)
    step = torch.from_numpy(rng.standard_normal((2, 2))) * jitter * (most - least + 1)
    corners = torch.stack([least, most]) + step
    last = torch.tensor([label_map.shape[1] - 1, label_map.shape[0] - 1], dtype=torch.float64)
    corners = torch.minimum(corners.clamp(min=0), last).sort(0).values
    return replace(prompt, box=corners.flatten())
