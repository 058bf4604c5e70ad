"""Rasters in, rasters out: what is no data, where they are, and what cannot be read."""

import builtins
import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lit_samseg import Refiner
from lit_samseg.errors import InputError
from lit_samseg.tiling import RasterOptions, RasterPair, Tiling, ToRgb, refine_array, refine_raster
from lit_samseg.tiling.plan import Window
from lit_samseg.tiling.rasters import RasterPicture
from tests.conftest import refuses
from tests.tiling.seen import ColourSam, shapes

rasterio = pytest.importorskip("rasterio")

SIZE = (150, 170)
ROW = "point+box@component/fuse"
PLACE: dict[str, Any] = {"crs": "EPSG:32632", "transform": rasterio.Affine(0.5, 0, 5000, 0, -0.5, 9000)}
OPTIONS = RasterOptions(Tiling(64))
PALETTE = {n: (n * 20 % 256, 255 - n, 7, 255) for n in range(256)}


def write(path: Path, pixels: NDArray[Any], **others: Any) -> Path:
    """Write a GeoTIFF, ``[H, W]`` or ``[C, H, W]``."""
    bands = pixels if pixels.ndim == 3 else pixels[None]
    layout = {"count": len(bands), "height": bands.shape[1], "width": bands.shape[2], "dtype": pixels.dtype.name}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", "GTiff", **layout, **(PLACE | others)) as file:
            file.write(bands)
    return path


@pytest.fixture(scope="module")
def picture() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    image, _, coarse = shapes(*SIZE)
    return np.ascontiguousarray(image.transpose(2, 0, 1)), coarse


@pytest.fixture(scope="module")
def refiner() -> Refiner:
    return Refiner(ColourSam(), background=0, variant=ROW, device="cpu")


def test_a_raster_is_refined_where_it_is(
    picture: tuple[NDArray[np.uint8], NDArray[np.uint8]], refiner: Refiner, tmp_path: Path
) -> None:
    image, coarse = picture
    write(tmp_path / "image.tif", image)
    write(tmp_path / "labels.tif", coarse)
    with rasterio.open(tmp_path / "labels.tif", "r+") as file:
        file.write_colormap(1, PALETTE)
        file.update_tags(note="drawn by hand")
    seen: list[tuple[int, int]] = []
    outcome = refine_raster(
        *(refiner.tiles, tmp_path / "image.tif", tmp_path / "labels.tif", tmp_path / "new" / "out.tiff"),
        *(OPTIONS, lambda *done: seen.append(done)),
    )
    expected = np.zeros_like(coarse)
    refine_array(refiner.tiles, image.transpose(1, 2, 0), coarse, expected, OPTIONS.tiling)
    assert (expected != coarse).any()
    with rasterio.open(tmp_path / "new" / "out.tiff") as file:
        assert np.array_equal(file.read(1), expected)
        assert (file.crs, file.transform, file.nodata) == (PLACE["crs"], PLACE["transform"], None)
        assert file.colormap(1) == PALETTE
        assert file.tags()["note"] == "drawn by hand"
        assert (file.profile["tiled"], file.profile["compress"]) == (True, "deflate")
    assert seen[-1] == (outcome.tiles, outcome.tiles)
    assert outcome.changed == (expected != coarse).sum()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out.tiff"]


def test_what_is_no_data_is_never_prompted_and_written_as_nodata(
    picture: tuple[NDArray[np.uint8], NDArray[np.uint8]], refiner: Refiner, tmp_path: Path
) -> None:
    image, coarse = (part.copy() for part in picture)
    image[:, :40, :50], coarse[100:, 120:], coarse[60:70, 60:70] = 0, 200, 255
    paths = write(tmp_path / "image.tif", image, nodata=0), write(tmp_path / "labels.tif", coarse, nodata=200)
    outcome = refine_raster(refiner.tiles, *paths, tmp_path / "out.tif", OPTIONS)
    hidden = np.zeros(SIZE, bool)
    hidden[:40, :50] = hidden[100:, 120:] = True
    with rasterio.open(tmp_path / "out.tif") as file:
        found = file.read(1)
        assert file.nodata == 200
    assert np.array_equal(found == 200, hidden)
    assert outcome.pixels == (~hidden).sum()
    # Void of the label map is not without data: scores say what is there.
    assert set(np.unique(found[~hidden]).tolist()) == {0, 1, 2, 3}


def test_the_image_alone_has_pixels_without_data(
    picture: tuple[NDArray[np.uint8], NDArray[np.uint8]], refiner: Refiner, tmp_path: Path
) -> None:
    image, coarse = picture[0].astype(np.float32) / 255, picture[1].astype(np.uint16)
    image[1, 10:30, 20:60] = np.nan
    paths = write(tmp_path / "image.tif", image), write(tmp_path / "labels.tif", coarse)
    options = RasterOptions(OPTIONS.tiling, ToRgb(range="dtype"))
    refine_raster(refiner.tiles, *paths, tmp_path / "out.tif", options)
    with rasterio.open(tmp_path / "out.tif") as file:
        found = file.read(1)
        assert (file.nodata, file.dtypes) == (255, ("uint16",))
    expected = np.zeros(SIZE, bool)
    expected[10:30, 20:60] = True
    assert np.array_equal(found == 255, expected)


def test_nodata_may_be_negative(
    picture: tuple[NDArray[np.uint8], NDArray[np.uint8]], refiner: Refiner, tmp_path: Path
) -> None:
    labels = picture[1].astype(np.int16)
    labels[:30, :30] = -9999
    paths = write(tmp_path / "image.tif", picture[0]), write(tmp_path / "labels.tif", labels, nodata=-9999)
    refine_raster(refiner.tiles, *paths, tmp_path / "out.tif", OPTIONS)
    with rasterio.open(tmp_path / "out.tif") as file:
        found = file.read(1)
    assert np.array_equal(found == -9999, labels == -9999)
    assert set(np.unique(found).tolist()) == {-9999, 0, 1, 2, 3}


def test_nodata_that_is_the_background_is_the_background(
    picture: tuple[NDArray[np.uint8], NDArray[np.uint8]], refiner: Refiner, tmp_path: Path
) -> None:
    """Many masks call what lies around their objects nodata: objects may grow into it."""
    image, coarse = picture
    paths = write(tmp_path / "image.tif", image), write(tmp_path / "labels.tif", coarse, nodata=0)
    refine_raster(refiner.tiles, *paths, tmp_path / "out.tif", OPTIONS)
    with rasterio.open(tmp_path / "out.tif") as file:
        found = file.read(1)
        assert file.nodata == 0
    assert ((coarse == 0) & (found != 0)).any()


def test_sixteen_bits_and_chosen_bands(picture: tuple[NDArray[np.uint8], NDArray[np.uint8]], tmp_path: Path) -> None:
    image = picture[0].astype(np.uint16) * 10 + 400
    bands = np.stack([image[2], image[1], image[0], image[0], image[1]])
    path = write(tmp_path / "image.tif", bands)
    refuses(lambda: RasterPicture(path, ToRgb()), path, "5 bands", "--bands")
    with_numbers = RasterPicture(path, ToRgb((3, 2, 1), (400, 2950)))
    found, hidden = with_numbers.read(Window(10, 20, 50, 60))
    assert hidden is None
    assert np.array_equal(found.numpy(), picture[0][:, 10:60, 20:80])
    with_numbers.close()
    by_percentile = RasterPicture(path, ToRgb((3, 2, 1)))
    assert by_percentile.mapping.startswith("bands 3, 2, 1 as red, green, blue; of uint16, ")
    low, high = np.percentile(image[0], (2, 98))
    assert f" {low:.6g} to {high:.6g}, " in by_percentile.mapping
    stretched = by_percentile.read(Window(0, 0, *SIZE))[0][0].numpy()
    assert np.abs(stretched - ((image[0] - low) / (high - low) * 255).clip(0, 255)).max() <= 0.501
    by_percentile.close()


def test_a_palette_and_grey_become_colours(tmp_path: Path) -> None:
    indices = np.arange(60, dtype=np.uint8).reshape(6, 10)
    path = write(tmp_path / "image.tif", indices)
    grey = RasterPicture(path, ToRgb())
    assert grey.mapping == "band 1 as grey, uint8 as it is"
    assert np.array_equal(grey.read(Window(0, 0, 6, 10))[0].numpy(), np.stack([indices] * 3))
    grey.close()
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, PALETTE)
    coloured = RasterPicture(path, ToRgb())
    found = coloured.read(Window(1, 2, 1, 1))[0].flatten().tolist()
    assert found == list(PALETTE[12][:3])
    coloured.close()


def test_what_was_understood_is_a_line(picture: tuple[NDArray[np.uint8], NDArray[np.uint8]], tmp_path: Path) -> None:
    pair = RasterPair(write(tmp_path / "image.tif", picture[0]), write(tmp_path / "labels.tif", picture[1], nodata=9))
    assert pair.describe() == (
        "image.tif: 170x150, EPSG:32632; bands 1, 2, 3 as red, green, blue, uint8 as it is; "
        "label map: 4 numbers, 0 to 3, nodata 9"
    )
    pair.close()


def test_png_and_rasters_without_coordinates(
    picture: tuple[NDArray[np.uint8], NDArray[np.uint8]], refiner: Refiner, tmp_path: Path
) -> None:
    nowhere = {"crs": None, "transform": rasterio.Affine.identity()}
    paths = write(tmp_path / "image.tif", picture[0], **nowhere), write(tmp_path / "labels.tif", picture[1], **nowhere)
    for name in ("out.tif", "out.png"):
        refine_raster(refiner.tiles, *paths, tmp_path / "new" / name, OPTIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        one, other = (rasterio.open(tmp_path / "new" / name).read(1) for name in ("out.tif", "out.png"))
    assert np.array_equal(one, other)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["out.png", "out.tif"]
    # A label map without coordinates takes the image's.
    write(tmp_path / "image.tif", picture[0])
    refine_raster(refiner.tiles, *paths, tmp_path / "out.tif", OPTIONS)
    with rasterio.open(tmp_path / "out.tif") as file:
        assert (file.crs, file.transform) == (PLACE["crs"], PLACE["transform"])


def test_bad_input_is_a_line_and_leaves_nothing(
    picture: tuple[NDArray[np.uint8], NDArray[np.uint8]], refiner: Refiner, tmp_path: Path
) -> None:
    image, coarse = picture
    good, labels = write(tmp_path / "image.tif", image), write(tmp_path / "labels.tif", coarse)
    out = tmp_path / "out" / "out.tif"

    def refused(*words: object, image: Path = good, labels: Path = labels, out: Path = out) -> None:
        refuses(lambda: refine_raster(refiner.tiles, image, labels, out, OPTIONS), *words)

    refused("no such image", image=tmp_path / "none.tif")
    refused("no such label map", labels=tmp_path / "none.tif")
    refused("written over itself", out=labels)
    refused("ends in .tif, .tiff, .png", out=tmp_path / "out.jpg")
    (tmp_path / "text.tif").write_text("no raster")
    refused("text.tif", "cannot be read as a raster", image=tmp_path / "text.tif")
    cut = tmp_path / "cut.tif"
    cut.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    refused("cut.tif", "cannot be read as a raster", image=cut)
    refused("80x150", "170x150", "--like image.tif", labels=write(tmp_path / "a.tif", coarse[:, :80]))
    moved = PLACE["transform"] @ rasterio.Affine.translation(0.2, 0)
    refused("lies elsewhere", labels=write(tmp_path / "b.tif", coarse, transform=moved))
    refused("lies elsewhere", labels=write(tmp_path / "c.tif", coarse, crs="EPSG:32633"))
    refused("one band of whole numbers", labels=write(tmp_path / "d.tif", coarse.astype(np.float32)))
    refused("one band of whole numbers", labels=write(tmp_path / "e.tif", np.stack([coarse] * 2)))
    binary = (coarse > 0).astype(np.uint8) * 255
    for nodata in (None, 0):
        refused("f.tif", "binary mask", labels=write(tmp_path / "f.tif", binary, nodata=nodata))
    refused("class ids of 0 and more", labels=write(tmp_path / "g.tif", coarse.astype(np.int16) - 1))
    with_holes = write(tmp_path / "holes.tif", image, nodata=0)
    full = np.arange(np.prod(SIZE)).reshape(SIZE).astype(np.uint8)
    every = Refiner(ColourSam(), background=0, variant=ROW, device="cpu", ignore_index=None)
    refuses(
        lambda: refine_raster(every.tiles, with_holes, write(tmp_path / "h.tif", full), out, OPTIONS),
        *("h.tif", "no number left", "set nodata"),
    )
    assert not out.parent.exists() or not list(out.parent.iterdir())


def test_without_rasterio_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "image.tif", np.zeros((3, 9, 9), np.uint8))
    known = builtins.__import__

    def forgetful(name: str, *rest: Any) -> Any:
        if name.startswith("rasterio"):
            raise ModuleNotFoundError(name)
        return known(name, *rest)

    monkeypatch.setattr(builtins, "__import__", forgetful)
    with pytest.raises(InputError, match=r"pip install 'lit_samseg\[geo\]'"):
        RasterPicture(path, ToRgb())


def test_a_full_disk_is_said_and_leaves_nothing(refiner: Refiner, tmp_path: Path) -> None:
    """A limit of the size of files is refused by the system as a full disk is, also when GDAL closes the file."""
    resource = pytest.importorskip("resource")
    labels = np.random.default_rng(0).integers(0, 200, (300, 300)).astype(np.uint8)
    paths = write(tmp_path / "image.tif", np.full((3, 300, 300), 9, np.uint8)), write(tmp_path / "labels.tif", labels)
    unchanged = Refiner(ColourSam(), background=0, variant="none@crf", device="cpu").tiles
    limits, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"out.tif"):
            refine_raster(unchanged, *paths, tmp_path / "out" / "out.tif", RasterOptions(Tiling(None)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert not list((tmp_path / "out").iterdir())
