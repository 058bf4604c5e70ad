"""A semantic segmenter that looks an image's label map up before it computes one."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from lit_samseg.baselines.interface import Baseline
from lit_samseg.cache.key import key_of
from lit_samseg.cache.store import TensorStore
from lit_samseg.runtime.code_digest import code_digest

_LABEL_TYPES = (torch.uint8, torch.int16, torch.int32, torch.int64)


class CachedBaseline(Baseline):
    """A baseline whose label maps are kept on disk, in the smallest integers that hold them.

    Args:
        baseline: Does the work; its `identity` is known.
        store: Keeps the label maps.

    Attributes:
        hits: Label maps found.
        misses: Label maps computed.
    """

    def __init__(self, baseline: Baseline, store: TensorStore) -> None:
        super().__init__()
        self.baseline, self.store = baseline, store
        self.name, self.checkpoint, self.sha256 = baseline.name, baseline.checkpoint, baseline.sha256
        self.num_classes, self.class_names = baseline.num_classes, baseline.class_names
        self.first_class, self.ignore_index = baseline.first_class, baseline.ignore_index
        self.trained_on = baseline.trained_on
        self._code = str(code_digest(map(type, baseline.modules())))
        self.hits = self.misses = 0

    @property
    def identity(self) -> str | None:
        """The baseline's own."""
        return self.baseline.identity

    def files(self, image_id: str) -> list[Path]:
        """Return the baseline's own."""
        return self.baseline.files(image_id)

    def find_fault(self, image_id: str, image: Path | None) -> str | None:
        """Tell what is wrong with them, as the baseline does itself."""
        return self.baseline.find_fault(image_id, image)

    def hint(self, image_id: str) -> str:
        """Return the baseline's own."""
        return self.baseline.hint(image_id)

    def compare_files(self, image_ids: Sequence[str]) -> None:
        """Compare the files, as the baseline does itself."""
        self.baseline.compare_files(image_ids)

    def check(self, image: Tensor, image_id: str) -> None:
        """Check the files, as the baseline does itself."""
        self.baseline.check(image, image_id)

    def check_classes(self, class_names: tuple[str, ...]) -> None:
        """Compare the baseline's classes with the data set's, as it does itself."""
        self.baseline.check_classes(class_names)

    def predict(self, image: Tensor, image_id: str) -> tuple[Tensor, Tensor | None]:
        """Predict as the baseline does: logits are too large to keep."""
        return self.baseline.predict(image, image_id)

    def look_closer(self, image: Tensor, scale: float) -> Tensor | None:
        """Look again as the baseline does."""
        return self.baseline.look_closer(image, scale)

    @torch.inference_mode()
    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        """Look the image's label map up, or compute and keep it."""
        key = key_of("label_map", image, self._code, network=self.identity)
        stored = self.store.get(key)
        if stored is not None:
            self.hits += 1
            return stored["labels"].to(image.device, torch.int64)
        self.misses += 1
        labels = self.baseline.label_map(image, image_id)
        self.store.put(key, {"labels": _smallest(labels)})
        return labels


def _smallest(labels: Tensor) -> Tensor:
    low, high = (int(bound) for bound in labels.aminmax())
    fitting = (t for t in _LABEL_TYPES if torch.iinfo(t).min <= low and high <= torch.iinfo(t).max)
    return labels.to(next(fitting))
