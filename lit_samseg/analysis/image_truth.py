"""What the ground truth says of one image's pixels, for all rows that are analysed."""

from typing import NamedTuple

from torch import Tensor

from lit_samseg.runtime.pixels import count_set, has_label


class ClassTruth(NamedTuple):
    """One class of an image.

    Attributes:
        class_id: The class.
        truth: Where the ground truth has it, bool ``[H, W]``.
        true_area: How many pixels that are, int64 scalar.
        region: Where the baseline's label map has it, bool ``[H, W]``.
        region_area: How many pixels that are, int64 scalar.
    """

    class_id: int
    truth: Tensor
    true_area: Tensor
    region: Tensor
    region_area: Tensor


class ImageTruth:
    """One image's ground truth beside its label map.

    Args:
        label_map: The baseline's, signed integer ``[H, W]``.
        target: Ground truth, integer ``[H, W]``.
        background: Class that is never prompted, or None.
        ignore_index: Void label of ``target``; void pixels decide nothing.

    Attributes:
        label_map: The same.
        target: The ground truth of the label map's type; what void becomes in it is of no use.
        seen: Where the ground truth is not void, bool ``[H, W]``.
        right: Where it is the label map's class, or the background, bool ``[H, W]``.
    """

    def __init__(self, label_map: Tensor, target: Tensor, background: int | None, ignore_index: int) -> None:
        self.label_map, self.target = label_map, target.to(label_map.dtype)
        self.seen = target != ignore_index
        right = self.target == label_map
        self.right = (right if background is None else right | has_label(self.target, background)) & self.seen
        self._last: ClassTruth | None = None

    def of(self, class_id: int) -> ClassTruth:
        """Look at one class. Only the one asked for last is kept: rows are refined class by class."""
        if self._last is None or self._last.class_id != class_id:
            truth, region = has_label(self.target, class_id) & self.seen, has_label(self.label_map, class_id)
            self._last = ClassTruth(class_id, truth, count_set(truth), region, count_set(region))
        return self._last
