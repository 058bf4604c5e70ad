"""Where a difference comes from: a ladder of steps with one thing made perfect, and what regions have against them."""

from lit_samseg.analysis.evaluation import Analysis, ImageAnalysis
from lit_samseg.analysis.ladder import LADDER, Ladder
from lit_samseg.analysis.recognition import FOUND, RUNGS
from lit_samseg.analysis.recognition_metric import Recognition
from lit_samseg.analysis.region_table import COLUMNS, RegionTable
from lit_samseg.analysis.tags import TAGS, tag_regions

__all__ = [
    "COLUMNS",
    "FOUND",
    "LADDER",
    "RUNGS",
    "TAGS",
    "Analysis",
    "ImageAnalysis",
    "Ladder",
    "Recognition",
    "RegionTable",
    "tag_regions",
]
