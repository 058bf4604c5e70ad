"""The images that a process evaluates, as PyTorch's loaders take them."""

from typing import Protocol

from torch.utils.data import Dataset

from lit_samseg.data.sample import BrokenSample, Sample
from lit_samseg.data.training import Readable
from lit_samseg.errors import InputError


class Source(Protocol):
    """Images that can be read."""

    def read(self, image_id: str, with_target: bool) -> Sample:
        """Read one sample."""


class EvaluatedSamples(Dataset[Sample | BrokenSample | None]):
    """One process's share of the images.

    Args:
        data: The ids of all images, and what looks at each when it is loaded.
        source: Where samples come from: the data set, or a folder of pictures in its place.
        with_target: Whether the ground truth is read too.
        positions: Which images are this process's.

    Lightning's own sampler would pad uneven shares with repeats. A bad sample comes back as its error, since worker
    processes garble exceptions. Without images there is one item, None, for a batch without images: Lightning would
    skip the loop over nothing, and the other processes would wait for ever for what this one has to say at the end.
    """

    def __init__(self, data: Readable, source: Source, with_target: bool, positions: list[int]) -> None:
        self.data, self.source, self.with_target, self.positions = data, source, with_target, positions

    def __len__(self) -> int:
        return max(1, len(self.positions))

    def __getitem__(self, index: int) -> Sample | BrokenSample | None:
        if not self.positions:
            return None
        image_id = self.data.ids[self.positions[index]]
        try:
            sample = self.source.read(image_id, self.with_target)
            if self.data.check is not None:
                self.data.check(sample.image, image_id)
        except InputError as error:
            return BrokenSample(image_id, error)
        sample.position = self.positions[index]
        if self.data.prepare is not None:
            sample.resized = self.data.prepare(sample.image)
        return sample
