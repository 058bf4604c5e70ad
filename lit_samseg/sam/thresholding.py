"""Masks at the image's size from low-resolution logits: exactly SAM's, computed where a pixel can be set at all.

SAM brings logits to the image in bilinear steps (two of them; SAM 2 one) and takes what is above 0. Bilinear steps are
linear and act on rows and columns apart, so all steps together are ``A L B^T`` with a small matrix for each axis. In
exact arithmetic that is the same number; in fp32 the order of roundings differs, which matters where a logit is next
to 0. So on a CPU the product decides only where it is farther from 0 than both roundings could carry it. The few pixels
left are computed in fp64 and, where even that is too near to call, by SAM's own steps: masks are SAM's to the pixel.

All weights are 0 or more, so a pixel whose sources are all below 0 is not set: rows and columns without a positive
source are left out.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.sam.frame import Frame

ROUNDING = 2.0**-20
"""Relative error that no order of SAM's steps in fp32 exceeds: at most 8 roundings of 2^-24 each, doubled."""
PRODUCT_ROUNDING = 2.0**-18
"""The same with that of the matrix product, whose rows have up to 4 weights and are rounded to fp32 themselves."""
FEW = 4096
"""So many undecided pixels of a candidate are computed one by one; more of them (a plateau at 0) by SAM's own steps."""
TILE = 64
"""Pixels along an axis that are multiplied together: their sources are a small part of all."""
TAPS = 4
"""Sources of a pixel along an axis, at most: two of each of two pixels, which are neighbours."""


@dataclass(frozen=True)
class MaskWindow:
    """Masks in a rectangle of the image; outside it nothing is set.

    Attributes:
        top: The rectangle's first row.
        left: Its first column.
        masks: bool ``[M, h, w]``.
    """

    top: int
    left: int
    masks: Tensor

    @property
    def area(self) -> tuple[slice, slice]:
        """Index of the rectangle in a map ``[H, W]``."""
        height, width = self.masks.shape[1:]
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def widened(self, top: int, left: int, bottom: int, right: int) -> "MaskWindow":
        """Return the same masks in the smallest rectangle that also holds rows top..bottom and columns left..right.

        The ends are not included, as in a slice.
        """
        rows, columns = self.area
        if not self.masks.numel():
            rows, columns = slice(top, bottom), slice(left, right)
        first_row, first_column = min(top, rows.start), min(left, columns.start)
        last_row, last_column = max(bottom, rows.stop), max(right, columns.stop)
        masks = self.masks.new_zeros(len(self.masks), last_row - first_row, last_column - first_column)
        if self.masks.numel():
            masks[:, rows.start - first_row : rows.stop - first_row][
                ..., columns.start - first_column : columns.stop - first_column
            ] = self.masks
        return MaskWindow(first_row, first_column, masks)

    def whole(self, height: int, width: int) -> Tensor:
        """Return the masks in the whole image, bool ``[M, H, W]``."""
        masks = self.masks.new_zeros(len(self.masks), height, width)
        masks[:, *self.area] = self.masks
        return masks


def threshold_masks(logits: Tensor, frame: Frame) -> MaskWindow:
    """Bring the logits of one prompt's candidates to the image and take what is above 0.

    Args:
        logits: float32 ``[M, mask_size, mask_size]``.
        frame: The image's frame.

    Returns:
        The masks, on a CPU in the smallest rectangle that is known to hold them. A GPU computes SAM's own steps over
        the whole image, since it would have to wait for the rectangle. Largest tensors: a few of ``M`` windows.
    """
    if logits.device.type != "cpu":
        return MaskWindow(0, 0, frame.to_image(logits) > 0)
    rows, columns = axis_weights(frame, 0), axis_weights(frame, 1)
    # Compared by numpy: many times faster than by torch.
    positive = np.asarray((logits.detach().numpy() > 0).any(0))
    top, bottom = rows.reached(np.flatnonzero(positive.any(1)))
    left, right = columns.reached(np.flatnonzero(positive.any(0)))
    if top == bottom or left == right:
        return MaskWindow(0, 0, logits.new_empty(len(logits), 0, 0, dtype=torch.bool))
    used = slice(rows.first[top], rows.last[bottom - 1] + 1), slice(columns.first[left], columns.last[right - 1] + 1)
    sources = logits[:, *used]
    wide = columns.product(logits[:, used[0]].mT, left, right).mT
    product = rows.product(wide, top, bottom, used[0].start)
    masks = torch.from_numpy(product.detach().numpy() > 0)
    # Written so that a logit that is no number, or infinite, leaves its pixels in doubt.
    bounds = PRODUCT_ROUNDING * sources.abs().amax((1, 2), keepdim=True)
    sure: NDArray[np.bool_] = product.abs_().detach().numpy() > bounds.detach().numpy()
    for m in np.flatnonzero(~sure.all((1, 2))).tolist():
        where = torch.from_numpy(np.flatnonzero(~sure[m]))
        a, b = rows.weights[top:bottom, used[0]], columns.weights[left:right, used[1]]
        decided = _decide_exactly(sources[m].double(), a, b, where) if len(where) <= FEW else None
        if decided is None:
            masks[m] = frame.to_image(logits[m : m + 1])[0, top:bottom, left:right] > 0
        else:
            masks[m].view(-1)[where] = decided
    return MaskWindow(top, left, masks)


def _decide_exactly(sources: Tensor, a: Tensor, b: Tensor, where: Tensor) -> Tensor | None:
    """Return which pixels ``where`` (flat index) are above 0; None if one is nearer to 0 than fp32 can tell."""
    (rows, down), (columns, across) = _taps(a[where // len(b)]), _taps(b[where % len(b)])
    terms = sources[rows[:, :, None], columns[:, None, :]] * down[:, :, None] * across[:, None, :]
    values, sizes = terms.sum((1, 2)), terms.abs().sum((1, 2))
    if not (values.abs() > ROUNDING * sizes).all():
        return None
    return values > 0


def _taps(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return the places and values ``[K, 4]`` of the neighbouring weights that are not 0, of rows ``[K, n]``."""
    first = (weights > 0).int().argmax(1, keepdim=True)
    places = (first + torch.arange(TAPS)).clamp(max=weights.shape[1] - 1)
    # At the end of a row the last place would come more than once.
    return places, weights.gather(1, places) * (first + torch.arange(TAPS) < weights.shape[1])


@dataclass(frozen=True)
class AxisWeights:
    """All steps together along one axis of the image.

    Attributes:
        weights: float64 ``[n, mask_size]`` for the axis' ``n`` pixels: each row 3 or 4 neighbouring weights that sum to
            1, products of torch's own.
        single: The same in float32.
        first: Each pixel's first source that has a weight.
        last: Its last.
    """

    weights: Tensor
    single: Tensor
    first: list[int]
    last: list[int]

    def reached(self, sources: NDArray[np.intp]) -> tuple[int, int]:
        """Return the range of pixels that ascending sources, from the first to the last, have a part in."""
        if not len(sources):
            return 0, 0
        # Both lists ascend, as pixels and their sources do.
        return bisect_left(self.last, int(sources[0])), bisect_right(self.first, int(sources[-1]))

    def product(self, sources: Tensor, start: int, end: int, offset: int = 0) -> Tensor:
        """Return ``weights[start:end] @ sources``, skipping what a tile of pixels has no weight for.

        Args:
            sources: float32 ``[M, s, k]``; its row 0 is source ``offset``.
            start: First pixel.
            end: Pixel after the last.
            offset: See there.

        Returns:
            float32 ``[M, end - start, k]``.
        """
        found = sources.new_empty(len(sources), end - start, sources.shape[2])
        for tile in range(start, end, TILE):
            stop = min(tile + TILE, end)
            low, high = self.first[tile], self.last[stop - 1] + 1
            part = self.single[tile:stop, low:high] @ sources[:, low - offset : high - offset]
            found[:, tile - start : stop - start] = part
        return found


def axis_weights(frame: Frame, axis: int) -> AxisWeights:
    """Return the weights along an axis of a frame: 0 for rows, 1 for columns."""
    sides = frame.height, frame.width
    # Rows and columns are alike where both sides are: so many images of a data set have an axis in common.
    return _weights_of_rows(replace(frame, height=sides[axis], width=max(sides)))


@lru_cache(maxsize=8)
def _weights_of_rows(frame: Frame) -> AxisWeights:
    weights = frame.axis_weights(0)
    used = (weights > 0).int()
    last = weights.shape[1] - 1 - used.flip(1).argmax(1)
    return AxisWeights(weights, weights.float(), used.argmax(1).tolist(), last.tolist())
