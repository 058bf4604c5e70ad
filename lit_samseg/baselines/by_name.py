"""The baseline that a checkpoint's name or content calls for."""

from typing import get_args

from lit_samseg.baselines.interface import Baseline
from lit_samseg.baselines.mobilenet_v2 import MobileNetV2DeepLab
from lit_samseg.baselines.oneformer import OneFormer
from lit_samseg.baselines.torchvision_deeplab import Architecture, TorchvisionDeepLab
from lit_samseg.baselines.transformers_segmenter import HubSegmenter
from lit_samseg.checkpoints.hub import check_unambiguous, find_checkpoint_folder, read_config


def load_baseline(checkpoint: str) -> Baseline:
    """Load a segmenter by the class that reads it.

    Args:
        checkpoint: ``demo``; a torchvision DeepLabV3's name (its own weights are downloaded once); or a folder or hub
            id in the layout of transformers.

    Raises:
        InputError: There is no such checkpoint, or no class reads it; or a folder has a built-in one's name.
    """
    if checkpoint == "demo":
        return MobileNetV2DeepLab(checkpoint)
    for architecture in get_args(Architecture):
        if checkpoint == architecture:
            check_unambiguous(checkpoint)
            return TorchvisionDeepLab(architecture)
    kind = read_config(find_checkpoint_folder(checkpoint, "baseline"), "baseline")["model_type"]
    if kind == "mobilenet_v2":
        return MobileNetV2DeepLab(checkpoint)
    if kind == "oneformer":
        return OneFormer(checkpoint)
    return HubSegmenter(checkpoint)
