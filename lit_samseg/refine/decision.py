"""What became of one region."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from lit_samseg.refine.regions import Region
from lit_samseg.sam.interface import Prompt
from lit_samseg.sam.thresholding import MaskWindow


@dataclass(frozen=True)
class Decision:
    """What became of one region.

    Attributes:
        region: What was prompted for.
        prompt: The prompt made of it.
        window: SAM's candidates where one of them can be set.
        logits: The candidates as SAM gave them, float32 ``[M, mask_size, mask_size]``.
        scores: The IoU that SAM predicts for each, float32 ``[M]``.
        chosen: Index of the candidate that was kept, int64 scalar.
        first_prompt: Where SAM was asked in several rounds, the prompt of the first; ``prompt`` is that of the last.
        keeps: Whether a gate keeps SAM's mask, bool scalar; None where there is no gate.
        other: What became of it by a second prompt, where SAM was asked in two ways (`twice`); or None.
    """

    region: Region
    prompt: Prompt
    window: MaskWindow
    logits: Tensor
    scores: Tensor
    chosen: Tensor
    first_prompt: Prompt | None = None
    keeps: Tensor | None = None
    other: "Decision | None" = None

    @cached_property
    def candidates(self) -> Tensor:
        """SAM's masks in the whole image, bool ``[M, H, W]``."""
        return self.window.whole(*self.region.numbers.shape)

    @property
    def kept(self) -> MaskWindow:
        """The candidate that was kept, bool ``[1, h, w]``."""
        return MaskWindow(self.window.top, self.window.left, self.window.masks.index_select(0, self.chosen[None]))

    @property
    def kept_logits(self) -> Tensor:
        """The logits of the candidate that was kept, float32 ``[mask_size, mask_size]``."""
        return self.logits.index_select(0, self.chosen[None])[0]

    def evidence(self, height: int, width: int) -> tuple[Tensor, Tensor | None]:
        """Return what SAM says of the region's cells, and how far that is to be trusted.

        Args:
            height: Of the grid, without the frame's padding.
            width: Likewise.

        Returns:
            Logits of the kept candidate, float32 ``[height, width]``, the mean of both where SAM was asked in two ways;
            and how far both agree, float32 scalar in 0..1: the sum of the smaller of both probabilities over that of
            the larger. None where SAM was asked once.
        """
        one = self.kept_logits[:height, :width]
        if self.other is None:
            return one, None
        two = self.other.kept_logits[:height, :width]
        first, second = one.sigmoid(), two.sigmoid()
        agreement = torch.minimum(first, second).sum() / torch.maximum(first, second).sum().clamp(min=1)
        return (one + two) / 2, agreement

    @property
    def painted(self) -> MaskWindow:
        """What a gate leaves: `kept` or the region itself, bool ``[1, h, w]``."""
        if self.keeps is None:
            return self.kept
        window, area = self.window_and_region()
        return MaskWindow(window.top, window.left, torch.where(self.keeps, window.masks, area))

    def window_and_region(self) -> tuple[MaskWindow, Tensor]:
        """Return `kept` in a window that holds the region too, and the region there, bool ``[1, h, w]``."""
        left, top, right, bottom = (int(corner) for corner in self.region.box)
        window = self.kept.widened(top, left, bottom + 1, right + 1)
        return window, (self.region.numbers[window.area] == self.region.number)[None]
