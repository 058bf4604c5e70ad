"""Pictures that fit neither SAM's square nor memory are refined in tiles that overlap."""

from lit_samseg.tiling.arrays import refine_array
from lit_samseg.tiling.bands import ToRgb
from lit_samseg.tiling.plan import Plan, Tiling, Window
from lit_samseg.tiling.refine import Done, Given, Outcome, Sink, Source, refine_tiles
from lit_samseg.tiling.seams import Seams, measure_seams
from lit_samseg.tiling.tile_refiner import TileRefiner
from lit_samseg.tiling.whole_raster import RasterOptions, RasterPair, refine_raster

__all__ = [
    "Done",
    "Given",
    "Outcome",
    "Plan",
    "RasterOptions",
    "RasterPair",
    "Seams",
    "Sink",
    "Source",
    "TileRefiner",
    "Tiling",
    "ToRgb",
    "Window",
    "measure_seams",
    "refine_array",
    "refine_raster",
    "refine_tiles",
]
