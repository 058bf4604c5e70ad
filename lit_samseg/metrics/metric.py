"""What a metric is: counts of one image, and scores of the counts of all images.

To add one, derive a class from `Metric` and name it in ``--model.metrics``: by its path ``package.module:Name``, or by
its word where it was registered (``@METRICS.register("word")``, or an entry point of the group ``lit_samseg.metrics``).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lit_samseg.metrics.columns import Column
from lit_samseg.runtime.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

LabelMap = NDArray[np.integer]
"""Class ids, integer ``[H, W]``."""

Counts = Mapping[str, NDArray[Any]]
"""int64 or float64 arrays by name."""


@dataclass(frozen=True)
class ImageFacts:
    """What a metric is told of an image beside its label maps.

    Attributes:
        id: The image's.
        num_classes: Number of classes ``C``.
        ignore_index: The ground truth's void label; its pixels should count nowhere.
    """

    id: str
    num_classes: int
    ignore_index: int


@dataclass(frozen=True)
class ImageRows:
    """One image's label maps by all rows, where they were made and in host memory: copied once, for all metrics.

    Attributes:
        facts: What else is known.
        maps: Integer ``[R, H, W]``, `lit_samseg.void.VOID` where a row gives no class.
        target: Ground truth, integer ``[H, W]``.
        entropy: Mean entropy of the baseline's class scores in nats, float32 scalar; None where it is not known.
        likeliest: Of the classes that the ground truth has, the one that the baseline's scores rate highest at each
            pixel, integer ``[H, W]``; None where that is not known.
    """

    facts: ImageFacts
    maps: "Tensor"
    target: "Tensor"
    entropy: "Tensor | None" = None
    likeliest: "Tensor | None" = None

    @cached_property
    def pairs(self) -> "Tensor | None":
        """All rows' `count_pairs`, int64 ``[R, C, C + 1]``, where the maps are; None for more than `PAIRED` classes."""
        from lit_samseg.metrics.counts import PAIRED, count_pairs

        facts = self.facts
        if facts.num_classes > PAIRED:
            return None
        return count_pairs(self.maps, self.target, facts.num_classes, facts.ignore_index)

    @property
    def maps_on_host(self) -> NDArray[np.integer]:
        """The rows' label maps."""
        return self._on_host["maps"]

    @cached_property
    def target_on_host(self) -> NDArray[np.int64]:
        """The ground truth, int64."""
        return self._on_host["target"].astype(np.int64)

    @property
    def pixels_on_host(self) -> NDArray[np.int64]:
        """All rows' `count_pixels`, int64 ``[R, 3, C]``."""
        return self._on_host["pixels"]

    @property
    def entropy_on_host(self) -> float | None:
        """The mean entropy."""
        return None if self.entropy is None else float(self._on_host["entropy"])

    @property
    def likeliest_on_host(self) -> NDArray[np.integer] | None:
        """The likeliest classes."""
        return None if self.likeliest is None else self._on_host["likeliest"]

    @cached_property
    def _on_host(self) -> dict[str, NDArray[Any]]:
        from lit_samseg.metrics.counts import count_pixels, counts_of_pairs
        from lit_samseg.runtime.transfer import download

        facts, pairs = self.facts, self.pairs
        copied = {"maps": self.maps, "target": self.target}
        copied["pixels"] = (
            count_pixels(self.maps, self.target, facts.num_classes, facts.ignore_index)
            if pairs is None
            else counts_of_pairs(pairs)
        )
        others = {"entropy": self.entropy, "likeliest": self.likeliest}
        copied |= {name: tensor for name, tensor in others.items() if tensor is not None}
        arrays = [tensor.numpy() for tensor in download(list(copied.values()))]
        return dict(zip(copied, arrays, strict=True))


class Metric(ABC):
    """Scores of a row that follow from what is counted of each image.

    A metric has no state: what it counted is kept and gathered for it, image by image, over all processes.

    Attributes:
        word: Its name on the command line and in files: small letters, digits and ``_``.
        columns: Its numbers.
        summed: Names of counts, all of them integers, that are only ever needed summed over the images. They are added
            up at once, which saves memory where they are large.
    """

    word: ClassVar[str]
    columns: ClassVar[Sequence[Column]]
    summed: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def count(self, label_map: LabelMap, target: LabelMap, image: ImageFacts) -> Mapping[str, ArrayLike]:
        """Count one row's label map of one image.

        Args:
            label_map: The row's, integer ``[H, W]``; -1 (`lit_samseg.void.VOID`) where it gives no class.
            target: Ground truth, int64 ``[H, W]``, ``image.ignore_index`` where it is void.
            image: What else is known.

        Returns:
            Integers or floats by name, or arrays of them, of the same shape for every image.
        """

    @abstractmethod
    def score(self, counts: Counts) -> Mapping[str, float]:
        """Return the number of each of the columns, from what `merge` returned; nan where there is none."""

    def merge(self, images: Counts) -> Counts:
        """Merge the counts of all images; by default they are summed.

        Args:
            images: By name ``[N, ...]`` in the order of the images; of `summed` names the sums.
        """
        return {name: counts if name in self.summed else counts.sum(axis=0) for name, counts in images.items()}

    def prepare(self, target: LabelMap, image: ImageFacts) -> Callable[[LabelMap], Mapping[str, ArrayLike]]:
        """Return what counts each row's label map of an image; work on the ground truth may be done once, here."""
        return lambda label_map: self.count(label_map, target, image)

    def count_rows(self, image: ImageRows) -> dict[str, NDArray[Any]]:
        """Count all rows of an image; by name ``[R, ...]``. For metrics that count where the label maps were made."""
        count = self.prepare(image.target_on_host, image.facts)
        rows = [as_counts(count(label_map)) for label_map in image.maps_on_host]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def nothing(self, num_classes: int) -> dict[str, NDArray[Any]]:
        """Return the counts of no image: zeros of the shapes and types that `count` gives, which is asked by default.

        A process that evaluates no image has these to gather.
        """
        return {name: np.zeros_like(array) for name, array in self.count_blank(num_classes).items()}

    def count_blank(self, num_classes: int) -> dict[str, NDArray[Any]]:
        """Return the counts of an image of one class that is all right."""
        blank = np.zeros((64, 64), np.int64)
        return as_counts(self.count(blank, blank, ImageFacts("blank", num_classes, 255)))

    def score_images(self, images: Counts) -> Mapping[str, float]:
        """Return the scores of a row's images; see `merge` and `score`. Nothing divided by nothing is nan."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.score(self.merge(images))


METRICS: Registry[Metric] = Registry("metric", "lit_samseg.metrics", Metric)  # type: ignore[type-abstract]
"""The metrics there are, by word."""


def as_counts(counts: Mapping[str, ArrayLike]) -> dict[str, NDArray[Any]]:
    """Return counts as int64 or float64.

    Raises:
        TypeError: One is neither.
    """
    return {name: _as_count(name, np.asarray(array)) for name, array in counts.items()}


def _as_count(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind not in "biuf":
        raise TypeError(f"count {name!r} is of type {array.dtype}; counts are integers or floats")
    return array.astype(np.float64 if array.dtype.kind == "f" else np.int64, copy=False)
