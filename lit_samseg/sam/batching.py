"""Which images go through an encoder together, which prompts through a mask decoder, and as what tensors."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import Candidates, Embedding, Prompt
from lit_samseg.sam.oom_retry import Halving

DECODER_BYTES = 2**30
"""What a decoder call on a GPU may take for the activations of its prompts."""
PROMPT_BYTES_PER_LOGIT = 3 * 2**8
"""Activations of one prompt, per low-resolution logit of one mask: about 50 MB for the published 256 x 256."""


def images_per_call(images: Sequence[Tensor]) -> int:
    """Return how many images go through an encoder together.

    On a GPU all of them. Elsewhere each alone: a batch gains nothing on a CPU, and results would depend in their last
    bits on its make-up.
    """
    return len(images) if images and images[0].device.type == "cuda" else 1


def encode_together(
    images: Sequence[Tensor], fitting: Halving, encode: Callable[[Sequence[Tensor]], list[Embedding]]
) -> list[Embedding]:
    """Encode images, `images_per_call` at once, or fewer where these do not fit into memory.

    Args:
        images: uint8 ``[3, H, W]`` of any sizes; there may be none.
        fitting: What is known of the memory.
        encode: The encoder, for one call.

    Returns:
        Embeddings in the images' order.

    Raises:
        InputError: The memory does not hold the work on a single image.
    """
    embeddings: list[Embedding] = []
    fitting.run(images, images_per_call(images), lambda chunk: embeddings.extend(encode(chunk)))
    return embeddings


def prompts_per_call(device: torch.device, mask_size: int) -> int:
    """Return how many prompts go through a decoder together.

    On a CPU one at a time: a single prompt keeps the cores busy and its activations in the cache (the official decoder
    of MobileSAM on two cores: 53 ms each alone, 65 in fours, 75 in eights), and so results cannot depend on what else
    is asked, to the last bit.
    """
    if device.type == "cpu":
        return 1
    return max(1, DECODER_BYTES // (PROMPT_BYTES_PER_LOGIT * mask_size**2))


@dataclass(frozen=True)
class PromptTensors:
    """Prompts of equal token layout in frame pixels, on the embedding's device.

    Attributes:
        count: How many there are, ``n``.
        points: Foreground points, then points of the background, float32 ``[n, K, 2]`` as (x, y), or None.
        negative: How many of the points, the last ones, are of the background.
        boxes: float32 ``[n, 4]`` as x_min, y_min, x_max, y_max, or None.
        masks: Logits float32 ``[n, 1, mask_size, mask_size]``, or None.
    """

    count: int
    points: Tensor | None
    negative: int
    boxes: Tensor | None
    masks: Tensor | None


def decode_alike_together(
    embedding: Embedding,
    prompts: Sequence[Prompt],
    masks_per_prompt: int,
    fitting: Halving,
    decode: Callable[[PromptTensors], tuple[Tensor, Tensor]],
) -> Candidates:
    """Decode prompts of one image, those with equal token layout together, never padded.

    Args:
        embedding: The image.
        prompts: ``N`` prompts, in any mixture; ``N`` may be 0.
        masks_per_prompt: ``M``, candidates that the decoder gives of each.
        fitting: What is known of the memory: where `prompts_per_call` prompts do not fit, fewer are decoded at once.
        decode: The decoder, from at most `prompts_per_call` prompts to their logits ``[n, M, mask_size, mask_size]``
            and scores ``[n, M]`` in any floating-point type.

    Returns:
        Candidates in the prompts' order.

    Raises:
        InputError: The memory does not hold the work on a single prompt.
    """
    groups: dict[tuple[int, int, bool, bool], list[int]] = defaultdict(list)
    for index, prompt in enumerate(prompts):
        groups[prompt.token_layout].append(index)
    side = embedding.frame.mask_size
    logits = embedding.features.new_empty(len(prompts), masks_per_prompt, side, side)
    scores = embedding.features.new_empty(len(prompts), masks_per_prompt)

    def decode_chunk(chunk: Sequence[int]) -> None:
        where = torch.tensor(chunk, device=logits.device)
        tensors = _stack([prompts[i] for i in chunk], embedding.frame, logits.device)
        chunk_logits, chunk_scores = decode(tensors)
        logits.index_copy_(0, where, chunk_logits.float())
        scores.index_copy_(0, where, chunk_scores.float())

    for members in groups.values():
        fitting.run(members, prompts_per_call(logits.device, side), decode_chunk)
    return Candidates(logits, scores, embedding.frame)


def _stack(prompts: Sequence[Prompt], frame: Frame, device: torch.device) -> PromptTensors:
    points = boxes = masks = None
    foreground, negative, has_box, has_mask = prompts[0].token_layout
    if foreground or negative:
        coordinates = torch.stack([frame.to_frame(_points(prompt)) for prompt in prompts])
        points = coordinates.float().to(device)
    if has_box:
        corners = torch.stack([frame.to_frame(p.box.view(2, 2)) for p in prompts if p.box is not None])
        boxes = corners.flatten(1).float().to(device)
    if has_mask:
        # One at a time: they are floats of the image's size.
        masks = torch.stack([_mask_prompt(prompt, frame) for prompt in prompts]).to(device)
    return PromptTensors(len(prompts), points, negative, boxes, masks)


def _points(prompt: Prompt) -> Tensor:
    return torch.cat([points for points in (prompt.points, prompt.negative_points) if points is not None])


def _mask_prompt(prompt: Prompt, frame: Frame) -> Tensor:
    if prompt.mask_logits is not None:
        return prompt.mask_logits[None]
    assert prompt.mask is not None, "prompts of one token layout have all a mask or none"
    # +1 inside and -1 outside.
    signed = frame.mask_prompt(prompt.mask.float() * 2 - 1)
    if prompt.mask_gamma is not None:
        signed = bell(signed[0] > 0, prompt.mask_gamma)[None]
    return signed * prompt.mask_strength


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
