"""Measure the refinement of a large raster: a generated one, with known shapes and a coarse label map.

It writes a GeoTIFF of shapes and a label map of it in blocks, refines that tile by tile in a process of its own, and
says how much memory and time it took, how much better the label map is, and whether it has seams.

  python scripts/measure_raster.py --side 2000
  python scripts/measure_raster.py --side 12000 --sam mobile_sam --folder DIR
"""

import argparse
import json
import resource
import subprocess  # nosec B404
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rasterio
from numpy.typing import NDArray

CLASSES = 6
"""Background is 0."""
BLOCK = 16
"""Side of the coarse label map's blocks, in pixels."""
OFFSET = (5, 9)
"""Where blocks begin: where no tile does."""
STRIP = 1000
"""Rows that are drawn together."""
CRS, TRANSFORM = "EPSG:32632", rasterio.Affine(0.2, 0, 500_000, 0, -0.2, 5_300_000)
NODATA = 255
CORNER = 300
"""Side of the corner without data, in pixels."""

Shape = tuple[int, NDArray[np.float64], int]
"""A class, corners ``[N, 2]`` as x and y, and a shade."""


def main() -> None:
    """Measure, or, in a process of its own, refine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=2000, help="of the raster, in pixels")
    parser.add_argument("--sam", default="demo", help="a known name, or a file")
    parser.add_argument("--variant", default="auto", help="the row")
    parser.add_argument("--tile", type=int, help="side of the tiles; SAM's square where it is not given")
    parser.add_argument("--folder", type=Path, help="where the rasters stay; they are deleted where it is not given")
    parser.add_argument("--refine", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.refine:
        print(json.dumps(refine(options)))
        return
    with tempfile.TemporaryDirectory() as made:
        options.folder = options.folder or Path(made)
        options.folder.mkdir(parents=True, exist_ok=True)
        write_rasters(options.folder, options.side)
        command = [sys.executable, __file__, *sys.argv[1:], "--folder", str(options.folder), "--refine"]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout  # nosec B603 # this file
        measured = json.loads(output.splitlines()[-1])
        for name, value in (measured | compare(options.folder, measured)).items():
            print(f"{name:24} {value:.4g}" if isinstance(value, float) else f"{name:24} {value}")


def refine(options: argparse.Namespace) -> dict[str, Any]:
    """Refine what was written, and say what it took."""
    from lit_samseg import Refiner
    from lit_samseg.tiling import RasterOptions, Tiling, refine_raster

    refiner = Refiner.from_pretrained(sam=options.sam, variant=options.variant, background=0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tiling, started, busy = Tiling(options.tile or "auto"), time.perf_counter(), time.process_time()
    outcome = refine_raster(
        refiner.tiles,
        options.folder / "image.tif",
        options.folder / "coarse.tif",
        options.folder / "refined.tif",
        RasterOptions(tiling),
        lambda done, of: print(f"\r{done}/{of}", end="", file=sys.stderr),
    )
    plan = tiling.plan(options.side, options.side, refiner.tiles.square)
    return {
        "sam": options.sam,
        "pixels": outcome.pixels,
        "tiles": outcome.tiles,
        "tile": plan.tile,
        "overlap": plan.overlap,
        "seconds": time.perf_counter() - started,
        "seconds of a core": time.process_time() - busy,
        "GB with networks": before / 1024**2,
        "GB at most": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
        "changed %": 100 * outcome.changed / outcome.pixels,
        "confidence": outcome.confidence,
    }


def write_rasters(folder: Path, side: int) -> None:
    """Write ``image.tif``, ``truth.tif`` and ``coarse.tif``, a strip of rows at a time."""
    shapes = list(make_shapes(side))
    layout = {"height": side, "width": side, "crs": CRS, "transform": TRANSFORM, "dtype": "uint8", "tiled": True}
    layout |= {"blockxsize": 256, "blockysize": 256, "compress": "deflate"}
    random = np.random.default_rng(1)
    with (
        rasterio.open(folder / "image.tif", "w", "GTiff", count=3, nodata=0, photometric="rgb", **layout) as image,
        rasterio.open(folder / "truth.tif", "w", "GTiff", count=1, nodata=NODATA, **layout) as truth,
        rasterio.open(folder / "coarse.tif", "w", "GTiff", count=1, nodata=NODATA, **layout) as coarse,
    ):
        for top in range(0, side, STRIP):
            rows = min(STRIP, side - top)
            # A block's label is that of its middle, which may lie in the strips beside this one.
            pixels, labels = draw(shapes, top - BLOCK, rows + 2 * BLOCK, side)
            y, x = (
                ((np.arange(first, first + count) - offset) // BLOCK * BLOCK + offset + BLOCK // 2).clip(first - BLOCK)
                for first, count, offset in ((top, rows, OFFSET[0]), (0, side, OFFSET[1]))
            )
            blocks = labels[(y - top + BLOCK).clip(0, len(labels) - 1)][:, x.clip(0, side - 1)]
            pixels, labels = pixels[BLOCK:-BLOCK], labels[BLOCK:-BLOCK]
            noise = cv2.GaussianBlur(random.normal(0, 18, pixels.shape).astype(np.float32), (3, 3), 0.8)
            pixels = (cv2.GaussianBlur(pixels, (3, 3), 0.8) + noise).clip(1, 255).round().astype(np.uint8)
            hidden = slice(0, max(0, CORNER - top)), slice(0, CORNER)
            pixels[hidden], labels[hidden], blocks[hidden] = 0, NODATA, NODATA
            place = ((top, top + rows), (0, side))
            image.write(np.moveaxis(pixels, -1, 0), window=place)
            truth.write(labels, 1, window=place)
            coarse.write(blocks, 1, window=place)


def make_shapes(side: int) -> Iterator[Shape]:
    """Yield shapes of 30 to 600 pixels all over a raster, large ones first."""
    random = np.random.default_rng(0)
    sizes = np.sort(30 * 20 ** random.random(side * side // 80_000) ** 2)[::-1]
    for n, size in enumerate(sizes):
        corners = int(random.integers(4, 12))
        turns = np.sort(random.random(corners)) * 2 * np.pi
        reach = size / 2 * (0.6 + 0.4 * random.random(corners))
        middle = random.random(2) * side
        outline = middle + np.stack([np.cos(turns), np.sin(turns)], 1) * reach[:, None]
        yield 1 + n % (CLASSES - 1), outline, int(random.integers(-25, 26))


def draw(shapes: list[Shape], top: int, rows: int, side: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Draw a strip: its image float32 ``[rows, side, 3]`` and its labels uint8 ``[rows, side]``."""
    colours = ((96, 104, 84), (186, 92, 70), (72, 130, 76), (84, 112, 170), (196, 176, 110), (128, 96, 140))
    pixels = np.full((rows, side, 3), colours[0], np.float32)
    labels = np.zeros((rows, side), np.uint8)
    for class_id, outline, shade in shapes:
        if outline[:, 1].max() < top or outline[:, 1].min() > top + rows:
            continue
        corners = np.rint(outline - (0, top)).astype(np.int32)
        cv2.fillPoly(labels, [corners], class_id)
        cv2.fillPoly(pixels, [corners], [part + shade for part in colours[class_id]])
    return pixels, labels


def compare(folder: Path, measured: dict[str, Any]) -> dict[str, Any]:
    """Compare what came out with the truth, and see whether it has seams and is where it was."""
    from lit_samseg.tiling import Plan, measure_seams

    found = {}
    for name in ("truth", "coarse", "refined"):
        with rasterio.open(folder / f"{name}.tif") as file:
            found[name] = file.read(1)
            placed = file.crs.to_string() == CRS and file.transform == TRANSFORM and file.nodata == NODATA
    plan = Plan(*found["truth"].shape, measured["tile"], measured["overlap"])
    seen = found["truth"] != NODATA
    outcome: dict[str, Any] = {
        f"mIoU {name}": mean_iou(found[name][seen], found["truth"][seen]) for name in ("coarse", "refined")
    }
    outcome |= {f"seam excess {name}": measure_seams(labels, plan).excess for name, labels in found.items()}
    kept = placed and bool(((found["refined"] == NODATA) == ~seen).all())
    return outcome | {"place and nodata kept": kept}


def mean_iou(labels: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Return the mean IoU of all classes, in per cent."""
    # In parts: as int64 a large raster would take a gigabyte.
    parts = zip(*(np.array_split(each, 100) for each in (truth, labels)), strict=True)
    counts = sum(np.bincount(true.astype(np.int64) * CLASSES + ours, minlength=CLASSES**2) for true, ours in parts)
    counts = np.reshape(counts, (CLASSES, CLASSES))
    both = np.diag(counts)
    return float(100 * (both / (counts.sum(0) + counts.sum(1) - both)).mean())


if __name__ == "__main__":
    main()
