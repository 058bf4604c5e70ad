"""A baseline: classes by brightness."""

import torch
from torch import Tensor

from lit_samseg.baselines import Baseline


class Brightness(Baseline):
    """Calls a pixel class ``n`` if it is brighter than ``n`` thresholds.

    Args:
        thresholds: Of the mean of red, green and blue, 0 to 255, ascending.
    """

    name, sha256 = "brightness", None

    def __init__(self, thresholds: tuple[float, ...] = (64, 128, 192)) -> None:
        super().__init__()
        self.thresholds, self.checkpoint = thresholds, f"brightness {thresholds}"

    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        return torch.bucketize(image.float().mean(0), image.new_tensor(self.thresholds, dtype=torch.float32))
