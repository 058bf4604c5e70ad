"""Data sets: where files are and what labels mean."""

from lit_samseg.data.ade20k import ADE20K
from lit_samseg.data.camvid import CamVid
from lit_samseg.data.cityscapes import Cityscapes
from lit_samseg.data.coco_panoptic import COCOPanoptic
from lit_samseg.data.coco_stuff import COCOStuff
from lit_samseg.data.datamodule import SegmentationDataModule
from lit_samseg.data.folder import Folder
from lit_samseg.data.origin import Origin
from lit_samseg.data.pascal_context import PascalContext
from lit_samseg.data.sample import Sample
from lit_samseg.data.scenes import Scenes
from lit_samseg.data.voc import VOC2012
from lit_samseg.formats.reading import read_image, read_indices

__all__ = [
    "ADE20K",
    "VOC2012",
    "COCOPanoptic",
    "COCOStuff",
    "CamVid",
    "Cityscapes",
    "Folder",
    "Origin",
    "PascalContext",
    "Sample",
    "Scenes",
    "SegmentationDataModule",
    "read_image",
    "read_indices",
]
