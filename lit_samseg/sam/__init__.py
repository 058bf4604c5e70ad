"""Frozen promptable segmenters behind one small interface."""

from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import Candidates, Embedding, Precision, Prompt, PromptableSegmenter
from lit_samseg.sam.segment_anything import SegmentAnything

__all__ = [
    "Candidates",
    "Embedding",
    "Frame",
    "Precision",
    "Prompt",
    "PromptableSegmenter",
    "SegmentAnything",
]
