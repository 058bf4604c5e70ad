"""Baselines that are a network from elsewhere: an image in, logits of some form out."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from lit_samseg.baselines.preparation import Preparation
from lit_samseg.baselines.score_baseline import ScoreBaseline
from lit_samseg.errors import InputError

NAMES = ("out", "logits")
"""What logits are called in the output of torchvision's networks and of transformers'."""


class NetworkBaseline(ScoreBaseline):
    """A network that is asked about prepared images.

    It may answer with logits ``[1, C, h, w]`` or ``[C, h, w]``, or with an object or dictionary that has them as
    ``logits`` or ``out``. Their cells are the whole input. One channel is the logit of class 1 of two.

    Attributes:
        prepare: Makes its input.
    """

    prepare: Preparation

    @property
    def network(self) -> Callable[[Tensor], object]:
        """What is asked."""
        raise NotImplementedError

    @torch.inference_mode()
    def cells(self, image: Tensor, image_id: str) -> Tensor:
        """Return class logits, float32 ``[C, h, w]``.

        Raises:
            InputError: The network fails, or answers with something else.
        """
        return self._answer(self.prepare(image), image_id)

    @torch.inference_mode()
    def look_closer(self, image: Tensor, scale: float) -> Tensor:
        """Return class logits of the image, prepared larger.

        Raises:
            InputError: The network fails: it may be for images of one size.
        """
        return self._answer(self.prepare(image, scale), f"seen {scale:g} times as large")

    def _answer(self, pixels: Tensor, image_id: str) -> Tensor:
        try:
            given = self.network(pixels)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            # Whatever the code of others raises.
            reason = str(error).strip().partition("\n")[0]
            raise InputError(
                f"baseline {self.checkpoint} fails with image {image_id}, given as {list(pixels.shape)} "
                f"({type(error).__name__}: {reason}); set model.baseline.prepare.size or .multiple_of to what it takes"
            ) from error
        logits = logits_of(given, f"baseline {self.checkpoint}, image {image_id}")
        return torch.cat([torch.zeros_like(logits), logits]) if len(logits) == 1 else logits


def logits_of(given: object, whose: str) -> Tensor:
    """Find the logits in what a network answered.

    Returns:
        float32 ``[C, h, w]``.

    Raises:
        InputError: There are none.
    """
    named: Mapping[str, Any] = given if isinstance(given, Mapping) else _attributes(given)
    found = given if isinstance(given, Tensor) else next((named[name] for name in NAMES if name in named), given)
    if isinstance(found, Tensor) and found.is_floating_point():
        if found.ndim == 4 and len(found) == 1:
            found = found[0]
        if found.ndim == 3 and found.numel():
            return found.float()
    kind = f"{found.dtype} {list(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
    raise InputError(
        f"{whose}: the network must give float logits [1, classes, height, width], alone or as {' or '.join(NAMES)}, "
        f"not {kind}"
    )


def _attributes(given: object) -> dict[str, Any]:
    return {name: getattr(given, name) for name in NAMES if hasattr(given, name)}
