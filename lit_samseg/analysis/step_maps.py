"""Label maps of several choices among the same candidates, painted together."""

import torch
from torch import Tensor

from lit_samseg.analysis.image_truth import ClassTruth
from lit_samseg.runtime.pixels import count_set


class StepMaps:
    """The label maps of ``S`` steps in the making (SPEC 1, Merging), each as `lit_samseg.refine.Canvas` makes one.

    All steps are painted at once, by ascending class id, so that of equal keys the one painted first stays.

    Args:
        label_map: The baseline's, signed integer ``[H, W]``.
        fill: ``background`` or ``baseline``: what pixels get that no mask claims.
        background: The background class, or None.
        steps: ``S``.

    Memory: int32 ``[S, H, W]``, and a few numbers of 4 bytes of a class's window while it is painted.
    """

    def __init__(self, label_map: Tensor, fill: str, background: int | None, steps: int) -> None:
        self._label_map, self._fill = label_map, fill
        # Which of the classes painted so far has a pixel: 1 for the first of them, 0 for none.
        self._places = torch.zeros(steps, *label_map.shape, dtype=torch.int32, device=label_map.device)
        self._first = torch.arange(steps, dtype=torch.int32, device=label_map.device)[:, None, None]
        # By such a place: keys, of which that of no class is the least, and labels.
        self._keys = torch.full((steps, 1), -1.0, dtype=torch.float64, device=label_map.device)
        self._labels = label_map.new_full((1,), -1 if background is None else background)

    def paint(self, truth: ClassTruth, area: tuple[slice, slice], masks: Tensor) -> None:
        """Add a class's united masks.

        Args:
            truth: The class, of a larger id than any before.
            area: Where any of the masks is set.
            masks: What each step makes of it there, bool ``[S, h, w]``.
        """
        shared = count_set(masks & truth.region[area])
        union = count_set(masks) + truth.region_area - shared
        keys = (shared.double() / union.clamp(min=1).double())[:, None]
        places, painted = self._places[:, *area], len(self._labels)
        wins = masks
        if painted > 1:
            weaker = (self._keys < keys).flatten()
            # Many times faster on a CPU than an index by two tensors.
            wins = masks & weaker.index_select(0, (places + painted * self._first).flatten()).view(masks.shape)
        places.masked_fill_(wins, painted)
        self._keys = torch.cat([self._keys, keys], dim=1)
        self._labels = torch.cat([self._labels, self._labels.new_full((1,), truth.class_id)])

    def finish(self) -> Tensor:
        """Return the label maps ``[S, H, W]`` like the baseline's, which is what they are without any class."""
        if len(self._labels) == 1:
            return self._label_map.expand(self._places.shape)
        maps = self._labels.index_select(0, self._places.flatten()).view(self._places.shape)
        return maps if self._fill == "background" else torch.where(self._places > 0, maps, self._label_map)
