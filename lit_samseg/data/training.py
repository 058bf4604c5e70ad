"""Which images a network is trained on, in which order and in which views."""

import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, DistributedSampler

from lit_samseg.data.augmentation import Augmentation, refuse_nulls
from lit_samseg.data.balance import class_shares, draws, image_weights
from lit_samseg.data.digests import digest_of_pixels
from lit_samseg.data.origin import Origin
from lit_samseg.data.sample import BrokenSample, Sample
from lit_samseg.errors import InputError


@dataclass(frozen=True)
class Training:
    """How images are drawn for training.

    Attributes:
        split: Which part of the data set; a folder of your own has one only, choose from it with ``ids``.
        ids: Train on exactly the ids in this text file, one a line. Not with ``subset``.
        subset: Train on this many images drawn without replacement; None means all.
        subset_seed: Seed of that draw.
        batch_size: Images of one step, on each process.
        views: Number of views of each image, one an epoch in turn, so that what frozen networks make of them can be
            kept. The first is the image as it is, the others are augmented.
        seed: Decides the order of each epoch, and the views.
        balance: How much more often images with rare classes are drawn, 0 to 1 (`image_weights`): 0 draws every image
            once an epoch, 1 has every class count alike. Above 0 each ground truth is read once at the beginning.
        augmentation: How views differ from the image.

    Raises:
        InputError: A number is too small, ``ids`` and ``subset`` are both given, or no view would be cropped that
            should be.
    """

    split: str = "train"
    ids: str | None = None
    subset: int | None = None
    subset_seed: int = 0
    batch_size: int = 4
    views: int = 4
    seed: int = 0
    balance: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        refuse_nulls(self, "data.training", besides=("ids", "subset"))
        if self.ids is not None and self.subset is not None:
            raise InputError("data.training.ids and data.training.subset exclude each other; give one of them")
        for name, number in (("batch_size", self.batch_size), ("views", self.views), ("subset", self.subset)):
            if number is not None and number < 1:
                raise InputError(f"data.training.{name} is {number}; give 1 or more")
        if self.views == 1 and self.augmentation.crop_size is not None:
            raise InputError(
                "data.training.augmentation.crop_size crops every view but the first, which is the image as it is, and "
                "data.training.views is 1; give 2 or more"
            )
        if not 0 <= self.balance <= 1:
            raise InputError(f"data.training.balance is {self.balance}; give 0 to 1")


class Readable(Protocol):
    """Images that can be read by their ids.

    Attributes:
        ids: Of the images.
        check: Called with each image and its id; raises InputError where it cannot be used.
        prepare: Makes of each image what SAM's encoder takes.
    """

    ids: list[str]
    check: Callable[[Tensor, str], None] | None
    prepare: Callable[[Tensor], Tensor] | None

    def read(self, image_id: str, with_target: bool) -> Sample:
        """Read one sample."""


class Labelled(Readable, Protocol):
    """Images whose ground truth can be read by itself."""

    @property
    def num_classes(self) -> int:
        """Number of classes; other labels are void."""

    def read_target(self, image_id: str) -> Tensor:
        """Read one ground truth."""


class TrainingSamples(Dataset[Sample | BrokenSample]):
    """Views of training images, by position of the image and number of the view; a position alone is view 0.

    A view is the same whenever it is drawn: it depends on the training's seed, the image's id and the view's number.

    Args:
        data: A data set whose ids are the training images.
        training: Seed and augmentation.
    """

    def __init__(self, data: Labelled, training: Training) -> None:
        self.data, self.training = data, training

    def __len__(self) -> int:
        return len(self.data.ids)

    def __getitem__(self, item: tuple[int, ...] | int) -> Sample | BrokenSample:
        # Lightning's `overfit_batches` puts a sampler of positions in the place of ours.
        position, view, turn = (*(item if isinstance(item, tuple) else (item, 0)), 0)[:3]
        image_id = self.data.ids[position]
        try:
            sample = self.data.read(image_id, with_target=True)
            if self.data.check is not None:
                self.data.check(sample.image, image_id)
            sample.digest = digest_of_pixels(sample.image)
            if view:
                self._augment(sample, view)
        except InputError as error:
            return BrokenSample(image_id, error)
        sample.position, sample.view, sample.turn = position, view, turn
        return sample

    def _augment(self, sample: Sample, view: int) -> None:
        assert sample.target is not None, "read with its target"
        image: np.ndarray = sample.image.permute(1, 2, 0).contiguous().numpy()
        seed = int.from_bytes(_digest(self.training.seed, sample.id, view)[:8])
        made, target, *places = self.training.augmentation.trace(image, sample.target.numpy(), seed)
        sample.origin = Origin(sample.image, *map(torch.from_numpy, places))
        sample.image, sample.target = torch.from_numpy(made).permute(2, 0, 1), torch.from_numpy(target)


class ViewSampler(DistributedSampler[tuple[int, ...]]):
    """Pairs of an image's position and its view: every image once an epoch, epoch ``e`` in view ``e % views``.

    With a balance some come several times and others not at all: the next time an image is in its next view, and there
    is a third number, how often it was drawn before.

    Consecutive images of the epoch's order go to consecutive processes, so that two processes see in each step what one
    process with twice the batch size sees. Where the images do not go round, as many from the order's beginning come
    again at its end, for all processes must take the same number of steps.

    Args:
        samples: The images.
        num_replicas: Number of processes.
        rank: The process's number.
    """

    def __init__(self, samples: TrainingSamples, num_replicas: int = 1, rank: int = 0) -> None:
        self.views = samples.training.views
        super().__init__(samples, num_replicas, rank, seed=samples.training.seed)
        data, balance = samples.data, samples.training.balance
        self.weights = None
        if balance:
            self.weights = image_weights(class_shares(data.ids, data.read_target, data.num_classes), balance)

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        # Its parent's order of seed 0 in epoch 1 would be that of seed 1 in epoch 0.
        count = len(self.dataset)  # type: ignore[arg-type]
        order = sorted(range(count), key=lambda position: _digest(self.seed, self.epoch, position))
        drawn = [(position, 0) for position in order]
        if self.weights is not None:
            offset = int.from_bytes(_digest(self.seed, self.epoch)[:6]) / 2**48
            # The turns of an image, one after the other by now, are spread over the epoch.
            drawn = sorted(
                draws(self.weights, order, offset), key=lambda own: _digest(self.seed, self.epoch, *own, "turn")
            )
        shares = itertools.islice(itertools.cycle(drawn), self.rank, self.total_size, self.num_replicas)
        views = ((position, (self.epoch + turn) % self.views, turn) for position, turn in shares)
        return iter([own if own[2] else own[:2] for own in views])


def _digest(*parts: int | str) -> bytes:
    """Return bytes that only the parts decide, on every machine and for every version of a library."""
    return hashlib.sha256(":".join(map(str, parts)).encode()).digest()
