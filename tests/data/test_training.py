"""What a network is trained on: which images, in which order, in which views, on which process."""

import hashlib
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import LightningModule, Trainer
from PIL import Image

from lit_samseg.data import ADE20K, VOC2012, Folder, Scenes
from lit_samseg.data.augmentation import Augmentation
from lit_samseg.data.datamodule import SegmentationDataModule
from lit_samseg.data.sample import BrokenSample, Sample
from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene
from lit_samseg.data.training import Training, TrainingSamples, ViewSampler
from lit_samseg.errors import InputError
from tests.conftest import RunCli, SmallVoc, save_indices


def scenes(size: int = 7, **options: Any) -> Scenes:
    data = Scenes(size=size, split="val", training=Training(**options))
    data.setup("fit")
    return data


def samples(size: int = 7, **options: Any) -> TrainingSamples:
    data = scenes(size, **options)
    assert data.training_data is not None
    return TrainingSamples(data.training_data, data.training)


def order(of: TrainingSamples, epoch: int, processes: int = 1, rank: int = 0) -> list[tuple[int, int]]:
    sampler = ViewSampler(of, processes, rank)
    sampler.set_epoch(epoch)
    drawn = list(sampler)
    assert len(drawn) == len(sampler)
    return drawn


def batches(drawn: Sequence[tuple[int, int]], size: int) -> list[list[tuple[int, int]]]:
    return [list(drawn[n : n + size]) for n in range(0, len(drawn), size)]


def test_every_image_once_an_epoch_in_the_epochs_view() -> None:
    seven = samples(views=3)
    for epoch in range(7):
        drawn = order(seven, epoch)
        assert sorted(position for position, _ in drawn) == list(range(7))
        assert {view for _, view in drawn} == {epoch % 3}


def test_orders_are_shuffled_by_seed_and_epoch() -> None:
    orders = {
        (seed, epoch): tuple(position for position, _ in order(samples(20, seed=seed), epoch))
        for seed in range(4)
        for epoch in range(4)
    }
    assert len(set(orders.values())) == 16
    # Each image is about as often in the first half as in the second.
    early = Counter(position for epoch in range(200) for position, _ in order(samples(20), epoch)[:10])
    assert all(abs(early[position] - 100) < 4 * 50**0.5 for position in range(20))


@pytest.mark.parametrize("size", [1, 2, 6, 7])
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_share_the_images_out(size: int, processes: int) -> None:
    some = samples(size)
    alone = [position for position, _ in order(some, 5)]
    shares = [[position for position, _ in order(some, 5, processes, rank)] for rank in range(processes)]
    steps = -(-size // processes)
    assert [len(share) for share in shares] == [steps] * processes
    dealt = [shares[n % processes][n // processes] for n in range(steps * processes)]
    assert dealt[:size] == alone
    # Those that make the shares even are the first again.
    assert dealt[size:] == [alone[n % size] for n in range(steps * processes - size)]


@pytest.mark.parametrize(("processes", "size"), [(2, 2), (2, 3), (3, 2)])
def test_processes_see_in_a_step_what_one_sees_of_a_larger_batch(processes: int, size: int) -> None:
    twelve = samples(12)
    alone = batches(order(twelve, 1), size * processes)
    shares = [batches(order(twelve, 1, processes, rank), size) for rank in range(processes)]
    assert len(alone) == len(shares[0])
    for step, batch in enumerate(alone):
        together = [pair for share in shares for pair in share[step]]
        assert sorted(together) == sorted(batch)


def test_view_0_is_the_image_and_others_are_augmented_by_their_seed() -> None:
    augmentation = Augmentation(flip=1, scale=(1, 1), crop=1, colour=0)
    three = samples(3, augmentation=augmentation)
    image, target = generate_scene(SPLIT_SEEDS["train"], 2)
    plain, flipped = three[2, 0], three[2, 3]
    assert isinstance(plain, Sample)
    assert isinstance(flipped, Sample)
    assert (plain.id, plain.position, plain.view) == ("scene_00002", 2, 0)
    assert (flipped.id, flipped.position, flipped.view) == ("scene_00002", 2, 3)
    assert plain.target is not None
    assert flipped.target is not None
    assert np.array_equal(plain.image.permute(1, 2, 0), image)
    assert np.array_equal(plain.target, target)
    assert np.array_equal(flipped.image.permute(1, 2, 0), image[:, ::-1])
    assert np.array_equal(flipped.target, target[:, ::-1])


def fingerprint(sample: Sample | BrokenSample) -> str:
    assert isinstance(sample, Sample)
    assert sample.target is not None
    return hashlib.sha256(sample.image.numpy().tobytes() + sample.target.numpy().tobytes()).hexdigest()


def views_of_two(seed: int = 0) -> list[str]:
    two = samples(2, seed=seed)
    return [fingerprint(two[position, view]) for position in (0, 1) for view in (1, 2, 3)]


def test_a_view_depends_on_seed_image_and_number_only() -> None:
    assert len(set(views_of_two(0) + views_of_two(1))) == 12
    # Python's own hash of a text differs from process to process.
    code = "from tests.data.test_training import views_of_two; print(views_of_two())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(views_of_two())
    # Nor does it matter which other images there are.
    many, few = samples(9, subset=None), samples(9, subset=2, subset_seed=3)
    ids = few.data.ids
    assert [fingerprint(few[n, 1]) for n in (0, 1)] == [fingerprint(many[many.data.ids.index(i), 1]) for i in ids]


class Recorder(LightningModule):
    """Learns nothing; keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.trained: list[list[Sample]] = []
        self.validated: list[list[str]] = []

    def training_step(self, batch: list[Sample], index: int) -> torch.Tensor:
        if index == 0:
            self.trained.append([])
        self.trained[-1] += batch
        return self.weight * len(batch)

    def validation_step(self, batch: list[Sample], index: int) -> None:
        if index == 0:
            self.validated.append([])
        self.validated[-1] += [sample.id for sample in batch]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def fit(data: SegmentationDataModule, epochs: int = 1, **options: Any) -> Recorder:
    module = Recorder()
    trainer = Trainer(
        accelerator="cpu", devices=1, max_epochs=epochs, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0, **options,
    )  # fmt: skip
    trainer.fit(module, data)
    return module


few_workers = pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*treespec, LeafSpec.*")


@few_workers
@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("use_distributed_sampler", [True, False])
def test_lightning_trains_on_the_loaders(num_workers: int, use_distributed_sampler: bool) -> None:
    training = Training(batch_size=2, views=2)
    data = Scenes(size=5, split="test", subset=2, num_workers=num_workers, training=training)
    module = fit(data, epochs=3, use_distributed_sampler=use_distributed_sampler)
    assert module.validated == [data.ids] * 3
    assert len(data.ids) == 2
    assert [[sample.view for sample in epoch] for epoch in module.trained] == [[0] * 5, [1] * 5, [0] * 5]
    five = samples(5, views=2)
    for number, epoch in enumerate(module.trained):
        assert [(sample.position, sample.view) for sample in epoch] == order(five, number)
        assert [fingerprint(sample) for sample in epoch] == [fingerprint(five[pair]) for pair in order(five, number)]


@few_workers
@pytest.mark.filterwarnings("ignore:You requested to overfit")
def test_lightning_can_overfit_a_batch() -> None:
    data = Scenes(size=5, split="test", num_workers=0, training=Training(batch_size=2))
    module = fit(data, epochs=2, overfit_batches=1)
    assert [[(sample.position, sample.view) for sample in epoch] for epoch in module.trained] == [[(0, 0), (1, 0)]] * 2


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
    for line in ("views: 2", "batch_size: 4", "flip: 0.0", "crop: 0.75", "- 0.5"):
        assert f" {line}\n" in training
    outcome = run_cli(*words, "--data.training.augmentation.crop", 7)
    assert outcome.code == 2
    assert "data.training.augmentation.crop is 7.0; give more than 0, and 1 at most" in outcome.err
