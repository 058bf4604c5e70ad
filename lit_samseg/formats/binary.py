"""Masks of two values, 0 and 255: which paint programs mean as no and yes, and label maps as class 0 and void."""

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from lit_samseg.errors import InputError

LabelValues = Literal["auto", "indices", "colours", "binary"]
"""What the numbers of label files stand for: found out, palette indices, colours, or 255 (or 1) for class 1."""

YES = 255


def values_of(labels: Tensor) -> list[int]:
    """Return the values that occur, ascending."""
    found: list[int] = torch.unique(labels).tolist()
    return found


def has_two_values(labels: Tensor) -> bool:
    """Tell whether labels are 0 and 255 and nothing else, both of them."""
    return values_of(labels) == [0, YES]


def class_of_binary(labels: Tensor, path: Path, what: str) -> Tensor:
    """Return 0 for 0, and 1 for 255 or 1; of the same shape and type.

    Raises:
        InputError: There is another value, or 255 and 1 are both there.
    """
    found = values_of(labels)
    if not set(found) <= {0, 1, YES} or {1, YES} <= set(found):
        raise InputError(f"{what} {path} is no binary mask: it has the values {', '.join(map(str, found[:5]))}")
    return (labels > 0).to(labels.dtype)
