"""Label maps as rasters: class ids in one band, what is no data in them, and where on Earth they are."""

from pathlib import Path
from typing import Any

import numpy as np

from lit_samseg.errors import InputError
from lit_samseg.tiling.rasters import Raster

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
