"""Prompts as the tensors that a mask decoder takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lit_samseg.runtime.transfer import upload
from lit_samseg.sam.class_prompts import ClassQuestions, stack_questions
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import Prompt
from lit_samseg.sam.mask_prompts import mask_prompts

NEGATIVE, POSITIVE, TOP_LEFT, BOTTOM_RIGHT, NO_POINT = range(5)
"""Kinds of SAM's tokens: points, corners of a box, and what it puts after points without a box."""
FILLING = -1
"""A token that nobody sees."""


@dataclass(frozen=True)
class PromptTensors:
    """Prompts of equal token layout in frame pixels, on the embedding's device.

    Attributes:
        count: How many there are, ``n``.
        points: Foreground points, then points of the background, float32 ``[n, K, 2]`` as (x, y), or None.
        negative: How many of the points, the last ones, are of the background.
        boxes: float32 ``[n, 4]`` as x_min, y_min, x_max, y_max, or None.
        masks: Logits float32 ``[n, 1, mask_size, mask_size]``, or None.
        questions: What they say of classes; None where nobody listens.
    """

    count: int
    points: Tensor | None
    negative: int
    boxes: Tensor | None
    masks: Tensor | None
    questions: ClassQuestions | None = None


@dataclass(frozen=True)
class MixedPrompts:
    """Prompts of any token layouts in frame pixels, on the embeddings' device.

    Attributes:
        images: Which image each is of, int64 ``[n]``; None where there is one image.
        places: Points and corners, then the filling of the shorter ones, float32 ``[n, T, 2]`` as (x, y).
        kinds: What each token is, int64 ``[n, T]``.
        filled: Whether there is any filling.
        masks: Logits float32 ``[m, 1, mask_size, mask_size]`` of the last ``m`` prompts; None where there are none.
        questions: What they say of classes; None where nobody listens.
    """

    images: Tensor | None
    places: Tensor
    kinds: Tensor
    filled: bool
    masks: Tensor | None
    questions: ClassQuestions | None = None

    def __len__(self) -> int:
        return len(self.kinds)


def stack_alike(
    prompts: Sequence[Prompt],
    chosen: Sequence[int],
    frame: Frame,
    device: torch.device,
    known: tuple[int, int] | None = None,
) -> tuple[PromptTensors, Tensor]:
    """Stack prompts of equal token layout.

    Args:
        prompts: Of one image.
        chosen: Indices of those that are meant, one at least.
        frame: The image's.
        device: Where to.
        known: How many classes have names for the segmenter, and how many planes beliefs have; None where it does not
            listen to classes.

    Returns:
        The prompts, and ``chosen`` as int64 there.
    """
    own = [prompts[n] for n in chosen]
    foreground, negative, has_box, has_mask = own[0].token_layout
    small = [torch.tensor(chosen)]
    has_points = bool(foreground or negative)
    if has_points:
        small.append(torch.stack([frame.to_frame(_points(prompt)) for prompt in own]).float())
    if has_box:
        corners = torch.stack([frame.to_frame(p.box.view(2, 2)) for p in own if p.box is not None])
        small.append(corners.flatten(1).float())
    where, *places = upload(small, device)
    masks = mask_prompts([(frame, prompt) for prompt in own]).to(device) if has_mask else None
    points = places[0] if has_points else None
    questions = None if known is None else stack_questions(known, own, frame.mask_size, device)
    return PromptTensors(len(own), points, negative, places[-1] if has_box else None, masks, questions), where


def mix(
    prompts: Sequence[tuple[int, Prompt]],
    frames: Sequence[Frame],
    numbers: Sequence[int],
    device: torch.device,
    known: tuple[int, int] | None = None,
) -> tuple[MixedPrompts, Tensor]:
    """Put prompts of any token layouts together.

    Args:
        prompts: Each with the index of its image, one at least; those with a mask last.
        frames: The images'.
        numbers: Any number for each prompt.
        device: Where to.
        known: As for `stack_alike`.

    Returns:
        The prompts, and the numbers as int64 there.
    """
    tokens = [_tokens(prompt, frames[image]) for image, prompt in prompts]
    longest = max(len(kinds) for _, kinds in tokens)
    places = torch.zeros(len(prompts), longest, 2)
    kinds = torch.full((len(prompts), longest), FILLING)
    for n, (own_places, own_kinds) in enumerate(tokens):
        places[n, : len(own_kinds)] = own_places
        kinds[n, : len(own_kinds)] = own_kinds
    images = torch.tensor([image for image, _ in prompts])
    filled = any(len(own) < longest for _, own in tokens)
    # One copy for all of them.
    images, places, kinds, where = upload([images, places, kinds, torch.tensor(numbers)], device)
    masked = [(frames[image], prompt) for image, prompt in prompts if prompt.token_layout[3]]
    masks = mask_prompts(masked).to(device) if masked else None
    own = [prompt for _, prompt in prompts]
    questions = None if known is None else stack_questions(known, own, frames[0].mask_size, device)
    return MixedPrompts(images if len(frames) > 1 else None, places, kinds, filled, masks, questions), where


def _tokens(prompt: Prompt, frame: Frame) -> tuple[Tensor, Tensor]:
    """Return the places float32 ``[T, 2]`` and kinds int64 ``[T]`` of a prompt's tokens, in SAM's order."""
    foreground, negative, _, _ = prompt.token_layout
    kinds = [POSITIVE] * foreground + [NEGATIVE] * negative
    places = [frame.to_frame(_points(prompt)).float()] if kinds else []
    if prompt.box is not None:
        places.append(frame.to_frame(prompt.box.view(2, 2)).float())
        kinds += [TOP_LEFT, BOTTOM_RIGHT]
    elif kinds:
        places.append(torch.zeros(1, 2))
        kinds.append(NO_POINT)
    return torch.cat([torch.zeros(0, 2), *places]), torch.tensor(kinds, dtype=torch.int64)


def _points(prompt: Prompt) -> Tensor:
    return torch.cat([points for points in (prompt.points, prompt.negative_points) if points is not None])
