"""The baseline that a checkpoint's name or content calls for."""

from pathlib import Path
from typing import get_args

from lit_samseg.baselines.exported import ExportedBaseline
from lit_samseg.baselines.interface import Baseline
from lit_samseg.baselines.mobilenet_v2 import MobileNetV2DeepLab
from lit_samseg.baselines.oneformer import OneFormer
from lit_samseg.baselines.score_folder import ScoreFolder
from lit_samseg.baselines.smp_segmenter import SmpSegmenter, smp_settings
from lit_samseg.baselines.torchvision_deeplab import Architecture, TorchvisionDeepLab
from lit_samseg.baselines.transformers_segmenter import HubSegmenter
from lit_samseg.checkpoints.hub import check_unambiguous, find_checkpoint_folder
from lit_samseg.checkpoints.pretrained import read_config
from lit_samseg.formats.score_files import SCORE_SUFFIXES

EXPORTED_SUFFIXES = (".pt2", ".ts", ".pt")
"""Of files of `ExportedBaseline`."""


def load_baseline(checkpoint: str) -> Baseline:
    """Load a segmenter by the class that reads it.

    Args:
        checkpoint: ``demo``; a torchvision DeepLabV3's name (its own weights are downloaded once); a folder or hub id
            in the layout of transformers or segmentation_models_pytorch; a file of ``torch.export`` or TorchScript; or
            a folder of class scores.

    Raises:
        InputError: There is no such checkpoint, or no class reads it; or a folder has a built-in one's name.
    """
    found, option = baseline_class(checkpoint)
    return found(**{option: checkpoint})


def baseline_class(checkpoint: str) -> tuple[type[Baseline], str]:
    """Return the class that reads a checkpoint, and the option that takes it.

    Args:
        checkpoint: As for `load_baseline`.

    Raises:
        InputError: As there.
    """
    if checkpoint == "demo":
        return MobileNetV2DeepLab, "checkpoint"
    for architecture in get_args(Architecture):
        if checkpoint == architecture:
            check_unambiguous(checkpoint)
            return TorchvisionDeepLab, "architecture"
    path = Path(checkpoint).expanduser()
    if path.is_file() and path.suffix.lower() in EXPORTED_SUFFIXES:
        return ExportedBaseline, "checkpoint"
    folder = find_checkpoint_folder(checkpoint, "baseline")
    if not (folder / "config.json").is_file() and any(p.suffix.lower() in SCORE_SUFFIXES for p in folder.iterdir()):
        return ScoreFolder, "root"
    if smp_settings(folder) is not None:
        return SmpSegmenter, "checkpoint"
    kinds: dict[str, type[Baseline]] = {"mobilenet_v2": MobileNetV2DeepLab, "oneformer": OneFormer}
    return kinds.get(read_config(folder, "baseline")["model_type"], HubSegmenter), "checkpoint"
