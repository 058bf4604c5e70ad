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
    """

    region: Region
    prompt: Prompt
    window: MaskWindow
    logits: Tensor
    scores: Tensor
    chosen: Tensor
    first_prompt: Prompt | None = None
    keeps: Tensor | None = None

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
