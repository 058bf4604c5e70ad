"""Prompts from a region: what the parts of a row ask, put together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.refine.blame import blaming
from lit_samseg.refine.class_beliefs import said_of_class
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.kinds import PromptPart
from lit_samseg.refine.regions import Region
from lit_samseg.sam.interface import Prompt

_EMPTY = Prompt()


def build_prompt(parts: Sequence[PromptPart], region: Region, context: ImageContext) -> Prompt:
    """Put together what parts ask of a region.

    Args:
        parts: At most one for each slot.
        region: What the prompt stands for.
        context: The image.

    Raises:
        InputError: A part from outside this package fails, or gives what is no prompt.
    """
    given: dict[str, Any] = {}
    for part in parts:
        if part.is_foreign:
            with blaming(part, f"for a region of class {region.class_id}"):
                prompt = _looked_at(part, part.ask(region, context), context)
        else:
            prompt = part.ask(region, context)
        given |= {
            field.name: value
            for field in fields(Prompt)
            if (value := getattr(prompt, field.name)) is not getattr(_EMPTY, field.name)
        }
    names = context.sam.class_names
    if names is not None:
        given |= said_of_class(region.class_id, context.grid, context.class_planes, len(names), context.closer)
    return Prompt(**given)


@dataclass(frozen=True)
class Function(PromptPart):
    """A plain function of your own, as a prompt: for Python programs only."""

    slot: ClassVar[Any] = "points"
    function: Callable[[Region], Prompt]

    @property
    def is_foreign(self) -> bool:
        """It is."""
        return True

    @property
    def path(self) -> str:
        """The function's."""
        return f"{getattr(self.function, '__module__', '')}:{getattr(self.function, '__qualname__', 'function')}"

    def ask(self, region: Region, context: ImageContext) -> Prompt:
        """Call the function."""
        return self.function(region)


def _looked_at(part: PromptPart, prompt: Any, context: ImageContext) -> Prompt:
    """Return what a part from outside gave, in the types that SAM takes."""
    if not isinstance(prompt, Prompt):
        raise InputError(f"{part.title} gives a {type(prompt).__name__}, and no lit_samseg.sam.Prompt")
    places: dict[str, Any] = {
        name: _places(part, name, getattr(prompt, name)) for name in ("points", "negative_points", "box")
    }
    size, side = tuple(context.image.shape[1:]), context.frame.mask_size
    for name, shape, kind in (("mask", size, torch.bool), ("mask_logits", (side, side), torch.float32)):
        value = getattr(prompt, name)
        if value is not None and (tuple(value.shape) != shape or value.dtype != kind):
            raise InputError(
                f"{part.title} gives {name} as {value.dtype} {list(value.shape)}; it must be {kind} {list(shape)}"
            )
    if prompt.mask_logits is not None and not prompt.mask_logits.isfinite().all():
        raise InputError(f"{part.title} gives mask_logits with NaN or infinity")
    return replace(prompt, **places)


def _places(part: PromptPart, name: str, given: Any) -> Tensor | None:
    if given is None:
        return None
    places = torch.as_tensor(given, dtype=torch.float64).cpu()
    fits = places.shape == (4,) if name == "box" else places.ndim == 2 and places.shape[1] == 2 and len(places) > 0
    if not fits:
        raise InputError(
            f"{part.title} gives {name} as {list(places.shape)}; it must be {'[4]' if name == 'box' else '[K, 2]'}"
        )
    if not places.isfinite().all():
        raise InputError(f"{part.title} gives {name} with NaN or infinity")
    if name == "box" and bool((places[:2] > places[2:]).any()):
        raise InputError(f"{part.title} gives the box {places.tolist()}; it must be x_min, y_min, x_max, y_max")
    return places
