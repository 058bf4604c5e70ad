"""Label maps as rasters: class ids in one band, what is no data in them, and where on Earth they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.tiling.plan import Window
from lit_samseg.tiling.rasters import Raster, sparing_rasterio
from lit_samseg.void import VOID

_LAYOUT = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate", "bigtiff": "if_safer"}
"""A GeoTIFF's blocks, which whoever reads a window decodes; sides in pixels."""
_DRIVERS = {".tif": "GTiff", ".tiff": "GTiff", ".png": "PNG"}
_SHIFTED = 0.01
"""Pixels by which two rasters may lie apart and still be of one place: a transform's last digits."""


class LabelRaster(Raster):
    """A label map in a raster.

    Args:
        path: The file.

    Attributes:
        ids: The numbers that occur, nodata left out, ascending.
        nodata: The number of pixels without data, or None.

    Raises:
        InputError: It cannot be read, has several bands, or numbers that are not whole.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "label map")
        if self.file.count != 1 or self.dtype.kind not in "ui":
            raise InputError(
                f"{self.name} has {self.file.count} bands of {self.dtype}; class ids are one band of whole numbers"
            )
        nodata = self.file.nodata
        self.nodata = int(nodata) if nodata is not None and float(nodata).is_integer() else None
        found: set[int] = set()
        for strip in self.strips():
            found.update(np.unique(self.values(1, strip)).tolist())
        self.ids = sorted(found - {self.nodata})

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numbers' type."""
        kind: np.dtype[Any] = np.dtype(self.file.dtypes[0])
        return kind

    @property
    def numbers(self) -> list[int]:
        """The numbers by which a label map is told from a mask of 0 and 255: nodata is one of them, if it is 0."""
        return [0, *self.ids] if self.nodata == 0 else self.ids

    def check_place(self, image: Raster) -> None:
        """See that it lies where its image does.

        Raises:
            InputError: It has another size, or other coordinates.
        """
        remedy = f"cut it to the image's grid: rio warp {self.path.name} OUT.tif --like {image.path.name}"
        if self.shape != image.shape:
            (height, width), (rows, columns) = self.shape, image.shape
            raise InputError(f"{self.name} is {width}x{height} and {image.name} {columns}x{rows}; {remedy}")
        if self.file.crs is None or image.file.crs is None:
            return
        height, width = self.shape
        corners = np.array([(0, 0, 1), (width, 0, 1), (0, height, 1), (width, height, 1)]).T
        own, others = (np.reshape(raster.file.transform, (3, 3)) for raster in (self, image))
        # Where the image's corners are among the label map's pixels.
        moved = np.abs(np.linalg.solve(own, others @ corners) - corners)
        if self.file.crs != image.file.crs or moved.max() > _SHIFTED:
            raise InputError(f"{self.name} lies elsewhere than {image.name} (other coordinates); {remedy}")

    def number_for_nothing(self, void: int) -> int:
        """Return the number that pixels without data get where it has no nodata: void, or the highest.

        Raises:
            InputError: Both are classes.
        """
        most = int(np.iinfo(self.dtype).max)
        for number in (void, most):
            if 0 <= number <= most and (number == void or number not in self.ids):
                return number
        raise InputError(f"{self.name} has no number left for the image's pixels without data; set nodata in it")


class RasterSink:
    """Takes windows of a label map into a raster.

    Args:
        file: rasterio's ``DatasetWriter``.
        nodata: The number for pixels without data; None where there are none.
        void: The number for other void.
    """

    def __init__(self, file: Any, nodata: int | None, void: int) -> None:
        self._file, self._nodata, self._void = file, nodata, void

    def write(self, window: Window, label_map: Tensor, hidden: Tensor | None) -> None:
        """Write a window."""
        numbers = label_map.numpy().copy()
        numbers[numbers == VOID] = self._void
        if hidden is not None and self._nodata is not None:
            numbers[hidden.numpy()] = self._nodata
        assert numbers.min() >= 0, "void comes only of void, which has a number then"
        rows, columns = window.area
        place = ((rows.start, rows.stop), (columns.start, columns.stop))
        self._file.write(numbers.astype(self._file.dtypes[0]), 1, window=place)


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
        written = draft.with_suffix(".tif")
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
                yield RasterSink(file, nodata, void)
            if driver != "GTiff":
                rasterio.shutil.copy(written, draft, driver=driver)
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
