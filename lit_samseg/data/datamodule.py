"""The DataModule all data sets share: subset, loading by worker processes, every image evaluated exactly once."""

import copy
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Literal

import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from lit_samseg.data.augmentation import load_albumentations
from lit_samseg.data.evaluated_samples import EvaluatedSamples
from lit_samseg.data.labelled_images import LabelledImages
from lit_samseg.data.pictures import PictureFolder
from lit_samseg.data.sample import BrokenSample, Sample
from lit_samseg.data.sharding import estimate_cost, share_out
from lit_samseg.data.subset import draw_subset, read_ids
from lit_samseg.data.training import Training, TrainingSamples, ViewSampler
from lit_samseg.data.turned import Turned, find_turned
from lit_samseg.data.workers import make_loader
from lit_samseg.errors import InputError
from lit_samseg.formats.orientation import Exif
from lit_samseg.runtime.amounts import images_at_once, readers, say_amounts
from lit_samseg.runtime.declared import check_declared

OnError = Literal["raise", "skip"]


class SegmentationDataModule(LabelledImages, LightningDataModule):  # type: ignore[misc]  # Lightning lets a name be None
    """Images with label maps; a batch is a list of samples of mixed size.

    Args:
        split: Which part of the data set.
        subset: Evaluate this many images drawn without replacement; None means all.
        subset_seed: Seed of the draw.
        ids: Evaluate exactly the ids in this text file, one a line (a run's ``ids.txt`` fits). Not with ``subset``.
        batch_size: Samples in a batch; None is 1 on a CPU, and on a GPU what its memory holds (`images_at_once`). On a
            CPU results do not depend on it. On a GPU the images of a batch are encoded together, and the last bits of
            an embedding depend on how many there are.
        num_workers: Processes that read and decode files; 0 reads in the main process, None chooses (`readers`). They
            need no shared memory.
        images: For ``predict``: a folder of pictures that takes the place of the data set's own.
        exif: How those pictures are read that a camera turned: ``upright`` as their EXIF data say, ``ignore`` as their
            pixels lie in the file.
        on_error: ``raise`` ends the run at an image that cannot be read; ``skip`` leaves it out and says so
            at the end and in the results.
        training: For ``fit``: which images a network is trained on, and how; the options above choose those it is
            validated on.

    Attributes:
        training_data: After ``setup("fit")``: this data set with the training images' ids.
        skipped: What is wrong with each image that was left out, by id.
        check: Called with each image, uint8 ``[3, H, W]``, and its id when it is loaded: raises InputError where
            something else that the image needs cannot be used. Worker processes take it along.
        prepare: Makes of each image what SAM's encoder takes, where that is better done in worker processes.
        doubts: What else is to be said of the data, see `lit_samseg.data.understanding`.
        turned: Which images EXIF data turn; None where they turn none, since the data set is read as pixels lie.
        finished: Positions of images that an interrupted run finished: they are not loaded again.
    """

    def __init__(
        self,
        split: str = "val",
        subset: int | None = None,
        subset_seed: int = 0,
        ids: str | None = None,
        batch_size: int | None = None,
        num_workers: int | None = None,
        images: str | None = None,
        on_error: OnError = "raise",
        training: Training = Training(),
        exif: Exif = "upright",
    ) -> None:
        super().__init__()
        if ids is not None and subset is not None:
            raise InputError("data.ids and data.subset exclude each other; give one of them")
        if (batch_size is not None and batch_size < 1) or (num_workers or 0) < 0:
            raise InputError(f"data.batch_size is {batch_size} (1 or more), data.num_workers {num_workers} (0 or more)")
        self.split, self.subset, self.subset_seed = split, subset, subset_seed
        self.ids_file = None if ids is None else Path(ids).expanduser()
        self._asked_amounts, self.on_error = (batch_size, num_workers), on_error
        self.pictures = None if images is None else PictureFolder(images, exif=exif)
        self.training = training
        self.training_data: SegmentationDataModule | None = None
        self.ids: list[str] = []
        self.skipped: dict[str, str] = {}
        self.check: Callable[[Tensor, str], None] | None = None
        self.prepare: Callable[[Tensor], Tensor] | None = None
        self.turned: Turned | None = None
        self.doubts: list[str] = []
        self.finished: frozenset[int] = frozenset()
        self._shares: list[list[int]] = []

    @property
    def batch_size(self) -> int:
        """Samples in a batch."""
        return self._asked_amounts[0] or images_at_once(self._device())

    @property
    def num_workers(self) -> int:
        """Processes that read."""
        asked, trainer = self._asked_amounts[1], self.trainer
        return readers(self._device(), trainer.num_devices if trainer is not None else 1) if asked is None else asked

    @property
    def source(self) -> "SegmentationDataModule | PictureFolder":
        """Where samples come from."""
        return self if self.pictures is None else self.pictures

    @property
    def picture_folder(self) -> PictureFolder | None:
        """The folder whose pictures are the run's images; None where the data set has its own layout."""
        return self.pictures

    def find_turned(self, with_target: bool) -> Turned | None:
        """Return which images EXIF data turn, and if their ground truth is turned alike; None in published data."""
        if self.pictures is None:
            return None
        images = [self.pictures.files(image_id, with_target)[0] for image_id in self.ids]
        return find_turned(images, None, self.pictures.exif, "mask", labels_turn=True)

    def setup(self, stage: str) -> None:
        """Choose the ids and check that their files exist, before anything is computed.

        Raises:
            InputError: The options choose no images, or ones without files; or training images are validated on.
        """
        check_declared(self, SegmentationDataModule, "data")
        if (device := self._device()).type == "cuda" and None in self._asked_amounts:
            say_amounts(device, self.batch_size, self.num_workers)
        with_target = stage != "predict"
        if with_target and self.pictures is not None:
            word = getattr(stage, "value", stage)  # Lightning's are of an enumeration
            raise InputError(f"data.images is for predict; {word} takes the data set's own images, leave it out")
        self.choose_ids(with_target)
        if stage == "fit":
            self.training_data = self._choose_training()

    def choose_ids(self, with_target: bool) -> None:
        """Choose the ids of the split, list or subset, and check that their files exist.

        Raises:
            InputError: There are none, or files are missing.
        """
        source = self.source
        available = read_ids(self.ids_file) if self.ids_file is not None else source.find_ids()
        if not available:
            raise InputError(f"{self.name}: the split {self.split!r} is empty")
        if self.subset is not None:
            available = draw_subset(available, self.subset, self.subset_seed)
        self.ids = sorted(available)
        self.skipped, self.finished, self._shares = {}, frozenset(), []
        missing = [(i, path) for i in self.ids for path in source.files(i, with_target) if not path.is_file()]
        names = list(dict.fromkeys(i for i, _ in missing))
        if missing and (self.on_error == "raise" or len(names) == len(self.ids)):
            raise InputError(
                f"{len(names)} of {len(self.ids)} listed images have no file: {', '.join(names[:3])}"
                f"{', ...' if len(names) > 3 else ''} (first: {missing[0][1]}); add the files or give --data.ids"
                f"{self.why_missing(with_target)}"
            )
        self.turned = self.find_turned(with_target)
        if self.turned is not None and self.on_error == "raise":
            self.turned.check()

    def _choose_training(self) -> "SegmentationDataModule":
        """Return this data set with the training's images; the validation's are chosen.

        Raises:
            InputError: They cannot be chosen or have no file, or some are validation images too.
        """
        training = self.training
        if training.views > 1:
            load_albumentations()  # that it is not installed is found out here, not in the second epoch
        chosen = copy.copy(self)
        chosen.split, chosen.subset, chosen.subset_seed = training.split, training.subset, training.subset_seed
        chosen.ids_file = None if training.ids is None else Path(training.ids).expanduser()
        try:
            chosen.choose_ids(with_target=True)
        except InputError as error:
            raise InputError(f"data.training: {error}") from error
        held_out = {self.image_key(image_id) for image_id in self.ids}
        both = [image_id for image_id in chosen.ids if chosen.image_key(image_id) in held_out]
        if both:
            are = "image is" if len(both) == 1 else "images are"
            raise InputError(
                f"{len(both)} {are} both in training (split {chosen.split!r}) and in validation (split "
                f"{self.split!r}), first: {both[0]}; give other data.ids or data.training.ids"
            )
        return chosen

    def leave_out(self, positions: Collection[int]) -> None:
        """Do not load these images; before loaders are made, and the same on every process."""
        self.finished, self._shares = frozenset(positions), []

    def share(self, rank: int, world_size: int) -> list[int]:
        """Return the positions of the images that a process evaluates, ascending; the same on every process."""
        positions = [n for n in range(len(self.ids)) if n not in self.finished]
        if world_size == 1:
            return positions
        if len(self._shares) != world_size:
            files = [self.source.files(self.ids[n], with_target=False) for n in positions]
            shares = share_out([estimate_cost(paths[0] if paths else None) for paths in files], world_size)
            self._shares = [[positions[n] for n in share] for share in shares]
        return self._shares[rank]

    def train_dataloader(self) -> DataLoader[Sample | BrokenSample]:
        """Load this process's share of an epoch's training images, augmented."""
        assert self.training_data is not None, "setup for fit comes first"
        samples = TrainingSamples(self.training_data, self.training)
        rank, world = self._place()
        return make_loader(samples, self.training.batch_size, self.num_workers, ViewSampler(samples, world, rank))

    def val_dataloader(self) -> DataLoader[Sample | BrokenSample | None]:
        """Load this process's share of the validation images with their ground truth."""
        return self._dataloader(with_target=True)

    def test_dataloader(self) -> DataLoader[Sample | BrokenSample | None]:
        """Load this process's share of the images with their ground truth."""
        return self._dataloader(with_target=True)

    def predict_dataloader(self) -> DataLoader[Sample | BrokenSample | None]:
        """Load this process's share of the images without ground truth."""
        return self._dataloader(with_target=False)

    def _dataloader(self, with_target: bool) -> DataLoader[Sample | BrokenSample | None]:
        samples = EvaluatedSamples(self, self.source, with_target, self.share(*self._place()))
        return make_loader(samples, self.batch_size, self.num_workers)

    def _device(self) -> torch.device:
        """Return where this process computes."""
        return torch.device("cpu") if self.trainer is None else self.trainer.strategy.root_device

    def _place(self) -> tuple[int, int]:
        """Return this process's number and how many there are."""
        return (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)

    def on_before_batch_transfer(
        self, batch: list[Sample | BrokenSample], dataloader_idx: int
    ) -> list[Sample | BrokenSample]:
        """Raise the error of a broken sample in the main process, where it can be read; or leave the sample out."""
        for sample in batch:
            if isinstance(sample, BrokenSample):
                if self.on_error == "raise":
                    raise sample.error
                self.skipped[sample.id] = str(sample.error)
        return [sample for sample in batch if isinstance(sample, Sample)]

    def transfer_batch_to_device(self, batch: list[Sample], device: torch.device, dataloader_idx: int) -> list[Sample]:
        """Bring a batch to a device; a GPU is not waited for."""
        return [sample.on(device) for sample in batch]
