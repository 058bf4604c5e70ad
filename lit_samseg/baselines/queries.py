"""Semantic inference of mask transformers: class scores from queries that each have a class and a mask."""

import torch
from torch import Tensor

from lit_samseg.baselines.bands import Cropped, Resized, Rows, Stored, gathered

LONGEST = 512
"""Longer side of what is said of classes beside the label map: 150 classes of an image of 4:3 are 118 MB."""
LEAST_SCORE = 1e-6
"""A class that no query stands for is as unlikely as this."""


class ClassScores(Rows):
    """Class scores of queries: for each pixel the sum over queries of P(class) times P(pixel in the query's mask).

    MaskFormer (Cheng et al., 2021), section 3.4; ``semantic_inference`` in the official code of MaskFormer,
    Mask2Former and OneFormer.

    Args:
        masks: Mask logits ``[Q, H, W]``.
        class_logits: float32 ``[Q, C + 1]``; the last is "no object".
        first_class: Classes below it are left out.
    """

    def __init__(self, masks: Rows, class_logits: Tensor, first_class: int = 0) -> None:
        self.masks = masks
        # Probabilities are taken over all classes before any is left out.
        self.weights = class_logits.softmax(-1)[:, first_class:-1].T.contiguous()
        self.height, self.width = masks.height, masks.width
        self.row_size = max(masks.row_size, len(self.weights) * self.width)
        self.device = masks.device

    def rows(self, index: Tensor) -> Tensor:
        """Return the scores of the rows at ``index`` as ``[C, n, W]``."""
        masks = self.masks.rows(index)
        # Row by row, each in memory of its own: a CPU's sigmoid and matrix product round by how many numbers there are
        # and where they lie.
        scores = [self.weights @ masks[:, i].contiguous().sigmoid() for i in range(len(index))]
        return torch.stack(scores, dim=1)


class SideBySide(Rows):
    """Maps of equal size side by side, averaged where they overlap.

    Args:
        windows: Maps ``[C, H, w]``.
        starts: The column at which each begins, ascending.
    """

    def __init__(self, windows: list[Rows], starts: tuple[int, ...]) -> None:
        self.windows, self.starts = windows, starts
        self.height, self.width = windows[0].height, starts[-1] + windows[0].width
        self.row_size = max(max(window.row_size, window.row_size // window.width * self.width) for window in windows)
        self.device = windows[0].device

    def rows(self, index: Tensor) -> Tensor:
        """Return the rows at ``index`` as ``[C, n, W]``."""
        total, count = None, torch.zeros(self.width, device=self.device)
        for window, start in zip(self.windows, self.starts, strict=True):
            values = window.rows(index)
            if total is None:
                total = values.new_zeros(*values.shape[:2], self.width)
            total[..., start : start + window.width] += values
            count[start : start + window.width] += 1
        assert total is not None
        return total / count


def scores_of_queries(
    mask_logits: Tensor,
    class_logits: Tensor,
    padded: tuple[int, int],
    inside: tuple[int, int],
    size: tuple[int, int],
    first_class: int,
    masks_to_size: bool,
) -> Rows:
    """Turn one image's queries into its class scores, in the order of the official code.

    Mask logits are brought to the network's input and the padding is cut away. Then either the class scores are
    formed and brought to the image's size (``masks_to_size`` False: Mask2Former and MaskFormer with the semantic
    configurations of ADE20K), or the mask logits are brought there and the class scores are formed at that size (True:
    wherever panoptic or instance inference is on too, as in OneFormer's configurations of ADE20K).

    Args:
        mask_logits: ``[Q, h, w]``.
        class_logits: ``[Q, C + 1]``.
        padded: Height and width of the network's input.
        inside: Height and width of the image in it, top left.
        size: Height and width of the image.
        first_class: Class id that becomes 0; those below are never predicted.
        masks_to_size: See above.

    Returns:
        Scores ``[C, H, W]``, of which each row has ``max(Q, C)`` maps on its way.
    """
    masks: Rows = Cropped(Resized(Stored(mask_logits), *padded), *inside)
    if masks_to_size:
        return ClassScores(Resized(masks, *size), class_logits, first_class)
    return Resized(ClassScores(masks, class_logits, first_class), *size)


def scores_of_windows(
    mask_logits: Tensor,
    class_logits: Tensor,
    window: tuple[int, int],
    starts: tuple[int, ...],
    size: tuple[int, int],
    first_class: int,
) -> Rows:
    """Turn the queries of a wide image's windows into its class scores, as the official code of EoMT does.

    Each window's class scores are formed at its own size and averaged where windows overlap; the whole is brought to
    the image's size. Where rounding left the resized image's last column to no window (the library's processor does,
    at few sizes), the windows are taken as the whole image.

    Args:
        mask_logits: ``[N, Q, h, w]`` of N windows from left to right.
        class_logits: ``[N, Q, C + 1]``.
        window: Height and width of a window.
        starts: The column where each begins.
        size: Height and width of the image.
        first_class: Class id that becomes 0; those below are never predicted.

    Returns:
        Scores ``[C, H, W]``. A row meets all windows: a tall image is given, and got, lying on its side.
    """
    scores: list[Rows] = [
        ClassScores(Resized(Stored(masks), *window), classes, first_class)
        for masks, classes in zip(mask_logits, class_logits, strict=True)
    ]
    return Resized(SideBySide(scores, starts), *size)


def log_likelihood(scores: Rows) -> Tensor:
    """Return the logarithm of class scores, float32 ``[C, h, w]``, whose softmax are the scores' shares.

    The scores are sums of probabilities, but those of a pixel do not add up to 1: queries overlap, or none is there.
    They are brought to `LONGEST` pixels at most.
    """
    return gathered(scores, LONGEST).clamp_(min=LEAST_SCORE).log_()
