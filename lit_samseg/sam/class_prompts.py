"""What a prompt says of classes: which one is asked about, and what the baseline thinks of all of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lit_samseg.runtime.transfer import upload

if TYPE_CHECKING:
    from lit_samseg.sam.interface import Prompt

HIDDEN = 32
"""Channels between what is believed of classes and what is added to the image's tokens."""
CELLS = 4
"""Cells of the low-resolution grid along a side of an image token."""
OWN_PLANES = 2
"""Planes of the class asked about and of its best rival, before those of the known classes."""
SURE = 8.0
"""Logit of "the class is here" before anything is learnt: it leaves masks as they are, but for logits above it."""


class ClassPrompts(nn.Module):
    """Makes of a class and of beliefs what a mask decoder sees of them. Untrained, it changes next to nothing.

    A class is a vector that is added to the decoder's own tokens, those of the predicted IoU and of the masks. Beliefs
    are planes that two small convolutions add to the image's tokens, as a mask prompt is added. The presence is a logit
    made of the IoU token: the mask's probability is that of the mask, if the class is here, times that of its presence.

    Args:
        names: The classes. Any other is the unknown class.
        channels: Of the decoder's tokens.
        looks: How often the baseline looks at an image: once, or twice.
    """

    def __init__(self, names: Sequence[str], channels: int, looks: int = 1) -> None:
        super().__init__()
        self.names = tuple(names)
        self.kinds = nn.Embedding(len(self.names) + 1, channels)
        self.planes = nn.Conv2d(looks * (OWN_PLANES + len(self.names)), HIDDEN, 1)
        self.tokens = nn.Conv2d(HIDDEN, channels, 3, padding=1)
        self.presence = nn.Linear(channels, 1)
        for start in (self.kinds.weight, self.tokens.weight, self.tokens.bias, self.presence.weight):
            assert start is not None, "it has a bias"
            nn.init.zeros_(start)
        nn.init.constant_(self.presence.bias, SURE)

    def of_image(self, questions: "ClassQuestions") -> Tensor:
        """Return what is added to the image's tokens of each prompt, float ``[B, h * w, C]``."""
        added: Tensor = self.tokens(F.gelu(self.planes(questions.beliefs)))
        return added.flatten(2).mT

    def of_class(self, questions: "ClassQuestions") -> Tensor:
        """Return what is added to the decoder's own tokens of each prompt, float ``[B, 1, C]``."""
        named: Tensor = self.kinds(questions.classes)
        return named[:, None]

    def judged(self, logits: Tensor, iou_token: Tensor) -> Tensor:
        """Return the logits of being in the mask, where the class may not be in the image at all.

        Args:
            logits: Of the masks, float ``[B, M, h, w]``.
            iou_token: As the decoder leaves it, float ``[B, C]``.
        """
        logits = logits.float()
        present: Tensor = self.presence(iou_token)[..., None, None].float()
        # With p = s(a) s(b), odds against are (1 + exp -a)(1 + exp -b) - 1.
        both = -logits - present
        return -torch.logaddexp(torch.logaddexp(-logits, -present.expand_as(logits)), both)


@dataclass(frozen=True)
class ClassQuestions:
    """What prompts say of classes, on the embedding's device.

    Attributes:
        classes: Of each prompt, int64 ``[B]``; the number of classes for the unknown one.
        beliefs: float32 ``[B, looks * (2 + classes), h, w]`` (`Prompt.beliefs`).
    """

    classes: Tensor
    beliefs: Tensor


def make_class_prompts(names: Sequence[str], like: Tensor, looks: int = 1) -> ClassPrompts:
    """Make what listens to classes, always with the same weights.

    Args:
        names: The classes.
        like: A token of the decoder, float ``[1, C]``, for the size and the device.
        looks: How often the baseline looks at an image.
    """
    # Of its own numbers: what is made here must not depend on what was drawn before, nor change it.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ClassPrompts(names, like.shape[1], looks).to(like.device)


def known_by(classes: ClassPrompts | None) -> tuple[int, int] | None:
    """Return how many classes have names, and how many planes beliefs have; None where nobody listens."""
    return None if classes is None else (len(classes.names), classes.planes.in_channels)


Said = tuple[Tensor | None, Tensor | None, Callable[[Tensor, Tensor], Tensor] | None]


def what_is_said(classes: ClassPrompts | None, questions: ClassQuestions | None) -> Said:
    """Return what is added to the image's tokens and to the decoder's own, and what judges masks; else nothing."""
    if classes is None or questions is None:
        return None, None, None
    return classes.of_image(questions), classes.of_class(questions), classes.judged


def stack_questions(
    known: tuple[int, int], prompts: Sequence["Prompt"], side: int, device: torch.device
) -> ClassQuestions:
    """Stack what prompts say of classes; of one that says nothing, the class is unknown and nothing is believed.

    Args:
        known: How many classes have names, and how many planes beliefs have.
        prompts: ``B`` prompts.
        side: Of the low-resolution grid.
        device: Where to.
    """
    numbers = [known[0] if prompt.class_id is None else prompt.class_id for prompt in prompts]
    (classes,) = upload([torch.tensor(numbers)], device)
    tokens = side // CELLS
    beliefs = torch.zeros(len(prompts), known[1], tokens, tokens, device=device)
    for own, prompt in zip(beliefs, prompts, strict=True):
        if prompt.beliefs is not None:
            # Of classes without names there are no planes.
            own[: len(prompt.beliefs)] = prompt.beliefs
    return ClassQuestions(classes, beliefs)
