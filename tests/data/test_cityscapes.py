"""Cityscapes in the layout of its zips, in files of label ids and of train ids."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lit_samseg.baselines import Precomputed
from lit_samseg.data import Cityscapes
from lit_samseg.data.cityscapes import CITYSCAPES_CLASSES, LABEL_IDS
from lit_samseg.data.understanding import describe_classes
from tests.conftest import RunCli, refuses, save_indices

IDS = ("frankfurt_000000_000294", "lindau_000001_000019")
TRAIN_IDS = [255] * 7 + [0, 1, 255, 255, 2, 3, 4, 255, 255, 255, 5, 255, *range(6, 16), 255, 255, 16, 17, 18]
"""By label id, as cityscapesScripts has them."""


def label_ids(number: int) -> np.ndarray:
    """Return a ground truth with all of 0 to 33."""
    return np.random.default_rng(number).permutation(np.arange(34 * 6) % 34).reshape(12, 17).astype(np.uint8)


def small_cityscapes(
    root: Path,
    endings: tuple[str, ...] = ("labelIds", "labelTrainIds"),
    images: str = "leftImg8bit",
    truths: str = "gtFine",
    split: str = "val",
) -> Path:
    """Write an image of each of two cities, and its ground truth."""
    kind = Path(truths).name
    for number, image_id in enumerate(IDS):
        city = image_id.split("_")[0]
        for folder in (images, truths):
            (root / folder / split / city).mkdir(parents=True)
        Image.new("RGB", (17, 12), (number, 9, 9)).save(root / images / split / city / f"{image_id}_leftImg8bit.png")
        written = {"labelIds": label_ids(number), "labelTrainIds": np.array(TRAIN_IDS, np.uint8)[label_ids(number)]}
        for ending in endings:
            path = root / truths / split / city / f"{image_id}_{kind}_{ending}.png"
            Image.fromarray(written[ending]).save(path)
    return root


def test_the_table_is_cityscapes_scripts() -> None:
    assert len(TRAIN_IDS) == 34
    data = Cityscapes(labels="ids")
    assert [data.class_of[number] for number in range(34)] == TRAIN_IDS
    assert [TRAIN_IDS[number] for number in LABEL_IDS] == list(range(19))
    assert len(set(CITYSCAPES_CLASSES)) == 19
    assert data.palette is not None
    colours = dict(zip(CITYSCAPES_CLASSES, zip(*[iter(data.palette)] * 3, strict=True), strict=True))
    assert colours["road"] == (128, 64, 128)
    assert colours["traffic light"] == (250, 170, 30)
    assert colours["bicycle"] == (119, 11, 32)
    assert "labels 7, 8, ..., 33 in the files, all others void" in describe_classes(data, None)
    assert "labels 0..18, void 255" in describe_classes(Cityscapes(labels="train_ids"), None)


@pytest.mark.parametrize("endings", [("labelIds",), ("labelTrainIds",), ("labelIds", "labelTrainIds")], ids="-".join)
@pytest.mark.parametrize(
    ("images", "truths"),
    [
        ("leftImg8bit", "gtFine"),
        ("leftImg8bit_trainvaltest/leftImg8bit", "gtFine_trainvaltest/gtFine"),
        ("leftImg8bit/leftImg8bit", "gtFine/gtFine"),
    ],
)
def test_ids_and_train_ids_are_the_same_targets(
    tmp_path: Path, endings: tuple[str, ...], images: str, truths: str
) -> None:
    data = Cityscapes(str(small_cityscapes(tmp_path, endings, images, truths)))
    data.setup("test")
    assert data.ids == list(IDS)
    assert data.numbers == ("ids" if "labelIds" in endings else "train_ids")
    for number, image_id in enumerate(IDS):
        sample = data.read(image_id, with_target=True)
        assert sample.target is not None
        assert np.array_equal(sample.target.numpy(), np.array(TRAIN_IDS)[label_ids(number)])
        assert sample.image[:, 0, 0].tolist() == [number, 9, 9]


def test_ids_and_train_ids_have_equal_counts(tmp_path: Path, run_cli: RunCli) -> None:
    root = small_cityscapes(tmp_path / "data")
    rng = np.random.default_rng(5)
    (tmp_path / "maps").mkdir()
    confusion = np.zeros((19, 19), int)
    for number, image_id in enumerate(IDS):
        truth = np.array(TRAIN_IDS)[label_ids(number)]
        guess = np.where((truth < 19) & (rng.random(truth.shape) < 0.7), truth, rng.integers(19, size=truth.shape))
        save_indices(tmp_path / f"maps/{image_id}.png", guess)
        np.add.at(confusion, (truth[truth < 19], guess[truth < 19]), 1)
    counts = {}
    for labels in ("ids", "train_ids"):
        done = run_cli(
            *("test", "--data=lit_samseg.data.Cityscapes", f"--data.root={root}", f"--data.labels={labels}"),
            *("--data.num_workers=0", "--model=lit_samseg.module.SamSegEvaluation", "--model.variants=[none@crf]"),
            *("--model.baseline=lit_samseg.baselines.Precomputed", f"--model.baseline.root={tmp_path / 'maps'}"),
            *("--model.sam=lit_samseg.sam.SegmentAnything", "--model.sam.checkpoint=demo", "--trainer.accelerator=cpu"),
            *("--gallery=false", "--report=false", "--model.analysis=false", f"--output_dir={tmp_path / labels}"),
        )
        assert done.code == 0, done.err
        counts[labels] = np.load(tmp_path / labels / "counts.npz")
        dataset = json.loads((tmp_path / labels / "results.json").read_text())["dataset"]
        assert (dataset["num_classes"], dataset["class_names"]) == (19, list(CITYSCAPES_CLASSES))
    for name in ("intersection", "gt_area", "pred_area"):
        assert np.array_equal(counts["ids"][name], counts["train_ids"][name])
    baseline = {name: counts["ids"][name][0].sum(0).tolist() for name in ("intersection", "gt_area", "pred_area")}
    assert baseline["intersection"] == confusion.diagonal().tolist()
    assert baseline["gt_area"] == confusion.sum(1).tolist()
    assert baseline["pred_area"] == confusion.sum(0).tolist()


def test_coarse_annotations(tmp_path: Path) -> None:
    small_cityscapes(tmp_path, ("labelIds",), "leftImg8bit", "gtCoarse/gtCoarse", "train_extra")
    data = Cityscapes(str(tmp_path), "train_extra", annotation="coarse")
    data.setup("test")
    assert len(data.ids) == 2
    refuses(lambda: Cityscapes(split="train_extra"), "no split 'train_extra'; there are train, val, test")
    refuses(lambda: Cityscapes(split="test", annotation="coarse"), "no split 'test'")


def test_the_test_split_is_not_scored(tmp_path: Path) -> None:
    data = Cityscapes(str(small_cityscapes(tmp_path, split="test")), "test")
    refuses(lambda: data.setup("test"), "not public", "score on val", "www.cityscapes-dataset.com")
    data.setup("predict")
    assert len(data.ids) == 2


def test_files_in_doubt_are_named(tmp_path: Path) -> None:
    root = small_cityscapes(tmp_path)
    (root / f"gtFine/val/frankfurt/{IDS[0]}_gtFine_labelIds.png").unlink()
    assert Cityscapes(str(root)).numbers == "train_ids"
    refuses(lambda: Cityscapes(str(root), labels="ids").setup("test"), "1 of 2 listed images have no file", IDS[0])
    (root / f"gtFine/val/lindau/{IDS[1]}_gtFine_labelTrainIds.png").unlink()
    refuses(lambda: Cityscapes(str(root)).setup("test"), f"no labelIds ({IDS[0]})", f"({IDS[1]}); set data.labels")


def test_files_of_other_numbers_are_refused(tmp_path: Path) -> None:
    root = small_cityscapes(tmp_path)
    ids, train_ids = (root / f"gtFine/val/lindau/{IDS[1]}_gtFine_{kind}.png" for kind in ("labelIds", "labelTrainIds"))
    held = ids.read_bytes()
    ids.write_bytes(train_ids.read_bytes())
    refuses(lambda: Cityscapes(str(root)).read_target(IDS[1]), f"{ids} has label 255", "label ids have 0..33")
    train_ids.write_bytes(held)
    data = Cityscapes(str(root), labels="train_ids")
    refuses(lambda: data.read_target(IDS[1]), f"{train_ids} has label 19", "set data.labels to ids")
    Image.new("RGB", (17, 12), (128, 64, 128)).save(ids)
    refuses(lambda: Cityscapes(str(root)).read_target(IDS[1]), "mode RGB", "class indices")


def test_label_maps_of_label_ids_are_told(tmp_path: Path) -> None:
    Image.fromarray(label_ids(0)).save(tmp_path / f"{IDS[0]}.png")
    baseline = Precomputed(str(tmp_path))
    baseline.check_classes(CITYSCAPES_CLASSES)
    image = torch.zeros(3, 12, 17, dtype=torch.uint8)
    refuses(lambda: baseline.label_map(image, IDS[0]), "has label 19", "label ids of Cityscapes must become train ids")


def test_a_root_without_the_data(tmp_path: Path) -> None:
    refuses(Cityscapes(str(tmp_path / "none")).find_ids, "does not exist", "www.cityscapes-dataset.com")
    refuses(Cityscapes(str(tmp_path)).find_ids, "has no leftImg8bit/val")
    (tmp_path / "leftImg8bit/val/frankfurt").mkdir(parents=True)
    refuses(Cityscapes(str(tmp_path)).find_ids, "no CITY/*_leftImg8bit.png", "is empty")
    small_cityscapes(tmp_path, images="more/leftImg8bit")
    refuses(Cityscapes(str(tmp_path)).find_ids, "there are both", "set data.root")


def test_other_pictures_are_predicted_without_the_data(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "own.png")
    data = Cityscapes(str(tmp_path / "none"), images=str(tmp_path))
    data.setup("predict")
    assert data.ids == ["own"]
    assert data.numbering is None
