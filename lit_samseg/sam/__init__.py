"""Frozen promptable segmenters behind one small interface."""

from lit_samseg.sam.by_name import load_promptable_segmenter
from lit_samseg.sam.frame import Frame, Resizer, SquareFrame, remember_resized
from lit_samseg.sam.interface import Candidates, Embedding, Precision, Prompt, PromptableSegmenter
from lit_samseg.sam.onnx_segmenter import OnnxSegmenter
from lit_samseg.sam.segment_anything import SegmentAnything
from lit_samseg.sam.thresholding import MaskWindow
from lit_samseg.sam.trainable import Part, TrainableSegmenter
from lit_samseg.sam.transformers_sam import HubSam

__all__ = [
    "Candidates",
    "Embedding",
    "Frame",
    "HubSam",
    "MaskWindow",
    "OnnxSegmenter",
    "Part",
    "Precision",
    "Prompt",
    "PromptableSegmenter",
    "Resizer",
    "SegmentAnything",
    "SquareFrame",
    "TrainableSegmenter",
    "load_promptable_segmenter",
    "remember_resized",
]
