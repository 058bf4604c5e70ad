"""What was said of masks and rasters on the command line."""

import argparse

from lit_samseg.formats.interface import MaskOptions
from lit_samseg.tiling import RasterOptions, Tiling, ToRgb


def mask_options(options: argparse.Namespace) -> MaskOptions:
    """Return what was said of the masks."""
    given = vars(options).items()
    return MaskOptions(**{name.partition(".")[2]: value for name, value in given if name.startswith("masks.")})


def raster_options(options: argparse.Namespace) -> RasterOptions:
    """Return how rasters are refined.

    Raises:
        InputError: Bands or a range cannot be used.
    """
    bands = None if options.bands is None else tuple(options.bands)
    shown = options.range if len(options.range) > 1 else options.range[0]
    return RasterOptions(Tiling(options.tile), ToRgb(bands, tuple(shown) if isinstance(shown, list) else shown))
