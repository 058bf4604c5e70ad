"""Pictures of shapes, and a SAM that sees colours only, at full resolution wherever a tile begins."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.sam import Candidates, Embedding, Frame, Prompt, PromptableSegmenter

COLOURS = np.array([(70, 80, 90), (200, 60, 50), (60, 190, 80), (60, 90, 210)])


def shapes(height: int, width: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """An image uint8 ``[H, W, 3]`` of discs and boxes of three classes, the truth, and that in blocks of 8 pixels."""
    random = np.random.default_rng(seed)
    truth = np.zeros((height, width), np.uint8)
    for n in range(height * width // 3000):
        x, y, size = int(random.integers(width)), int(random.integers(height)), int(random.integers(9, 34))
        if n % 2:
            cv2.circle(truth, (x, y), size, 1 + n % 3, -1)
        else:
            cv2.rectangle(truth, (x - size, y - size // 2), (x + size, y + size // 2), 1 + n % 3, -1)
    noise = random.normal(0, 6, (height, width, 3))
    image = (COLOURS[truth] + noise).clip(0, 255).astype(np.uint8)
    # Blocks begin where no tile does.
    blocks = truth[3::8, 5::8].repeat(8, 0).repeat(8, 1)
    coarse = np.pad(blocks, ((3, 8), (5, 8)), mode="edge")[:height, :width]
    return image, truth, coarse


class ColourSam(PromptableSegmenter):
    """Its mask is what has the colour of the prompt's point and lies in its box, which it takes a little wider."""

    name, checkpoint, sha256, precision = "colours", "", "", "fp32"
    step, reach, alike = 4, 12, 60.0

    def frame(self, image: Tensor) -> Frame:
        # As large as the image: whole cells, whatever a tile's size.
        side = -(-max(image.shape[1:]) // self.step) * self.step
        return Frame(*image.shape[1:], size=max(image.shape[1:]), mask_size=side // self.step)

    def encode(self, images: Sequence[Tensor]) -> list[Embedding]:
        return [Embedding(image.float(), self.frame(image)) for image in images]

    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        side = embedding.frame.mask_size
        found = torch.full((len(prompts), 3 if multimask else 1, side, side), -8.0)
        small = torch.nn.functional.avg_pool2d(embedding.features, self.step, ceil_mode=True)
        height, width = small.shape[1:]
        for n, prompt in enumerate(prompts):
            assert prompt.points is not None
            assert prompt.box is not None
            x, y = (prompt.points[0] / self.step).long().tolist()
            distance = (small - small[:, min(y, height - 1), min(x, width - 1), None, None]).norm(dim=0)
            left, top, right, bottom = (
                int(corner + grow) // self.step
                for corner, grow in zip(prompt.box, (-self.reach, -self.reach, self.reach, self.reach), strict=True)
            )
            rows, columns = slice(max(0, top), bottom + 1), slice(max(0, left), right + 1)
            logits = (10 * (1 - distance / self.alike)).clamp(-10, 10)
            found[n, :, :height, :width][:, rows, columns] = logits[rows, columns]
        return Candidates(found, torch.ones(found.shape[:2]), embedding.frame)
