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
from lit_samseg.formats.palettes import FileLabels, colours_of
from lit_samseg.formats.reading import read_image, read_indices

ARCHIVE = "http://data.csail.mit.edu/places/ADEchallenge/ADEChallengeData2016.zip"
# As the data-set scripts of GluonCV and others have it; the organisers publish none.
ARCHIVE_SHA1 = "219e1696abb36c8ba3a3afe7fb2f4b4606a897c7"

# The first synonym of each row of objectInfo150.txt; all differ.
ADE20K_CLASSES = (
    "wall", "building", "sky", "floor", "tree", "ceiling", "road", "bed", "windowpane", "grass", "cabinet",
    "sidewalk", "person", "earth", "door", "table", "mountain", "plant", "curtain", "chair", "car", "water",
    "painting", "sofa", "shelf", "house", "sea", "mirror", "rug", "field", "armchair", "seat", "fence", "desk",
    "rock", "wardrobe", "lamp", "bathtub", "railing", "cushion", "base", "box", "column", "signboard",
    "chest of drawers", "counter", "sand", "sink", "skyscraper", "fireplace", "refrigerator", "grandstand",
    "path", "stairs",
    "runway", "case", "pool table", "pillow", "screen door", "stairway", "river", "bridge", "bookcase", "blind",
    "coffee table", "toilet", "flower", "book", "hill", "bench", "countertop", "stove", "palm", "kitchen island",
    "computer", "swivel chair", "boat", "bar", "arcade machine", "hovel", "bus", "towel", "light", "truck", "tower",
    "chandelier", "awning", "streetlight", "booth", "television", "airplane", "dirt track", "apparel", "pole",
    "land", "bannister", "escalator", "ottoman", "bottle", "buffet", "poster", "stage", "van", "ship", "fountain",
    "conveyer belt", "canopy", "washer", "plaything", "swimming pool", "stool", "barrel", "basket", "waterfall",
    "tent", "bag", "minibike", "cradle", "oven", "ball", "food", "step", "tank", "trade name", "microwave", "pot",
    "animal", "bicycle", "lake", "dishwasher", "screen", "blanket", "sculpture", "hood", "sconce", "vase",
    "traffic light", "tray", "ashcan", "fan", "pier", "crt screen", "plate", "monitor", "bulletin board", "shower",
    "radiator", "glass", "clock", "flag",
)  # fmt: skip

# The colours of the challenge's own viewer, RGB of class 0, 1, ... as hexadecimal digits.
_COLOURS = (
    "787878b4787806e6e650323204c8037878508c8c8ccc05ffe6e6e604fa07e005ffebff0796053d78784608ff33ff06528fff8cccff04"
    "ff3307cc46030066c83de6faff06330b66ffff0747ff09e00907e6dcdcdcff095c7009ff08ffd607ffe0ffb8060aff47ff290a07ffff"
    "e0ff086608ffff3d06ffc207ff7a0800ff14ff0829ff05990633ffeb0cffa0961400a3ff8c8c8cfa0a0f14ff001fff00ff1f00ffe000"
    "99ff000000ffff470000ebff00adff1f00ff0bc8c8ff520000fff5003dff00ff7000ff85ff0000ffa300ff6600c2ff00008fff33ff00"
    "0052ff00ff2900ffad0a00ffadff0000ff99ff5c00ff00ffff00f5ff0066ffad00ff0014ffb8b8001fff00ff3d0047ffff00cc00ffc2"
    "00ff52000aff0070ff3300ff00c2ff007aff00ffa3ff990000ff0aff70008fff005200ffa3ff00ffeb0008b8aa8500ff00ff5cb800ff"
    "ff001f00b8ff00d6ffff00705cff0000e0ff70e0ff46b8a0a300ff9900ff47ff00ff00a3ffcc00ff008f00ffeb85ff00ff00ebf500ff"
    "ff007afff5000abed4d6ff0000ccff1400ffffff000099ff0029ff00ffcc2900ff29ff00ad00ff00f5ff4700ff7a00ff00ffb8005cff"
    "b8ff000085ffffd60019c2c266ff005c00ff"
)  # fmt: skip

_FOLDERS = {"val": "validation", "validation": "validation", "train": "training", "training": "training"}


def ade20k_palette() -> list[int]:
    """Return ADE20K's colours, flat RGB by written index: 0 (no class) is black, class ``c`` is at ``c + 1``."""
    return [0, 0, 0, *bytes.fromhex(_COLOURS)]


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
