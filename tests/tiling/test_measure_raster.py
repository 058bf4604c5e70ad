"""The raster that is measured with: that its truth is one, and that it does not depend on how it is written."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

rasterio = pytest.importorskip("rasterio")


def test_the_raster_and_its_coarse_label_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scripts import measure_raster

    side, (top, left) = 420, measure_raster.OFFSET

    def written(name: str) -> list[NDArray[np.uint8]]:
        (tmp_path / name).mkdir()
        measure_raster.write_rasters(tmp_path / name, side)
        found = []
        for kind in ("image", "truth", "coarse"):
            with rasterio.open(tmp_path / name / f"{kind}.tif") as file:
                assert (file.crs, file.transform) == (measure_raster.CRS, measure_raster.TRANSFORM)
                found.append(file.read())
        return found

    monkeypatch.setattr(measure_raster, "CORNER", 60)
    monkeypatch.setattr(measure_raster, "make_shapes", lambda side, known=measure_raster.make_shapes: known(5 * side))
    image, truth, coarse = written("whole")
    monkeypatch.setattr(measure_raster, "STRIP", 70)
    _, *strips = written("strips")
    assert np.array_equal(strips[0], truth)
    assert np.array_equal(strips[1], coarse)
    assert len(np.unique(truth)) >= 5
    assert ((image == 0).all(0) == (truth[0] == 255)).all()
    # 21 x 25 whole blocks below the corner without data.
    rows, columns = slice(64 + top, 400 + top), slice(left, left + 400)
    blocks = coarse[0, rows, columns].reshape(21, 16, 25, 16).swapaxes(1, 2)
    assert (blocks == blocks[..., :1, :1]).all()
    assert np.array_equal(blocks[..., 0, 0], truth[0, rows, columns][8::16, 8::16])
    both = np.array([0, 0, 1, 2, 3, 4, 5], np.uint8)
    assert measure_raster.mean_iou(both, both) == 100
    assert measure_raster.mean_iou(np.array([0, 1, 1, 2, 3, 4, 5], np.uint8), both) == pytest.approx(100 * 5 / 6)
