"""What numbers by class mean: which axis the classes are, whether they are logits or probabilities."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.errors import InputError

ScoreKind = Literal["auto", "logits", "probabilities"]
ScoreLayout = Literal["chw", "hwc"]
AspectRatio = Literal["image", "any"]

LEAST_PROBABILITY = 1e-6
"""A class of probability 0 is taken for as unlikely as this, so that its logarithm is a number."""

SUM_TOLERANCE = 0.01
"""How far from 1 a cell's probabilities may add up: those of 150 classes in float16 are within 0.001."""

_ROUNDING = 1e-3


class Axes(NamedTuple):
    """Which axes of an array are classes, rows and columns; any other has the length 1."""

    classes: int
    rows: int
    columns: int


def axes_of(shape: Sequence[int], num_classes: int | None, layout: ScoreLayout, name: str) -> Axes:
    """Find the axes of class scores.

    Args:
        shape: Three lengths; or four, where the first is 1, or, as nnU-Net writes it, the second.
        num_classes: How many classes there must be; None for any number.
        layout: ``chw``: classes come first. ``hwc``: they come last.
        name: Whose scores they are, for messages.

    Raises:
        InputError: These are no class scores, or of another number of classes.
    """
    first, last = layout == "chw", len(shape) - 1
    if 0 in shape or len(shape) not in (3, 4):
        alone = "; with two classes, give both" if len(shape) == 2 else ""
        raise InputError(f"{name} has the shape {list(shape)}; scores are {_shape_in_words(layout)}{alone}")
    lone: int | None = None
    if len(shape) == 4:
        singles = [axis for axis in ((0, 1) if first else (0,)) if shape[axis] == 1]
        # [1, C, h, w] and [C, 1, h, w] are told apart by C, where it is known.
        fitting = [axis for axis in singles if shape[(1 - axis) if first else last] == num_classes]
        lone = next(iter(fitting or singles), None)
        if lone is None:
            raise InputError(f"{name} has the shape {list(shape)}; scores are {_shape_in_words(layout)}")
    left = [axis for axis in range(len(shape)) if axis != lone]
    axes = Axes(*left) if first else Axes(left[2], left[0], left[1])
    found, other = shape[axes.classes], shape[left[2] if first else left[0]]
    if num_classes in (None, found):
        return axes
    if other == num_classes:
        raise InputError(
            f"{name} has the shape {list(shape)}: its {num_classes} classes are {'last' if first else 'first'}; set "
            f"layout to {'hwc' if first else 'chw'}"
        )
    raise InputError(f"{name} has scores of {found} classes, shape {list(shape)}; there must be {num_classes}")


def misfit(cells: tuple[int, int], size: tuple[int, int], aspect_ratio: AspectRatio = "image") -> str | None:
    """Tell why cells cannot be those of an image; None where they can.

    A square may stand for an image of any form, since many networks squash what they are given. Other cells must have
    the image's aspect ratio, as far as whole numbers can.

    Args:
        cells: Rows and columns of the scores.
        size: Height and width of the image.
        aspect_ratio: ``any`` allows every one.
    """
    if aspect_ratio == "any" or cells[0] == cells[1] or _are_alike(cells, size):
        return None
    turned = "; they lie on their side, write them upright" if _are_alike(cells[::-1], size) else ""
    return (
        f"{cells[1]}x{cells[0]} cells for an image of {size[1]}x{size[0]} pixels, of another aspect ratio{turned}; cut "
        "padding away, or set aspect_ratio to any if the cells are the whole image, squashed"
    )


def as_logits(array: NDArray[Any], kind: ScoreKind, name: str) -> Tensor:
    """Turn scores into logits.

    Args:
        array: float16, float32 or float64 ``[C, h, w]``.
        kind: ``auto``: probabilities, if all are in 0..1 and add up to 1 in every cell.
        name: Whose scores they are, for messages.

    Returns:
        float32 ``[C, h, w]``: the logits, or the probabilities' logarithms, of at least `LEAST_PROBABILITY`.

    Raises:
        InputError: They are no numbers, or cannot be what they are said to be.
    """
    if array.dtype.kind != "f":
        raise InputError(
            f"{name} has numbers of type {array.dtype}; scores are float16, float32 or float64: write logits, or "
            "probabilities in 0..1"
        )
    with np.errstate(over="ignore"):
        values = torch.from_numpy(np.require(array, np.float32, ["C", "W"]))
    if not values.isfinite().all():
        where = (~values.isfinite()).nonzero()[0].tolist()
        raise InputError(f"{name} has NaN or infinity, first at class, row, column {where}; write finite numbers")
    if kind == "logits":
        return values
    low, high = (float(bound) for bound in values.aminmax())
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        if kind == "auto":
            return values
        raise InputError(f"{name} has scores from {low:.4g} to {high:.4g}; probabilities are 0..1: set kind to logits")
    sums = values.sum(0)
    if kind == "auto" and bool(((sums - 1).abs() > SUM_TOLERANCE).any()):
        raise InputError(
            f"{name} has scores in 0..1 that do not add up to 1 (a cell's sum is {_farthest(sums):.4g}): logits, or "
            "probabilities of each class alone; give logits beyond 0..1, or say by kind which they are"
        )
    if not (sums > 0).all():
        row, column = (sums <= 0).nonzero()[0].tolist()
        raise InputError(f"{name} has probability 0 for every class at row {row}, column {column}; give it a class")
    return values.clamp(min=LEAST_PROBABILITY).log()


def _are_alike(cells: Sequence[int], size: Sequence[int]) -> bool:
    """Tell whether one scale makes cells of the pixels of both sides, each rounded up or down."""
    least, most = ([(cells[n] + change) / size[n] for n in range(2)] for change in (-1, 1))
    return max(least) < min(most)


def _farthest(sums: Tensor) -> float:
    return float(sums.flatten()[(sums - 1).abs().argmax()])


def _shape_in_words(layout: ScoreLayout) -> str:
    return "[classes, height, width]" if layout == "chw" else "[height, width, classes]"
