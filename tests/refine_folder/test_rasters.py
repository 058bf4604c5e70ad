"""``lit-samseg refine --rasters``: GeoTIFFs in windows."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lit_samseg import Refiner
from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene
from lit_samseg.tiling import RasterOptions, Tiling, refine_raster
from tests.conftest import RunCli

rasterio = pytest.importorskip("rasterio")


@pytest.fixture
def rasters(tmp_path: Path) -> Path:
    """A scene of 16 bits in four bands, and its truth in blocks of 8 pixels, in folders; both lie on Earth."""
    image, target = generate_scene(SPLIT_SEEDS["test"], 5)
    height, width = target.shape
    blocks = np.where(target == 255, 0, target)[::8, ::8].repeat(8, 0).repeat(8, 1)[:height, :width]
    place: dict[str, Any] = {
        "driver": "GTiff",
        "height": height,
        "width": width,
        "crs": "EPSG:32633",
        "transform": rasterio.Affine(0.5, 0, 400_000, 0, -0.5, 5_800_000),
    }
    for name, bands in (
        ("pictures", np.concatenate([image.transpose(2, 0, 1), image[None, ..., 0]])),
        ("masks", blocks[None]),
    ):
        (tmp_path / name / "east").mkdir(parents=True)
        dtype, scale = ("uint16", 200) if name == "pictures" else ("uint8", 1)
        with rasterio.open(
            tmp_path / name / "east/scene.tif", "w", count=len(bands), dtype=dtype, nodata=None, **place
        ) as file:
            file.write(bands.astype(dtype) * scale)
    return tmp_path


def test_rasters_come_back_where_they_lay(rasters: Path, run_cli: RunCli) -> None:
    words = ["refine", rasters / "pictures", rasters / "masks", "--rasters", "--sam", "demo", "--device", "cpu"]
    options = ["--masks.background", "0", "--tile", "96", "--out", rasters / "out"]
    outcome = run_cli(*words, *options)
    assert outcome.code == 0, outcome.err
    assert "scene.tif" in outcome.out
    assert "percentiles 2 and 98" in outcome.out
    refiner = Refiner.from_pretrained(sam="demo", background=0, device="cpu")
    scene = "east/scene.tif"
    direct = rasters / "direct.tif"
    options_of_direct = RasterOptions(Tiling(96))
    changed = refine_raster(
        refiner.tiles, rasters / "pictures" / scene, rasters / "masks" / scene, direct, options_of_direct
    ).changed
    assert changed > 100
    with (
        rasterio.open(rasters / "out/masks" / scene) as written,
        rasterio.open(direct) as expected,
        rasterio.open(rasters / "masks" / scene) as before,
    ):
        assert np.array_equal(written.read(), expected.read())
        assert (written.read() != before.read()).sum() == changed
        assert (written.transform, written.crs) == (before.transform, before.crs)
    stamp = (rasters / "out/masks" / scene).stat().st_mtime_ns
    assert "go on with them by --resume" in run_cli(*words, *options).err
    assert run_cli(*words, *options, "--resume").code == 0
    assert (rasters / "out/masks" / scene).stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--masks.background", "water"], "--masks.background is 'water'; of rasters it is a number"),
        (["--masks.void", "1,2,3"], "--masks.void is '1,2,3'; of rasters it is a number"),
        (["--bands", "1", "2", "9"], "has 4 bands"),
        (["--range", "wide"], "range is 'wide'"),
    ],
)
def test_what_cannot_be_used_is_said(more: list[str], said: str, rasters: Path, run_cli: RunCli) -> None:
    words = ["refine", rasters / "pictures", rasters / "masks", "--rasters", "--sam", "demo", "--out", rasters / "out"]
    outcome = run_cli(*words, *more)
    assert outcome.code == 2
    assert said in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert not (rasters / "out/masks").exists()
