"""Kept masks become a label map."""

from collections.abc import Mapping

import torch
from torch import Tensor

from lit_samseg.refine.selection import intersection_over_union


class Canvas:
    """A label map in the making (SPEC 1, Merging): one mask per class, in any order, none of which is kept.

    A class's key is the IoU of its mask with its region in the label map. Where masks overlap the larger key wins, on
    equal keys the lower class id. This is painting in ascending key, written so that no order of classes can matter.

    Args:
        label_map: The baseline's, int64 ``[H, W]``.
        fill: ``background`` or ``baseline``: what pixels get that no mask claims.
        background: The background class, or None.

    Raises:
        ValueError: ``fill`` is ``background`` and there is none.

    Memory: one int64 and one float64 ``[H, W]``, and as much again while a class is painted.
    """

    def __init__(self, label_map: Tensor, fill: str, background: int | None) -> None:
        if fill == "background" and background is None:
            raise ValueError("fill 'background' needs a background class")
        self._label_map, self._fill, self._background = label_map, fill, background
        self._classes = torch.full_like(label_map, -1)
        self._keys = torch.full(label_map.shape, -1.0, dtype=torch.float64, device=label_map.device)
        self._empty = True

    def paint(self, class_id: int, mask: Tensor) -> None:
        """Add a class's united kept masks, bool ``[H, W]``."""
        key = intersection_over_union(mask[None], self._label_map == class_id)
        # float64 keys of equal fractions are equal, so ties are exact.
        tie = (self._keys == key) & (class_id < self._classes)
        wins = mask & ((self._keys < key) | tie)
        self._classes = torch.where(wins, class_id, self._classes)
        self._keys = torch.where(wins, key, self._keys)
        self._empty = False

    def finish(self) -> Tensor:
        """Return the label map, int64 ``[H, W]``; without any class it equals the baseline's."""
        if self._empty or self._fill == "baseline":
            unclaimed = self._label_map
        else:
            assert self._background is not None, "checked at the start"
            unclaimed = torch.full_like(self._label_map, self._background)
        return torch.where(self._classes >= 0, self._classes, unclaimed)


def merge(class_masks: Mapping[int, Tensor], label_map: Tensor, fill: str, background: int | None) -> Tensor:
    """Merge one mask per class into a label map; see `Canvas`.

    Args:
        class_masks: The united kept masks of each prompted class, bool ``[H, W]``.
        label_map: The baseline's, integer ``[H, W]``.
        fill: ``background`` or ``baseline``.
        background: The background class, or None.

    Returns:
        A new label map, like ``label_map``.
    """
    canvas = Canvas(label_map, fill, background)
    for class_id, mask in class_masks.items():
        canvas.paint(class_id, mask)
    return canvas.finish()
