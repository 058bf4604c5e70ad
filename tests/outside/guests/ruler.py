"""A promptable segmenter: whatever it is asked, it answers with the prompt's box, rounded or not."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lit_samseg.sam import Candidates, Embedding, Frame, Prompt, PromptableSegmenter


class Ruler(PromptableSegmenter):
    """Fills boxes: the whole one, the ellipse in it, and its middle.

    Args:
        checkpoint: It has no weights; any text.
    """

    name, precision = "ruler", "fp32"

    def __init__(self, checkpoint: str = "none") -> None:
        super().__init__()
        self.checkpoint = self.sha256 = checkpoint

    def frame(self, image: Tensor) -> Frame:
        return Frame(*image.shape[1:], size=256, mask_size=64)

    def encode(self, images: Sequence[Tensor]) -> list[Embedding]:
        return [Embedding(image.new_zeros(1, 1, 1, dtype=torch.float32), self.frame(image)) for image in images]

    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        frame, count = embedding.frame, 3 if multimask else 1
        step = max(frame.height, frame.width) / frame.mask_size
        places = (torch.arange(frame.mask_size) + 0.5) * step
        logits = torch.full((len(prompts), count, frame.mask_size, frame.mask_size), -4.0)
        for n, box in enumerate(prompt.box for prompt in prompts):
            if box is None:
                continue
            middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2] + 1) / 2
            x, y = ((places - at) / reach for at, reach in zip(middle, half, strict=True))
            far = [torch.maximum(x.abs()[None], y.abs()[:, None]), (x**2)[None] + (y**2)[:, None]]
            for m, distance in enumerate([*far, 2 * far[0]][:count]):
                logits[n, m] = (4 * (1 - distance)).float()
        return Candidates(logits, torch.linspace(0.9, 0.5, count).expand(len(prompts), count), frame)
