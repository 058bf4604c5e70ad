"""How an image becomes what a network of one's own takes."""

from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from lit_samseg.baselines.interface import resize_bilinear
from lit_samseg.errors import InputError

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Preparation:
    """Size and numbers of a network's input; nothing is cut off or padded, so that its cells are the whole image.

    Args:
        mean: Of red, green and blue in 0..1; it is taken off.
        std: What is then divided by.
        size: The shorter side in pixels, or ``[height, width]`` whatever the image's form; None keeps the image's size.
        multiple_of: Both sides are brought to the next multiple of this.

    Raises:
        InputError: A number makes no sense.
    """

    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    size: int | tuple[int, int] | None = None
    multiple_of: int = 1

    def __post_init__(self) -> None:
        sides = [self.size] if isinstance(self.size, int) else list(self.size or ())
        if any(side < 1 for side in (*sides, self.multiple_of)):
            raise InputError(
                f"prepare.size is {self.size} and prepare.multiple_of {self.multiple_of}; give pixels, 1 or more"
            )
        if any(not number > 0 for number in self.std):
            raise InputError(f"prepare.std is {list(self.std)}; give three numbers above 0")

    def __call__(self, image: Tensor, scale: float = 1.0) -> Tensor:
        """Return the network's input.

        Args:
            image: uint8 ``[3, H, W]``.
            scale: How much larger than usual.

        Returns:
            float32 ``[1, 3, h, w]``.
        """
        height, width = image.shape[1:]
        wanted = self._size(height, width, scale)
        pixels = image.float() / 255
        if wanted != (height, width):
            pixels = resize_bilinear(pixels, *wanted, antialias=True)
        mean, std = (torch.tensor(numbers).to(pixels)[:, None, None] for numbers in (self.mean, self.std))
        return ((pixels - mean) / std)[None]

    def _size(self, height: int, width: int, scale: float) -> tuple[int, int]:
        sides: tuple[float, float] = (height, width)
        if isinstance(self.size, int):
            ratio = self.size / min(height, width)
            sides = (round(height * ratio), round(width * ratio))
        elif self.size is not None:
            sides = self.size
        tall, wide = (ceil(max(1, round(side * scale)) / self.multiple_of) * self.multiple_of for side in sides)
        return tall, wide


IMAGENET = Preparation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""The numbers that most published networks were trained with."""
