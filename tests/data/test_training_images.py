"""Which images a network is trained on: none that it is validated with, and none that is broken, unawares."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from lit_samseg.data import ADE20K, VOC2012, Folder, Scenes
from lit_samseg.data.augmentation import Augmentation
from lit_samseg.data.sample import BrokenSample, Sample
from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene
from lit_samseg.data.training import Training, TrainingSamples
from lit_samseg.errors import InputError
from tests.conftest import RunCli, SmallVoc, save_indices
from tests.data.test_training import few_workers, fingerprint, fit, scenes


def test_training_images_have_options_of_their_own(tmp_path: Path) -> None:
    listing = tmp_path / "ids.txt"
    listing.write_text("scene_00003\nscene_00001\n")
    data = Scenes(size=6, split="test", subset=2, training=Training(ids=str(listing), split="val"))
    data.setup("fit")
    assert data.training_data is not None
    assert data.training_data.ids == ["scene_00001", "scene_00003"]
    assert (data.training_data.split, data.split, len(data.ids)) == ("val", "test", 2)
    subset = scenes(30, subset=4, subset_seed=1).training_data
    other = Scenes(size=30, split="train", subset=4, subset_seed=1)
    other.setup("test")
    assert subset is not None
    assert subset.ids == other.ids


def test_validation_images_are_those_of_test() -> None:
    ids = {}
    for stage in ("fit", "validate", "test"):
        data = Scenes(size=9, split="val", subset=4, subset_seed=2)
        data.setup(stage)
        ids[stage] = data.ids
        assert [s.id for batch in data.val_dataloader() for s in batch if s is not None] == data.ids
        assert (data.training_data is None) == (stage != "fit")
    assert ids["fit"] == ids["validate"] == ids["test"]


def test_no_image_is_trained_on_and_validated_on(small_voc: SmallVoc) -> None:
    lists = small_voc.base / "ImageSets/Segmentation"
    (lists / "train.txt").write_text("".join(f"{i}\n" for i in small_voc.ids[2:]))
    message = (
        r"^2 images are both in training \(split 'train'\) and in validation \(split 'val'\), first: 2007_000002; "
        r"give other data.ids or data.training.ids$"
    )
    with pytest.raises(InputError, match=message):
        VOC2012(str(small_voc.root)).setup("fit")
    (lists / "val.txt").write_text(f"{small_voc.ids[0]}\n{small_voc.ids[3]}\n")
    with pytest.raises(InputError, match=r"1 image is both in training .* first: 2007_000003"):
        VOC2012(str(small_voc.root)).setup("fit")
    (lists / "val.txt").write_text(f"{small_voc.ids[0]}\n")
    data = VOC2012(str(small_voc.root))
    data.setup("fit")
    assert data.training_data is not None
    assert (data.ids, data.training_data.ids) == (small_voc.ids[:1], small_voc.ids[2:])


def test_scenes_of_two_splits_have_the_same_ids_and_are_others() -> None:
    with pytest.raises(InputError, match=r"3 images are both .*\(split 'val'\) and in validation \(split 'val'\)"):
        scenes(3, split="val")
    data = scenes(3, split="test")
    assert data.training_data is not None
    assert data.training_data.ids == data.ids
    assert fingerprint(data.training_data.read("scene_00001", True)) != fingerprint(data.read("scene_00001", True))


def test_one_folder_is_parted_by_lists(tmp_path: Path) -> None:
    images, masks = tmp_path / "pictures", tmp_path / "masks"
    images.mkdir()
    masks.mkdir()
    for n in range(4):
        image, target = generate_scene(SPLIT_SEEDS["test"], n)
        Image.fromarray(image).save(images / f"{n}.png")
        save_indices(masks / f"{n}.png", target)
    for name, numbers in (("train", "013"), ("val", "2")):
        (tmp_path / f"{name}.txt").write_text("\n".join(numbers))
    training = Training(ids=str(tmp_path / "train.txt"))
    data = Folder(str(images), str(masks), num_classes=21, ids=str(tmp_path / "val.txt"), training=training)
    data.setup("fit")
    assert data.training_data is not None
    assert (data.ids, data.training_data.ids) == (["2"], ["0", "1", "3"])
    with pytest.raises(InputError, match=r"3 images are both in training \(split 'pictures'\)"):
        Folder(str(images), str(masks), num_classes=21, training=training).setup("fit")


def test_ade20ks_training_images(tmp_path: Path) -> None:
    for part, ids in (("training", ["ADE_train_1", "ADE_train_2"]), ("validation", ["ADE_val_1"])):
        for kind, suffix in (("images", "jpg"), ("annotations", "png")):
            folder = tmp_path / kind / part
            folder.mkdir(parents=True)
            for image_id in ids:
                save_indices(folder / f"{image_id}.{suffix}".replace("jpg", "png"), np.full((8, 8), 3))
                if suffix == "jpg":
                    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / f"{image_id}.jpg")
    data = ADE20K(str(tmp_path))
    data.setup("fit")
    (batch,) = data.train_dataloader()
    assert sorted(sample.id for sample in batch) == ["ADE_train_1", "ADE_train_2"]
    assert all(isinstance(sample, Sample) and (sample.target == 2).all() for sample in batch)
    with pytest.raises(InputError, match="ade20k: no split 'test'"):
        ADE20K(str(tmp_path), training=Training(split="test"))


def broken_voc(small_voc: SmallVoc, **options: Any) -> VOC2012:
    """Train on three images of which the second is no picture."""
    listing = small_voc.base / "ImageSets/Segmentation"
    (listing / "train.txt").write_text("".join(f"{i}\n" for i in small_voc.ids[1:]))
    (listing / "val.txt").write_text(f"{small_voc.ids[0]}\n")
    (small_voc.base / "JPEGImages" / f"{small_voc.ids[2]}.jpg").write_text("no picture")
    return VOC2012(str(small_voc.root), num_workers=0, training=Training(batch_size=1), **options)


@pytest.mark.parametrize("view", [0, 1])
def test_a_broken_training_image_is_its_error(small_voc: SmallVoc, view: int) -> None:
    data = broken_voc(small_voc)
    data.setup("fit")
    assert data.training_data is not None
    three = TrainingSamples(data.training_data, data.training)
    broken = three[1, view]
    assert isinstance(broken, BrokenSample)
    assert broken.id == small_voc.ids[2]
    assert f"{small_voc.ids[2]}.jpg" in str(broken.error)
    assert isinstance(three[0, view], Sample)


@few_workers
def test_a_broken_training_image_ends_training_or_is_left_out(small_voc: SmallVoc) -> None:
    with pytest.raises(InputError, match=f"{small_voc.ids[2]}.jpg"):
        fit(broken_voc(small_voc))
    data = broken_voc(small_voc, on_error="skip")
    (epoch,) = fit(data).trained
    assert sorted(sample.id for sample in epoch) == [small_voc.ids[1], small_voc.ids[3]]
    assert list(data.skipped) == [small_voc.ids[2]]


def test_missing_training_images_are_found_before_training(small_voc: SmallVoc) -> None:
    data = VOC2012(str(small_voc.root))
    with pytest.raises(InputError, match=r"^data.training: no such split: .*train.txt"):
        data.setup("fit")
    shutil.copy(small_voc.base / "ImageSets/Segmentation/val.txt", small_voc.base / "ImageSets/Segmentation/train.txt")
    (small_voc.base / "SegmentationClass" / f"{small_voc.ids[3]}.png").unlink()
    options = {"ids": str(small_voc.root / "ids.txt")}
    (small_voc.root / "ids.txt").write_text(small_voc.ids[0])
    with pytest.raises(InputError, match=r"^data.training: 1 of 4 listed images have no file: 2007_000003"):
        VOC2012(str(small_voc.root), **options).setup("fit")


@pytest.mark.parametrize("stage", ["fit", "validate", "test"])
def test_pictures_without_ground_truth_are_for_predict(tmp_path: Path, stage: str) -> None:
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=f"data.images is for predict; {stage} takes"):
        Scenes(images=str(tmp_path)).setup(stage)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"views": 0}, "data.training.views is 0; give 1 or more"),
        ({"views": None}, "data.training.views is null; give a value, or leave it out"),
        ({"batch_size": 0}, "data.training.batch_size is 0"),
        ({"subset": 0}, "data.training.subset is 0"),
        ({"ids": "a.txt", "subset": 1}, "data.training.ids and data.training.subset exclude each other"),
        (
            {"views": 1, "augmentation": Augmentation(crop_size=(2, 3))},
            "crop_size crops every view but the first, which is the image as it is, and data.training.views is 1; give",
        ),
    ],
)
def test_impossible_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Training(**options)
    with pytest.raises(InputError, match="scenes: no split 'night'"):
        Scenes(training=Training(split="night"))


def test_options_on_the_command_line(run_cli: RunCli, demo_config: Path) -> None:
    words = ["test", "--config", demo_config, "--data.training.views", 2, "--data.training.augmentation.flip", 0]
    outcome = run_cli(*words, "--data.training.augmentation.scale", "[0.5, 2]", "--print_config")
    assert outcome.code == 0
    training = outcome.out[outcome.out.index("    training:") :]
    for line in ("views: 2", "batch_size: 4", "flip: 0.0", "crop: null", "- 0.5"):
        assert f" {line}\n" in training
    cut = ("--data.training.augmentation.crop_size", "[512, 1024]")
    outcome = run_cli(*words, *cut, "--print_config")
    assert yaml.safe_load(outcome.out)["data"]["init_args"]["training"]["augmentation"] == {
        "flip": 0, "scale": None, "crop": None, "colour": 0.2, "crop_size": [512, 1024],
    }  # fmt: skip
    outcome = run_cli(*words, *cut, "--data.training.augmentation.crop", 0.5)
    assert outcome.code == 2
    assert "augmentation.crop keeps a share (0.5) and data.training.augmentation.crop_size a number" in outcome.err
    assert outcome.err.count("\n") == 1
    outcome = run_cli(*words, "--data.training.augmentation.crop", 7)
    assert outcome.code == 2
    assert "data.training.augmentation.crop is 7.0; give more than 0, and 1 at most" in outcome.err
