"""A data set: grey squares on black."""

from pathlib import Path
from typing import Any

import torch

from lit_samseg.data import Sample, SegmentationDataModule


class Squares(SegmentationDataModule):
    """Each image is one grey square on black; its class is its brightness.

    Args:
        count: How many images there are.
        options: Those of every data set (`SegmentationDataModule`).
    """

    name = "squares"
    class_names = ("background", "dark", "grey", "bright")
    background = 0

    def __init__(self, count: int = 4, **options: Any) -> None:
        super().__init__(**options)
        self.count = count

    def find_ids(self) -> list[str]:
        return [f"square_{n}" for n in range(self.count)]

    def files(self, image_id: str, with_target: bool) -> list[Path]:
        return []

    def read(self, image_id: str, with_target: bool) -> Sample:
        n = int(image_id.removeprefix("square_"))
        target = torch.zeros(48, 64, dtype=torch.uint8)
        target[8 + n : 30 + n, 10 + n : 40 + n] = 1 + n % 3
        return Sample(image_id, (target * 70).expand(3, 48, 64).contiguous(), target if with_target else None)
