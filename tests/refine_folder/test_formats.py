"""The same masks, however they were exported, come back as the same pixels."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lit_samseg.data import VOC2012, CamVid, SegmentationDataModule
from lit_samseg.formats.creating import create_writer
from lit_samseg.formats.interface import Classes, LabelMap
from lit_samseg.formats.palettes import voc_palette
from tests.conftest import SHARED, RunCli, SmallVoc
from tests.refine_folder.test_command import indices

FORMATS = ("index", "colours", "per-class", "coco", "labelme", "yolo", "cvat")


def classes_of(names: tuple[str, ...], palette: list[int] | None, background: int | None) -> Classes:
    colours = np.array(palette, np.uint8).reshape(-1, 3)[: len(names)].tolist()
    return Classes(names, tuple(range(len(names))), tuple(map(tuple, colours)), None, background, named=True)


def refined_of_all(
    pictures: Path, maps: dict[str, np.ndarray], classes: Classes, run_cli: RunCli, sam: object
) -> dict[str, list[np.ndarray]]:
    """Write masks in each format, refine them, and return what came back, as palette PNG, in the order of `FORMATS`."""
    back: dict[str, list[np.ndarray]] = {key: [] for key in maps}
    files = {path.stem: path.name for path in pictures.iterdir()}
    for word in FORMATS:
        folder = pictures.parent / word
        writer = create_writer(word, classes, folder, files)
        for key, labels in maps.items():
            writer.write(key, LabelMap(labels.astype(np.int32)))
        writer.finish()
        out = pictures.parent / f"{word}_out"
        given = () if word == "index" else ("--format", "index")
        outcome = run_cli("refine", pictures, folder, "--out", out, "--sam", sam, "--device", "cpu", *given)
        assert outcome.code == 0, outcome.err
        for key in maps:
            back[key].append(indices(out / f"masks/{key}.png"))
    return back


def check_equal(back: dict[str, list[np.ndarray]], maps: dict[str, np.ndarray]) -> None:
    """Numbers are the formats' own: the same if each number of one always stands for one number of the other."""
    for key, given in maps.items():
        first = back[key][0]
        assert (first != given).mean() > 0.001
        for word, other in zip(FORMATS, back[key], strict=True):
            together = set(zip(first.ravel().tolist(), other.ravel().tolist(), strict=True))
            assert len(together) == len(np.unique(first)) == len(np.unique(other)), word


@pytest.mark.parametrize("background", [0, None])
def test_scenes(background: int | None, small_voc: SmallVoc, run_cli: RunCli) -> None:
    """With a background, and where every pixel is some object's: then formats of objects have none either."""
    names = ("background" if background == 0 else "sky", *(f"thing {n}" for n in range(1, 9)))
    maps = {key: indices(small_voc.coarse / f"{key}.png").astype(np.int64) for key in small_voc.ids[:2]}
    for key in small_voc.ids[2:]:
        (small_voc.base / f"JPEGImages/{key}.jpg").unlink()
    # VOC's own would say that class 0 is background.
    palette = [part for n in range(9) for part in (40 + 20 * n, 200 - 20 * n, 90)]
    classes = classes_of(names, palette if background is None else voc_palette(), background)
    check_equal(refined_of_all(small_voc.base / "JPEGImages", maps, classes, run_cli, "demo"), maps)


def coarsened(labels: np.ndarray, side: int = 16) -> np.ndarray:
    height, width = labels.shape
    blocks = labels[side // 2 :: side, side // 2 :: side].repeat(side, 0).repeat(side, 1)[:height, :width]
    missing = ((0, height - blocks.shape[0]), (0, width - blocks.shape[1]))
    return np.pad(blocks, missing, mode="edge")


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("name", ["voc", "camvid"])
def test_real_images(name: str, run_cli: RunCli, tmp_path: Path) -> None:
    """VOC's ground truth with void as background, and ESPNet's label maps of CamVid, in blocks of 16 pixels."""
    data: SegmentationDataModule = VOC2012(str(SHARED / "data"))
    if name == "camvid":
        data = CamVid(str(SHARED / "data/CamVid"))
    data.choose_ids(True)
    (tmp_path / "pictures").mkdir()
    maps = {}
    for key in data.ids[:2]:
        picture, mask = data.files(key, True)
        shutil.copy(picture, tmp_path / "pictures" / f"{key}{picture.suffix}")
        if name == "camvid":
            mask = SHARED / f"predictions/camvid_espnet/label_maps/{key}.png"
        with Image.open(mask) as drawn:
            labels = np.array(drawn).astype(np.int64)
        maps[key] = coarsened(np.where(labels == 255, 0, labels))
    classes = classes_of(data.class_names, data.palette, data.background)
    sam = SHARED / "weights/mobile_sam.pt"
    check_equal(refined_of_all(tmp_path / "pictures", maps, classes, run_cli, sam), maps)
