"""What is void in label maps of a caller's own."""

from typing import Literal

import torch
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.formats.given import as_label_map
from lit_samseg.void import VOID

NARROW, WIDE = 255, 65_535
"""Void in label maps of at most 255 classes, and of more."""


def known_void(
    void: int | Literal["auto"] | None, class_names: tuple[str, ...] | None, background: object
) -> int | Literal["auto"] | None:
    """Check the option, and choose where the number of classes decides.

    Args:
        void: A number, None where each pixel has a class, or ``auto``.
        class_names: By class id, or None where nobody knows the classes.
        background: The class that is never prompted, or None.

    Returns:
        The same; ``auto`` where only a label map can tell.

    Raises:
        InputError: It is a class, or no number.
    """
    if void == "auto":
        return void if class_names is None else NARROW if len(class_names) <= NARROW else WIDE
    first = 0 if class_names is None else len(class_names)
    if void is not None and (type(void) is not int or void < first or void == background):
        raise InputError(f"ignore_index is {void!r}; it is a number that is no class, from {first} on, None or 'auto'")
    return void


def _void_of(labels: Tensor) -> int:
    """Return what is void in a label map ``[H, W]`` of which nothing else is known.

    Raises:
        InputError: 255 may be a class of it, or void.
    """
    if not ((labels > NARROW) & (labels != WIDE)).any():
        return NARROW
    if (labels == NARROW).any():
        raise InputError(
            "the label map has ids above 255, and 255; give Refiner(ignore_index=None) if that is a class, 255 if void"
        )
    return WIDE


def own_labels(
    given: object, size: tuple[int, int], knows_void: bool, void: int | Literal["auto"] | None
) -> tuple[Tensor, int]:
    """Return a caller's label map, int64 ``[H, W]``, with `VOID` where it has void; and what void is in it.

    Args:
        given: What `as_label_map` takes.
        size: ``(H, W)`` of its image.
        knows_void: Somebody said what void is.
        void: As `known_void` returns it.

    Raises:
        InputError: It is no label map, or of another size; or nobody can tell what is void.
    """
    labels = as_label_map(given, knows_void)
    if labels.shape != size:
        raise InputError(f"a label map must be {list(size)} as its image, not {list(labels.shape)}")
    number = _void_of(labels) if void == "auto" else void
    number = VOID if number is None else number
    return torch.where(labels == number, VOID, labels), number
