"""Label maps are written as rasters, window by window, and are there when they are whole."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from lit_samseg.errors import InputError
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.tiling.label_raster import LabelRaster
from lit_samseg.tiling.plan import Window
from lit_samseg.tiling.rasters import Raster, sparing_rasterio
from lit_samseg.tiling.refine import Done
from lit_samseg.void import VOID

_LAYOUT = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate", "bigtiff": "if_safer"}
"""A GeoTIFF's blocks, which whoever reads a window decodes; sides in pixels."""
_DRIVERS = {".tif": "GTiff", ".tiff": "GTiff", ".png": "PNG"}

Place = tuple[tuple[int, int], tuple[int, int]]
"""First row and the one behind the last, and the same of columns."""


class RasterSink:
    """Takes windows of a label map into a raster.

    Args:
        file: rasterio's ``DatasetWriter``.
        nodata: The number for pixels without data; None where there are none.
        void: The number for other void.
    """

    def __init__(self, file: Any, nodata: int | None, void: int) -> None:
        self._file, self._nodata, self._void = file, nodata, void
        self._written: list[tuple[Place, int]] = []

    def write(self, window: Window, done: Done) -> None:
        """Write a window."""
        label_map, hidden = done.label_map, done.hidden
        void = label_map == VOID
        if hidden is not None and self._nodata is not None:
            void = void & ~hidden
        assert self._void != VOID or not void.any(), "void comes of void only, which has a number then"
        numbers = torch.where(void, self._void, label_map).numpy()
        if hidden is not None and self._nodata is not None:
            numbers[hidden.numpy()] = self._nodata
        rows, columns = window.area
        place = ((rows.start, rows.stop), (columns.start, columns.stop))
        pixels = numbers.astype(self._file.dtypes[0])
        self._file.write(pixels, 1, window=place)
        self._written.append((place, zlib.crc32(pixels.tobytes())))

    def check(self, file: Any) -> None:
        """See that a file has what was written: GDAL says nothing of a disk that is full when it closes one.

        Args:
            file: rasterio's ``DatasetReader``.

        Raises:
            OSError: It has not.
        """
        for place, expected in self._written:
            if zlib.crc32(file.read(1, window=place).tobytes()) != expected:
                raise OSError("what was written does not read back; the disk may be full")


@contextmanager
def raster_sink(path: Path, label_map: LabelRaster, image: Raster, void: int) -> Iterator[RasterSink]:
    """Yield what writes a raster like a label map: its type, palette, nodata, coordinates and tags.

    Coordinates are the image's where the label map has none. The file is there when all is written, or not at all.

    Args:
        path: ``.tif``, which is tiled and compressed, or ``.png``.
        label_map: The label map that is refined.
        image: Its image.
        void: The label map's number for void.

    Raises:
        InputError: The file's name ends otherwise.
        OSError: The disk does not take it.
    """
    driver = driver_of(path)
    placed = label_map.file if label_map.file.crs is not None or image.file.crs is None else image.file
    nodata = label_map.nodata
    if nodata is None and (image.has_holes or label_map.has_holes):
        nodata = label_map.number_for_nothing(void)
    height, width = label_map.shape
    with atomic_file(path) as draft, sparing_rasterio() as rasterio:
        written = draft if driver == "GTiff" else draft.with_suffix(".tif")
        try:
            with rasterio.open(
                written,
                "w",
                "GTiff",
                height=height,
                width=width,
                count=1,
                dtype=label_map.dtype.name,
                nodata=nodata,
                crs=placed.crs,
                transform=placed.transform,
                **_LAYOUT,
            ) as file:
                if label_map.palette is not None and label_map.dtype.itemsize <= 2:
                    file.write_colormap(1, label_map.palette)
                file.update_tags(**label_map.file.tags())
                sink = RasterSink(file, nodata, void)
                yield sink
            if driver != "GTiff":
                rasterio.shutil.copy(written, draft, driver=driver)
            with rasterio.open(draft) as file:
                sink.check(file)
        finally:
            if written != draft:
                written.unlink(missing_ok=True)
                draft.with_name(f"{draft.name}.aux.xml").unlink(missing_ok=True)


def driver_of(path: Path) -> str:
    """Return GDAL's name of the format in which a raster is written.

    Raises:
        InputError: It is not known by the name.
    """
    if path.suffix.lower() not in _DRIVERS:
        raise InputError(f"{path} is no name of a raster that is written; it ends in {', '.join(_DRIVERS)}")
    return _DRIVERS[path.suffix.lower()]
