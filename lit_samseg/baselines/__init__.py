"""Frozen semantic segmenters: an image in, a label map out."""

from lit_samseg.baselines.interface import Baseline, LogitBaseline
from lit_samseg.baselines.mobilenet_v2 import MobileNetV2DeepLab
from lit_samseg.baselines.precomputed import Precomputed
from lit_samseg.baselines.torchvision_deeplab import TorchvisionDeepLab

__all__ = [
    "Baseline",
    "LogitBaseline",
    "MobileNetV2DeepLab",
    "Precomputed",
    "TorchvisionDeepLab",
]
