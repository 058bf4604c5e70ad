"""Training, a sibling of the evaluation: the same data, prompts and counts, and gradients."""

from lit_samseg.finetune.gate import GateFinetune
from lit_samseg.finetune.head import HeadFinetune
from lit_samseg.finetune.memory import MemoryFinetune
from lit_samseg.finetune.sam_refiner import SamRefinerFinetune
from lit_samseg.finetune.segmenter import SegmenterFinetune
from lit_samseg.finetune.text_calibration import TextCalibration

__all__ = [
    "GateFinetune",
    "HeadFinetune",
    "MemoryFinetune",
    "SamRefinerFinetune",
    "SegmenterFinetune",
    "TextCalibration",
]
