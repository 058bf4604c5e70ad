"""A promptable segmenter that answers from geometry alone, so that merging can be followed by hand."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lit_samseg.sam import Candidates, Embedding, Frame, MaskWindow, Prompt, PromptableSegmenter


class BoxFillingSam(PromptableSegmenter):
    """Candidate 0 fills the prompt's box, candidate 1 its left half, candidate 2 nothing."""

    name, checkpoint, sha256, precision = "boxes", "", "", "fp32"

    def frame(self, image: Tensor) -> Frame:
        return Frame(*image.shape[1:], size=max(image.shape[1:]), mask_size=max(image.shape[1:]))

    def encode(self, images: Sequence[Tensor]) -> list[Embedding]:
        return [Embedding(torch.zeros(1), self.frame(image)) for image in images]

    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        count = 3 if multimask else 1
        boxes = [p.box for p in prompts if p.box is not None]
        logits = torch.zeros(len(prompts), count, embedding.frame.height, embedding.frame.width)
        for n, box in enumerate(boxes):
            x0, y0, x1, y1 = box.int().tolist()
            logits[n, 0, y0 : y1 + 1, x0 : x1 + 1] = 1
            if multimask:
                logits[n, 1, y0 : y1 + 1, x0 : (x0 + x1) // 2 + 1] = 1
        scores = torch.linspace(0, 1, count).expand(len(prompts), count)
        return FullSize(logits, scores, embedding.frame)


class FullSize(Candidates):
    """Candidates that are at the image's size already."""

    def window(self, index: int) -> MaskWindow:
        return MaskWindow(0, 0, self.low_res_logits[index] > 0)
