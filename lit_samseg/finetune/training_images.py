"""Which images a training has seen, by their pixels: what it writes says so, and none is validated on."""

from collections.abc import Mapping, Sequence

from lightning import Trainer

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.data import Sample, SegmentationDataModule
from lit_samseg.data.digests import global_key, pixel_digests
from lit_samseg.errors import InputError


class TrainingImages:
    """The images of a training and the digests of their pixels, which are known when they are read.

    Attributes:
        earlier: Images of what the training began with, and of the part of it that a checkpoint is of.
    """

    def __init__(self) -> None:
        self.earlier = TrainedOn()
        self._data: SegmentationDataModule | None = None
        self._digests: dict[str, str | None] = {}
        self._held_out: dict[str, str] = {}
        self._alone = True

    def begin(self, trainer: Trainer, data: SegmentationDataModule, held_out: Mapping[str, str | None]) -> None:
        """Begin the training.

        Args:
            trainer: Runs it.
            data: The training images.
            held_out: Digests of the validation images.
        """
        self._data, self._alone = data, trainer.world_size == 1
        self._digests = {global_key(data, image_id): None for image_id in data.ids}
        self._held_out = {digest: key for key, digest in held_out.items() if digest is not None}

    def see(self, samples: Sequence[Sample]) -> None:
        """Take down a step's images.

        Raises:
            InputError: One is a validation image of another name.
        """
        assert self._data is not None, "begun"
        for sample in samples:
            self._digests[global_key(self._data, sample.id)] = sample.digest
            if sample.digest in self._held_out:
                self._refuse()

    def whole(self) -> TrainedOn:
        """Return all images; of those that other processes saw, the digests are found out now."""
        data = self._data
        if data is not None and not self._alone:
            unknown = [image_id for image_id in data.ids if self._digests[global_key(data, image_id)] is None]
            self._digests |= pixel_digests(data, unknown)
        return self.earlier | TrainedOn(self._digests)

    def _refuse(self) -> None:
        assert self._data is not None, "begun"
        digests = pixel_digests(self._data)
        both = {key: self._held_out[digest] for key, digest in digests.items() if digest in self._held_out}
        first, was = min(both.items())
        raise InputError(
            f"{len(both)} of the training images have the pixels of validation images (first: {first} those of {was}); "
            "give other data.ids or data.training.ids"
        )
