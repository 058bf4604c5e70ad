"""Label maps made by any program: a folder of PNGs."""

from pathlib import Path

from torch import Tensor

from lit_samseg.baselines.interface import Baseline
from lit_samseg.data.reading import check_labels, check_size, read_indices
from lit_samseg.errors import InputError


class Precomputed(Baseline):
    """Reads ``ROOT/ID.png``, so that any program's predictions can be refined and scored.

    Args:
        root: Folder of label-map PNGs (palette indices or 8-bit grey) at the images' sizes.
        num_classes: Number of classes; labels must be below it. None takes the data set's.
        label_offset: What the files' labels exceed class ids by (1 for ADE20K's official predictions).

    Raises:
        InputError: There is no such folder.
    """

    sha256 = None

    def __init__(self, root: str, num_classes: int | None = None, label_offset: int = 0) -> None:
        super().__init__()
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            raise InputError(f"no such folder of label maps: {root}; give a folder with one PNG per image id")
        self.name = "precomputed"
        self.checkpoint = root
        self.num_classes = num_classes
        self.label_offset = label_offset

    def check_classes(self, class_names: tuple[str, ...]) -> None:
        """Compare the number of classes with the data set's, or take it from there."""
        if self.num_classes is None:
            self.num_classes = len(class_names)
        super().check_classes(class_names)

    def files(self, image_id: str) -> list[Path]:
        """Return the image's label map."""
        return [self.root / f"{image_id}.png"]

    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        """Read the image's label map.

        Raises:
            InputError: It is missing, broken, of another size, or has a label that is no class.
        """
        (path,) = self.files(image_id)
        labels = read_indices(path).long() - self.label_offset
        check_size(labels, image, path, "label map")
        if self.num_classes is None:
            raise ValueError("num_classes is not known; give it or call check_classes first")
        check_labels(labels, self.num_classes, None, path, "label map", self.label_offset)
        return labels.to(image.device)
