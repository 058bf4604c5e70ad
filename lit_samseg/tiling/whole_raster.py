"""A raster and its label map in, a better label map out, in the same place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from lit_samseg.errors import InputError
from lit_samseg.tiling.bands import ToRgb
from lit_samseg.tiling.label_raster import LabelRaster
from lit_samseg.tiling.plan import Tiling, Window
from lit_samseg.tiling.raster_sink import driver_of, raster_sink
from lit_samseg.tiling.rasters import RasterPicture
from lit_samseg.tiling.refine import Given, Outcome, refine_tiles
from lit_samseg.tiling.tile_refiner import TileRefiner
from lit_samseg.void import VOID


@dataclass(frozen=True)
class RasterOptions:
    """How rasters are refined.

    Attributes:
        tiling: How they are cut.
        to_rgb: Which bands and values are which colours.
    """

    tiling: Tiling = field(default_factory=Tiling)
    to_rgb: ToRgb = field(default_factory=ToRgb)


class RasterPair:
    """A raster and its label map, on one grid.

    Args:
        image: The raster.
        label_map: One band of class ids.
        to_rgb: Which bands and values are which colours.

    Attributes:
        image: The open raster.
        label_map: The open label map.

    Raises:
        InputError: One cannot be read, or they do not lie in one place.
    """

    def __init__(self, image: Path, label_map: Path, to_rgb: ToRgb | None = None) -> None:
        self.image = RasterPicture(image, to_rgb or ToRgb())
        self.label_map = LabelRaster(label_map)
        self.label_map.check_place(self.image)

    def describe(self) -> str:
        """Say in a line what was understood."""
        height, width = self.image.shape
        ids = self.label_map.ids
        nodata = "" if self.label_map.nodata is None else f", nodata {self.label_map.nodata}"
        shown = f"{len(ids)} numbers, {ids[0]} to {ids[-1]}" if ids else "nothing but nodata"
        where = "no coordinates" if self.image.file.crs is None else self.image.file.crs.to_string()
        return f"{self.image.path.name}: {width}x{height}, {where}; {self.image.mapping}; label map: {shown}{nodata}"

    def close(self) -> None:
        """Close both files."""
        self.image.close()
        self.label_map.close()


class PairSource:
    """Gives windows of a pair.

    Args:
        pair: The files.
        void: The label map's number for void, beside nodata.
        background: The class that is never prompted, or None. Where it is nodata too, as in many masks of one class, it
            is the class: objects may grow into it.
    """

    def __init__(self, pair: RasterPair, void: int, background: int | None) -> None:
        self._pair, self._void = pair, void
        self._is_class = background is not None and background == pair.label_map.nodata

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self._pair.image.shape

    def read(self, window: Window) -> Given:
        """Read a window; there is no picture where either has no data."""
        image, hidden = self._pair.image.read(window)
        labels = torch.from_numpy(self._pair.label_map.values(1, window).astype(np.int64))
        data = None if self._is_class else self._pair.label_map.data(window)
        if data is not None and not data.all():
            no_label = torch.from_numpy(~data)
            hidden = no_label if hidden is None else hidden | no_label
        labels[labels == self._void] = VOID
        if hidden is not None:
            labels[hidden] = VOID
        return Given(image, labels, hidden)


def refine_raster(
    refiner: TileRefiner,
    image: Path,
    label_map: Path,
    out: Path,
    options: RasterOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Refine a label map of a raster, tile by tile.

    Pixels without data, in the image or the label map, are never prompted, and nodata in what is written. Type,
    palette, nodata, coordinates and tags are the label map's.

    Args:
        refiner: Refines the tiles.
        image: A GeoTIFF, or whatever else GDAL reads.
        label_map: One band of class ids on the image's grid.
        out: What is written, ``.tif`` or ``.png``; there when it is whole.
        options: How tiles are cut and bands become colours; None for the defaults.
        progress: Called with the number of tiles that are done and of all.

    Returns:
        Counts. Memory does not grow with the raster.

    Raises:
        InputError: A file cannot be read, the two do not lie in one place, or labels are none.
        OSError: The disk does not take what is written.
    """
    options = options or RasterOptions()
    driver_of(out)
    if out.resolve() in (image.resolve(), label_map.resolve()):
        raise InputError(f"{out} would be written over itself; give another name")
    pair = RasterPair(image, label_map, options.to_rgb)
    try:
        try:
            void = refiner.void_of(pair.label_map.numbers)
        except InputError as error:
            raise InputError(f"{pair.label_map.name}: {error}") from error
        source = PairSource(pair, void, refiner.background)
        plan = options.tiling.plan(*source.shape, refiner.square)
        with raster_sink(out, pair.label_map, pair.image, void) as sink:
            return refine_tiles(refiner.scores, source, sink, plan, progress)
    finally:
        pair.close()
