"""ADE20K as in the scene parsing challenge of 2016 (SceneParse150; Zhou et al., 2017), the official layout."""

import shutil
import tempfile
import zipfile
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock
from torch import Tensor

from lit_samseg.checkpoints.download import fetch
from lit_samseg.data.datamodule import SegmentationDataModule
from lit_samseg.data.sample import Sample
from lit_samseg.data.targets import check_size, to_target
from lit_samseg.errors import InputError
from lit_samseg.formats.palettes import FileLabels, colours_of, hex_palette
from lit_samseg.formats.published import ADE20K_CLASSES, ADE20K_COLOURS
from lit_samseg.formats.reading import read_image, read_indices

ARCHIVE = "http://data.csail.mit.edu/places/ADEchallenge/ADEChallengeData2016.zip"
# As the data-set scripts of GluonCV and others have it; the organisers publish none.
ARCHIVE_SHA1 = "219e1696abb36c8ba3a3afe7fb2f4b4606a897c7"

_FOLDERS = {"val": "validation", "validation": "validation", "train": "training", "training": "training"}


def ade20k_palette() -> list[int]:
    """Return ADE20K's colours, flat RGB by written index: 0 (no class) is black, class ``c`` is at ``c + 1``."""
    return [0, 0, 0, *hex_palette(ADE20K_COLOURS)]


class ADE20K(SegmentationDataModule):
    """ADE20K's 150 scene-parsing classes; no background, void 255.

    Files have 0 for pixels without a class and class ``c`` as ``c + 1``; predictions are written like that too.

    Args:
        root: The folder that holds ``ADEChallengeData2016``, or that folder itself.
        split: ``val`` or ``train``.
        download: Fetch the official archive (1 GB) into ``root`` and unpack it when the data are not there.
        options: Those of every data set (`SegmentationDataModule`).

    Raises:
        InputError: There is no such split.
    """

    name = "ade20k"
    class_names = ADE20K_CLASSES
    label_offset = 1
    palette = ade20k_palette()

    def __init__(
        self,
        root: str = "data",
        split: str = "val",
        download: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(split, **options)
        for chosen in (split, self.training.split):
            if chosen not in _FOLDERS:
                raise InputError(f"ade20k: no split {chosen!r}; there are val and train")
        self.root = Path(root).expanduser()
        self.download = download

    @property
    def file_labels(self) -> FileLabels:
        """1 to 150, and 0 for void; the official files are grey."""
        return FileLabels(range(self.label_offset + self.num_classes), colours_of(self.palette), void=0)

    def prepare_data(self) -> None:
        """Download and unpack the archive where asked to (on one process)."""
        if not self.download or self.pictures is not None or self._find_base() is not None:
            return
        there = self.root / "ADEChallengeData2016"
        if there.exists():
            raise InputError(f"{there} is there, but has no images and annotations; move it away or complete it")
        archive = fetch(ARCHIVE, self.root / "ADEChallengeData2016.zip", f"sha1:{ARCHIVE_SHA1}", "ADE20K archive")
        # Several nodes may share the folder.
        with FileLock(f"{archive}.lock"):
            if self._find_base() is None:
                unpack(archive, self.root)

    def _find_base(self) -> Path | None:
        for base in (self.root / "ADEChallengeData2016", self.root):
            if (base / "images").is_dir() and (base / "annotations").is_dir():
                return base
        return None

    @cached_property
    def base(self) -> Path:
        """The folder ``ADEChallengeData2016``.

        Raises:
            InputError: It is not below ``root``.
        """
        base = self._find_base()
        if base is None:
            what = "has no ADEChallengeData2016 with images and annotations" if self.root.is_dir() else "does not exist"
            raise InputError(
                f"data.root {self.root} {what}; give the folder that holds it, or set --data.download true"
            )
        return base

    def _folder(self, kind: str) -> Path:
        return self.base / kind / _FOLDERS[self.split]

    def find_ids(self) -> list[str]:
        """Return the names of the split's pictures."""
        ids = sorted(path.stem for path in self._folder("images").glob("*.jpg"))
        if not ids:
            raise InputError(f"ade20k: no picture in {self._folder('images')}; the split {self.split!r} is empty")
        return ids

    def files(self, image_id: str, with_target: bool) -> list[Path]:
        """Return the JPEG and, where the ground truth is wanted, the PNG."""
        paths = [self._folder("images") / f"{image_id}.jpg"]
        return [*paths, self._folder("annotations") / f"{image_id}.png"] if with_target else paths

    def read(self, image_id: str, with_target: bool) -> Sample:
        """Read one sample; the ground truth keeps its size, and 0 becomes void (SPEC 2; FIELD's D6)."""
        image_path, *target_path = self.files(image_id, with_target)
        image = read_image(image_path)
        if not target_path:
            return Sample(image_id, image, None)
        target = self.read_target(image_id)
        check_size(target, image, target_path[0], "ground truth")
        return Sample(image_id, image, target)

    def read_target(self, image_id: str) -> Tensor:
        """Read one ground truth."""
        path = self.files(image_id, with_target=True)[1]
        labels = read_indices(path, "ground truth", labels=self.file_labels)
        return to_target(labels, self.num_classes, self.label_offset, 0, self.ignore_index, path)


def unpack(archive: Path, root: Path) -> None:
    """Unpack ADE20K's archive into ``root``; the folder gets its final name when it is whole.

    Raises:
        InputError: The archive is broken, or holds something else.
    """
    folders = [f"{kind}/{part}" for kind in ("images", "annotations") for part in ("training", "validation")]
    with tempfile.TemporaryDirectory(dir=root, prefix=".unpacking") as draft:
        try:
            shutil.unpack_archive(archive, draft, "zip")
        except (zipfile.BadZipFile, shutil.ReadError, EOFError) as error:
            raise InputError(f"{archive} is broken ({error}); delete it and run again") from error
        base = Path(draft, "ADEChallengeData2016")
        missing = [folder for folder in folders if not (base / folder).is_dir()]
        if missing:
            raise InputError(f"{archive} is not ADE20K's archive: it has no ADEChallengeData2016/{missing[0]}")
        base.rename(root / "ADEChallengeData2016")
