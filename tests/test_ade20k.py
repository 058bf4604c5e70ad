"""The experiment on real ADE20K images: label maps coarsened from the ground truth, refined by MobileSAM."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from lit_samseg.baselines import Precomputed
from lit_samseg.data import ADE20K
from lit_samseg.refine import PAPER_VARIANTS, ImageContext, Region, find_regions, parse_variants, refine
from lit_samseg.refine.region_finders import WholeClass
from lit_samseg.refine.regions import Grouping
from lit_samseg.sam import Embedding, SegmentAnything
from tests.conftest import PROJECT, SHARED
from tests.recomputation import read_predictions, recompute, results_of

pytestmark = pytest.mark.real

TRUTH = SHARED / "data/ADEChallengeData2016/annotations/validation"
SMALL = ["ADE_val_00001349", "ADE_val_00001599", "ADE_val_00001996"]
BLOCK = 16


def coarsen(labels: np.ndarray) -> np.ndarray:
    """Give each block of 16 x 16 pixels its commonest class (file values; 1 where a block has none)."""
    coarse = np.ones_like(labels)
    for y in range(0, labels.shape[0], BLOCK):
        for x in range(0, labels.shape[1], BLOCK):
            inside = labels[y : y + BLOCK, x : x + BLOCK]
            if inside.any():
                coarse[y : y + BLOCK, x : x + BLOCK] = np.bincount(inside[inside > 0]).argmax()
    return coarse


@pytest.fixture(scope="module")
def coarse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coarse")
    for path in TRUTH.glob("*.png"):
        Image.fromarray(coarsen(np.array(Image.open(path)))).save(folder / path.name)
    return folder


# By default `tests/test_plain_loop.py` compares rows on real images.
@pytest.mark.slow
@pytest.mark.parametrize("ids", [SMALL[:2], None], ids=["two", "all"])
def test_six_rows_with_bounded_memory(ids: list[str] | None, coarse: Path, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("\n".join(ids or [path.stem for path in TRUTH.glob("*.png")]))
    # A process of its own, for its peak memory.
    command = [
        sys.executable,
        "-m",
        "lit_samseg",
        "test",
        "--config",
        PROJECT / "configs/ade20k_precomputed_mobilesam.yaml",
    ]
    options = {
        "data.root": SHARED / "data",
        "data.ids": tmp_path / "ids.txt",
        "model.baseline.root": coarse,
        "model.sam.checkpoint": SHARED / "weights/mobile_sam.pt",
        "model.variants": f"[{', '.join(PAPER_VARIANTS)}]",
        "model.save_predictions": "true",
        "trainer.accelerator": "cpu",
        "output_dir": tmp_path / "out",
    }
    words = [str(word) for word in command] + [f"--{name}={value}" for name, value in options.items()]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    results = results_of(tmp_path / "out")
    assert [row["name"] for row in results["rows"]] == ["baseline", *PAPER_VARIANTS]
    assert results["dataset"]["ids"] == sorted(ids or [path.stem for path in TRUTH.glob("*.png")])
    assert results["peak_memory_mb"]["cpu"] < 3000
    truths = {i: np.array(Image.open(TRUTH / f"{i}.png")) for i in results["dataset"]["ids"]}
    # As class ids with 255 for void, by plain arithmetic on wide integers.
    targets = {i: np.where(truth == 0, 255, truth.astype(int) - 1) for i, truth in truths.items()}
    seen = set()
    for row in results["rows"]:
        maps = {i: m.astype(int) - 1 for i, m in read_predictions(tmp_path / "out/predictions" / row["name"]).items()}
        for name, value in recompute(maps, targets, 150).items():
            assert row[name] == pytest.approx(value, abs=1e-6)
        for image_id, labels in maps.items():
            # Nothing is background: what no mask claims keeps the baseline's class, so no class is ever invented.
            assert set(np.unique(labels)) <= set(np.unique(np.array(Image.open(coarse / f"{image_id}.png")) - 1))
        seen.add(row["miou"])
    assert len(seen) == 6


class Ordered(ImageContext):
    """An image whose regions come in a given order."""

    def __init__(
        self, image: Tensor, label_map: Tensor, sam: SegmentAnything, embedding: Embedding, order: list[Region]
    ) -> None:
        super().__init__(image, label_map, sam)
        self.embedding, self.order = embedding, order

    def regions(self, finder: Grouping) -> list[Region]:
        return self.order


@pytest.mark.parametrize(
    ("ids", "variants"),
    [(SMALL[1:2], ["box", "points+box+mask"]), pytest.param(None, PAPER_VARIANTS, marks=pytest.mark.slow)],
    ids=["one", "all"],
)
def test_the_order_of_classes_changes_nothing(ids: list[str] | None, variants: list[str], coarse: Path) -> None:
    data = ADE20K(str(SHARED / "data"))
    sam = SegmentAnything(str(SHARED / "weights/mobile_sam.pt"))
    baseline = Precomputed(str(coarse), num_classes=150, label_offset=1)
    for image_id in ids or [path.stem for path in sorted(TRUTH.glob("*.png"))]:
        image = data.read(image_id, with_target=False).image
        label_map = baseline.label_map(image, image_id)
        embedding = sam.encode([image])[0]
        regions = find_regions(label_map, WholeClass(), None)
        assert len(regions) >= 3
        shuffled = random.Random(0).sample(regions, len(regions))
        for variant in parse_variants(variants, has_background=False):
            expected = refine(Ordered(image, label_map, sam, embedding, regions), variant)
            assert not expected.equal(label_map)
            for order in (regions[::-1], shuffled):
                assert refine(Ordered(image, label_map, sam, embedding, order), variant).equal(expected)
