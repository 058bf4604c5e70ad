"""Kept masks become a label map."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from lit_samseg.runtime.pixels import count_set, has_label
from lit_samseg.sam.thresholding import MaskWindow


class Canvas:
    """A label map in the making (SPEC 1, Merging): one mask per class, by ascending class id, none of which is kept.

    A class's key is the IoU of its mask with its region in the label map. Where masks overlap the larger key wins, on
    equal keys the lower class id, which was painted first. The result is that of painting in ascending key.

    Args:
        label_map: The baseline's, signed integer ``[H, W]``.
        fill: ``background`` or ``baseline``: what pixels get that no mask claims, those that are void in the label map
            too.
        background: The background class, or None.

    Raises:
        ValueError: ``fill`` is ``background`` and there is none.

    Memory: one ``[H, W]`` like the label map, and a few floats of the window while a class is painted.
    """

    def __init__(self, label_map: Tensor, fill: str, background: int | None) -> None:
        if fill == "background" and background is None:
            raise ValueError("fill 'background' needs a background class")
        self._label_map, self._fill, self._background = label_map, fill, background
        self._classes = torch.full_like(label_map, -1)
        # The key of each class painted so far; -1, that of no class, is last.
        self._keys = torch.full((1,), -1.0, dtype=torch.float64, device=label_map.device)
        self._last = -1

    def paint(self, class_id: int, kept: MaskWindow, region_area: int | Tensor | None = None) -> None:
        """Add a class's united kept masks.

        Args:
            class_id: The class, larger than any before.
            kept: Its mask, bool ``[1, h, w]``.
            region_area: Pixels of the class in the label map; counted where it is not given.
        """
        assert class_id > self._last, "classes are painted by ascending id"
        is_first, self._last = self._last < 0, class_id
        (mask,) = kept.masks
        region = has_label(self._label_map[kept.area], class_id)
        if region_area is None:
            region_area = count_set(has_label(self._label_map, class_id))
        # The union is the mask and what of the region lies outside it.
        intersection = count_set(mask & region)
        union = count_set(mask) + region_area - intersection
        # float64 keys of equal fractions are equal, so ties are exact.
        key = intersection.double() / union.clamp(min=1)
        self._remember(class_id, key)
        classes = self._classes[kept.area]
        classes.masked_fill_(mask if is_first else mask & (self._keys[classes.long()] < key), class_id)

    def _remember(self, class_id: int, key: Tensor) -> None:
        missing = class_id + 2 - len(self._keys)
        if missing > 0:
            self._keys = torch.cat([self._keys[:-1], self._keys[-1:].expand(missing + 1)])
        self._keys[class_id] = key

    def finish(self) -> Tensor:
        """Return the label map ``[H, W]``; without any class it equals the baseline's."""
        unclaimed: Tensor | int = self._label_map
        if self._last >= 0 and self._fill == "background":
            assert self._background is not None, "checked at the start"
            unclaimed = self._background
        return torch.where(self._classes >= 0, self._classes, unclaimed)


class Union:
    """The union of masks that come one after the other.

    Memory: where they are masks of whole images, as on a GPU, one; else their windows.
    """

    def __init__(self) -> None:
        self._windows: list[MaskWindow] = []

    def add(self, window: MaskWindow) -> None:
        """Add a mask, bool ``[1, h, w]``, which is the union's own from now on."""
        if self._windows and self._windows[-1].area == window.area:
            self._windows[-1].masks.logical_or_(window.masks)
        else:
            self._windows.append(window)

    def take(self) -> MaskWindow | None:
        """Return the union in the smallest rectangle that holds the windows, and begin anew; None of no masks."""
        windows, self._windows = self._windows, []
        return unite(windows) if windows else None


def unite(windows: Sequence[MaskWindow]) -> MaskWindow:
    """Return the union of masks ``[1, h, w]`` in the smallest rectangle that holds their windows."""
    windows = [window for window in windows if window.masks.numel()] or windows[:1]
    if len(windows) == 1:
        return windows[0]
    areas = [window.area for window in windows]
    top, left = (min(area[axis].start for area in areas) for axis in (0, 1))
    bottom, right = (max(area[axis].stop for area in areas) for axis in (0, 1))
    united = windows[0].widened(top, left, bottom, right)
    for (rows, columns), window in zip(areas[1:], windows[1:], strict=True):
        united.masks[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] |= window.masks
    return united


def merge(class_masks: Mapping[int, Tensor], label_map: Tensor, fill: str, background: int | None) -> Tensor:
    """Merge one mask per class into a label map; see `Canvas`.

    Args:
        class_masks: The united kept masks of each prompted class, bool ``[H, W]``, in any order.
        label_map: The baseline's, integer ``[H, W]``.
        fill: ``background`` or ``baseline``.
        background: The background class, or None.

    Returns:
        A new label map, like ``label_map``.
    """
    canvas = Canvas(label_map, fill, background)
    for class_id, mask in sorted(class_masks.items()):
        canvas.paint(class_id, MaskWindow(0, 0, mask[None]))
    return canvas.finish()
