"""Frozen semantic segmenters: an image in, a label map out."""

from lit_samseg.baselines.by_name import load_baseline
from lit_samseg.baselines.callable import CallableBaseline
from lit_samseg.baselines.exported import ExportedBaseline
from lit_samseg.baselines.interface import Baseline, LogitBaseline, TrainableBaseline, check_label_map
from lit_samseg.baselines.looking import look_for_files, look_for_training_files
from lit_samseg.baselines.mobilenet_v2 import MobileNetV2DeepLab
from lit_samseg.baselines.oneformer import OneFormer
from lit_samseg.baselines.precomputed import Precomputed
from lit_samseg.baselines.preparation import Preparation
from lit_samseg.baselines.score_baseline import ScoreBaseline, label_map_of
from lit_samseg.baselines.score_folder import ScoreFolder
from lit_samseg.baselines.smp_segmenter import SmpSegmenter
from lit_samseg.baselines.torchvision_deeplab import TorchvisionDeepLab
from lit_samseg.baselines.transformers_segmenter import HubSegmenter

__all__ = [
    "Baseline",
    "CallableBaseline",
    "ExportedBaseline",
    "HubSegmenter",
    "LogitBaseline",
    "MobileNetV2DeepLab",
    "OneFormer",
    "Precomputed",
    "Preparation",
    "ScoreBaseline",
    "ScoreFolder",
    "SmpSegmenter",
    "TorchvisionDeepLab",
    "TrainableBaseline",
    "check_label_map",
    "label_map_of",
    "load_baseline",
    "look_for_files",
    "look_for_training_files",
]
