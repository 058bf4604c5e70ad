"""The promptable segmenter that a checkpoint's name calls for."""

from pathlib import Path

from lit_samseg.checkpoints.hub import check_unambiguous
from lit_samseg.sam.interface import Precision, PromptableSegmenter
from lit_samseg.sam.known_weights import KNOWN_WEIGHTS, means_hub_id
from lit_samseg.sam.onnx_folder import is_onnx_sam
from lit_samseg.sam.onnx_segmenter import OnnxSegmenter
from lit_samseg.sam.segment_anything import SegmentAnything
from lit_samseg.sam.transformers_sam import HubSam


def load_promptable_segmenter(checkpoint: str, precision: Precision = "fp32") -> PromptableSegmenter:
    """Load a SAM by the class that reads it.

    Args:
        checkpoint: A known name (``vit_h``, ``mobile_sam``, ``demo``, ...) or a checkpoint file, for `SegmentAnything`;
            a folder or hub id in the layout of transformers, for `HubSam`; a folder that ``lit-samseg export`` wrote,
            for `OnnxSegmenter`.
        precision: ``fp32``, ``bf16`` or ``fp16``.

    Raises:
        InputError: There is no such checkpoint, or it is no SAM.
    """
    return segmenter_class(checkpoint)(checkpoint, precision)


def segmenter_class(checkpoint: str) -> type[SegmentAnything | OnnxSegmenter | HubSam]:
    """Return the class that reads a checkpoint, without reading it.

    Args:
        checkpoint: As for `load_promptable_segmenter`.

    Raises:
        InputError: A folder has a known name.
    """
    if checkpoint in (*KNOWN_WEIGHTS, "demo"):
        # A run's output folder may have such a name, but a checkpoint's should not.
        if Path(checkpoint).is_dir():
            check_unambiguous(checkpoint)
        return SegmentAnything
    if is_onnx_sam(Path(checkpoint).expanduser()):
        return OnnxSegmenter
    if Path(checkpoint).expanduser().is_dir() or means_hub_id(checkpoint):
        return HubSam
    return SegmentAnything
