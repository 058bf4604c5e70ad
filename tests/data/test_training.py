"""How images are drawn for training: in which order, in which views, on which process."""

import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from lightning import LightningModule, Trainer

from lit_samseg.data import Scenes
from lit_samseg.data.augmentation import Augmentation
from lit_samseg.data.datamodule import SegmentationDataModule
from lit_samseg.data.sample import BrokenSample, Sample
from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene
from lit_samseg.data.training import Training, TrainingSamples, ViewSampler


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


@pytest.mark.slow
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
@pytest.mark.parametrize(
    ("num_workers", "use_distributed_sampler"),
    [
        (1, True),
        # The quicker one is that with a worker; without one a batch is overfitted below.
        pytest.param(0, False, marks=pytest.mark.slow),
        pytest.param(0, True, marks=pytest.mark.slow),
        pytest.param(1, False, marks=pytest.mark.slow),
    ],
)
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
