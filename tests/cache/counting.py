"""Networks that count what they are asked; their outputs tell the settings apart."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lit_samseg.baselines import Baseline
from lit_samseg.sam import Candidates, Embedding, Frame, Precision, Prompt, PromptableSegmenter, SquareFrame


class CountingSam(PromptableSegmenter):
    """Features of the image's mean and random ones; one finer level, laid out channels last."""

    name, checkpoint = "counting", "nowhere"

    def __init__(self, sha256: str = "a", precision: Precision = "fp32", size: int = 16, scale: float = 1.0) -> None:
        super().__init__()
        self.sha256, self.precision, self.size, self.scale = sha256, precision, size, scale
        self.calls: list[int] = []

    @property
    def identity(self) -> str | None:
        return f"{self.sha256} {self.scale}"

    def frame(self, image: Tensor) -> Frame:
        return SquareFrame(image.shape[1], image.shape[2], self.size, 4)

    def encode(self, images: Sequence[Tensor]) -> list[Embedding]:
        self.calls.append(len(images))
        return [self.one(image) for image in images]

    def one(self, image: Tensor) -> Embedding:
        generator = torch.Generator().manual_seed(int(image.sum()))
        features = self.scale * torch.randn(8, 4, 4, generator=generator)
        level = torch.randn(8, 8, 4, generator=generator).permute(2, 0, 1)
        return Embedding(features, self.frame(image), (level,))

    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        shape = (len(prompts), 3 if multimask else 1)
        return Candidates(torch.zeros(*shape, 4, 4), torch.zeros(shape), embedding.frame)


class CountingBaseline(Baseline):
    """Every pixel's red value, plus an offset."""

    name, checkpoint = "counting", "nowhere"
    num_classes, class_names, first_class = 3, ("a", "b", "c"), 1

    def __init__(self, sha256: str = "a", offset: int = 0) -> None:
        super().__init__()
        self.sha256, self.offset = sha256, offset
        self.calls = 0

    @property
    def identity(self) -> str | None:
        return f"{self.sha256} {self.offset}"

    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        self.calls += 1
        return image[0].long() + self.offset
