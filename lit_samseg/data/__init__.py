"""Data sets: where files are and what labels mean."""

from lit_samseg.data.datamodule import SegmentationDataModule
from lit_samseg.data.sample import Sample
from lit_samseg.data.scenes import Scenes
from lit_samseg.data.voc import VOC2012

__all__ = ["VOC2012", "Sample", "Scenes", "SegmentationDataModule"]
