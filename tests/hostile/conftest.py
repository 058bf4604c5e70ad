"""A data set of one small image, on which any file can be replaced by a hostile one."""

import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from lit_samseg.baselines import Precomputed
from lit_samseg.data import VOC2012, Folder
from lit_samseg.data.sample import Sample
from tests.conftest import Outcome, RunCli, made_once, run_quietly, save_indices

HEIGHT, WIDTH = 24, 40

Counts = dict[str, list[object]]


class Tiny(NamedTuple):
    """Where the files of the one image lie; the words run a test on them."""

    root: Path
    coarse: Path
    out: Path

    @property
    def base(self) -> Path:
        return self.root / "VOCdevkit" / "VOC2012"

    @property
    def image(self) -> Path:
        return self.base / "JPEGImages" / "a.jpg"

    @property
    def mask(self) -> Path:
        return self.base / "SegmentationClass" / "a.png"

    @property
    def listing(self) -> Path:
        return self.base / "ImageSets/Segmentation/val.txt"

    @property
    def label_map(self) -> Path:
        return self.coarse / "a.png"

    def words(self) -> list[object]:
        return [
            "test", "--data=lit_samseg.data.VOC2012", f"--data.root={self.root}", *self.model_words(),
        ]  # fmt: skip

    def folder_words(self) -> list[object]:
        """The same files as a data set of one's own."""
        return [
            "test", "--data=lit_samseg.data.Folder", f"--data.images={self.image.parent}",
            f"--data.masks={self.mask.parent}", "--data.num_classes=21", "--data.background=0", *self.model_words(),
        ]  # fmt: skip

    def model_words(self) -> list[object]:
        return [
            "--data.num_workers=0", "--model=lit_samseg.module.SamSegEvaluation",
            "--model.baseline=lit_samseg.baselines.Precomputed", f"--model.baseline.root={self.coarse}",
            "--model.sam=lit_samseg.sam.SegmentAnything", "--model.sam.checkpoint=demo", "--model.variants=[box]",
            "--model.analysis=false", "--gallery=false", "--report=false", "--trainer.accelerator=cpu",
            f"--output_dir={self.out}",
        ]  # fmt: skip

    def sample(self, **options: Any) -> Sample:
        """Return the image and its ground truth as a run reads them."""
        data = VOC2012(str(self.root), num_workers=0, **options)
        data.setup("test")
        (image_id,) = data.ids
        return data.read(image_id, with_target=True)

    def folder(self, **options: Any) -> Folder:
        """Return the same files as a data set of one's own, before its setup."""
        return Folder(
            str(self.image.parent), str(self.mask.parent), num_classes=21, background=0, num_workers=0, **options
        )

    def folder_sample(self) -> Sample:
        """Return what a data set of one's own reads."""
        data = self.folder()
        data.setup("test")
        return data.read("a", with_target=True)

    def baselines_labels(self) -> Tensor:
        """Return the label map as a run reads it."""
        baseline = Precomputed(str(self.coarse))
        baseline.check_classes(VOC2012.class_names)
        baseline.compare_files(["a"])
        return baseline.label_map(torch.from_numpy(pixels()).permute(2, 0, 1), "a")

    def counts(self) -> Counts:
        """What the last run counted: pixels by image, row and pair of classes."""
        with np.load(self.out / "counts.npz") as file:
            return {name: file[name].tolist() for name in file.files}


def mostly_slow(cases: Iterable[str], quick: Sequence[str]) -> list[Any]:
    """Leave cases out of the default suite that differ from the quick ones in what the reader alone is tested with."""
    known = list(cases)
    assert set(quick) <= set(known)
    return [pytest.param(case, marks=[] if case in quick else pytest.mark.slow) for case in known]


def pixels() -> np.ndarray:
    """The image: two halves with a little structure, uint8 [H, W, 3]."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    left = columns < WIDTH // 2
    return np.stack([np.where(left, 40, 200), rows * 9, columns * 6], axis=2).astype(np.uint8)


def labels() -> np.ndarray:
    """Its ground truth: class 3 on the left, background on the right, a column of void between."""
    target = np.zeros((HEIGHT, WIDTH), np.uint8)
    target[:, : WIDTH // 2] = 3
    target[:, WIDTH // 2] = 255
    return target


def encoded(picture: Image.Image, kind: str, frames: Sequence[Image.Image] = (), **options: object) -> bytes:
    """Return the bytes of a picture file, with more frames behind it where there are some."""
    file = io.BytesIO()
    if frames:
        options |= {"save_all": True, "append_images": [frame.copy() for frame in frames]}
    # Copies: Pillow leaves options of one format on a picture.
    picture.copy().save(file, kind, **options)
    return file.getvalue()


def tiny_in(folder: Path) -> Tiny:
    """Return what `make_tiny` has written into a folder."""
    return Tiny(folder / "data", folder / "coarse", folder / "out")


def make_tiny(folder: Path) -> Tiny:
    """Write the data set below ``folder``."""
    tiny = tiny_in(folder)
    for path in (tiny.image, tiny.mask, tiny.listing, tiny.label_map):
        path.parent.mkdir(parents=True)
    Image.fromarray(pixels()).save(tiny.image, "PNG")
    save_indices(tiny.mask, labels())
    tiny.listing.write_text("a\n")
    coarse = np.zeros((HEIGHT, WIDTH), np.uint8)
    coarse[4:, :16] = 3
    save_indices(tiny.label_map, coarse)
    return tiny


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    return make_tiny(tmp_path)


@pytest.fixture(scope="session")
def plain_counts(tmp_path_factory: pytest.TempPathFactory) -> Counts:
    """What a run over the data set counts as it is."""
    folder = made_once(
        tmp_path_factory, "plain_counts", lambda folder: run_quietly(*make_tiny(folder).words()) and None
    )
    return tiny_in(folder).counts()


Refused = Callable[..., Outcome]


@pytest.fixture
def refused(run_cli: RunCli) -> Refused:
    """Run, and check that it ends with code 2 and one line that holds every part."""

    def run(words: list[object], *parts: object) -> Outcome:
        outcome = run_cli(*words)
        assert outcome.code == 2, (outcome.code, outcome.err)
        assert "Traceback" not in outcome.err
        (line,) = [x for x in outcome.err.splitlines() if x.startswith(("lit-samseg: error:", "error:"))]
        assert line == outcome.err.splitlines()[-1]
        assert line.isprintable()
        for part in parts:
            assert str(part) in line
        return outcome

    return run
