"""The VOC DataModule on a small folder in VOC's layout, and on the real one."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import VOCSegmentation

from lit_samseg.data import VOC2012, Sample
from lit_samseg.data.voc import VOC_CLASSES
from lit_samseg.errors import InputError
from lit_samseg.formats.palettes import voc_palette
from tests.conftest import SHARED, SmallVoc


def load(data: VOC2012) -> list[Sample]:
    data.setup("test")
    return [sample for batch in data.test_dataloader() for sample in batch]


def test_root_may_be_any_of_three_folders(small_voc: SmallVoc) -> None:
    for root in (small_voc.root, small_voc.root / "VOCdevkit", small_voc.base):
        data = VOC2012(str(root), num_workers=0)
        data.setup("test")
        assert data.ids == small_voc.ids


def test_samples_are_what_the_files_hold(small_voc: SmallVoc) -> None:
    samples = load(VOC2012(str(small_voc.root), batch_size=3, num_workers=0))
    assert [s.id for s in samples] == small_voc.ids
    for sample in samples:
        image = Image.open(small_voc.base / "JPEGImages" / f"{sample.id}.jpg")
        indices = Image.open(small_voc.base / "SegmentationClass" / f"{sample.id}.png")
        assert sample.image.dtype == torch.uint8
        assert np.array_equal(sample.image.permute(1, 2, 0).numpy(), np.array(image))
        assert sample.target is not None
        assert np.array_equal(sample.target.numpy(), np.array(indices))
        assert 255 in sample.target
    assert len({s.image.shape for s in samples}) > 1


def test_workers_give_the_same_as_none(small_voc: SmallVoc) -> None:
    alone = load(VOC2012(str(small_voc.root), num_workers=0))
    shared = load(VOC2012(str(small_voc.root), num_workers=2, batch_size=2))
    for a, b in zip(alone, shared, strict=True):
        assert a.id == b.id
        assert torch.equal(a.image, b.image)


def test_ids_file_and_subset(small_voc: SmallVoc, tmp_path: Path) -> None:
    listing = tmp_path / "ids.txt"
    listing.write_text("2007_000003\n2007_000001\n")
    data = VOC2012(str(small_voc.root), ids=str(listing), num_workers=0)
    assert [(s.position, s.id) for s in load(data)] == [(0, "2007_000001"), (1, "2007_000003")]
    with pytest.raises(InputError, match="exclude each other"):
        VOC2012(str(small_voc.root), ids=str(listing), subset=1)


def test_predict_needs_no_ground_truth(small_voc: SmallVoc) -> None:
    for path in (small_voc.base / "SegmentationClass").iterdir():
        path.unlink()
    data = VOC2012(str(small_voc.root), num_workers=0)
    data.setup("predict")
    assert [s.target for batch in data.predict_dataloader() for s in batch] == [None] * 4
    with pytest.raises(InputError, match="4 of 4 listed images have no file"):
        data.setup("test")


def test_processes_share_the_images_without_repeats(small_voc: SmallVoc) -> None:
    on_cpu = SimpleNamespace(root_device=torch.device("cpu"))
    seen = []
    for rank in range(3):
        data = VOC2012(str(small_voc.root), num_workers=0)
        data.trainer = SimpleNamespace(world_size=3, global_rank=rank, strategy=on_cpu)  # type: ignore[assignment]
        seen += [(s.position, s.id) for s in load(data)]
    assert sorted(seen) == list(enumerate(small_voc.ids))


def test_palette_is_the_official_one() -> None:
    palette = np.array(voc_palette()).reshape(256, 3)
    named = {
        0: (0, 0, 0),
        1: (128, 0, 0),
        15: (192, 128, 128),
        20: (0, 64, 128),
        255: (224, 224, 192),
    }
    for index, colour in named.items():
        assert tuple(palette[index]) == colour
    assert len(VOC_CLASSES) == 21


@pytest.mark.real
def test_real_files_are_read_as_torchvision_reads_them() -> None:
    root = SHARED / "data"
    ours = VOC2012(str(root), subset=5, num_workers=0)
    samples = load(ours)
    theirs = VOCSegmentation(str(root), year="2012", image_set="val")
    places = {Path(p).stem: n for n, p in enumerate(theirs.images)}
    for sample in samples:
        image, target = theirs[places[sample.id]]
        assert np.array_equal(sample.image.permute(1, 2, 0).numpy(), np.array(image))
        assert sample.target is not None
        assert np.array_equal(sample.target.numpy(), np.array(target))


@pytest.mark.real
def test_real_palette_is_ours() -> None:
    path = SHARED / "data/VOCdevkit/VOC2012/SegmentationClass/2007_000033.png"
    palette = Image.open(path).getpalette()
    assert palette is not None
    assert palette == voc_palette()[: len(palette)]


def test_download_is_left_to_torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def no_network(root: str, **options: object) -> None:
        asked.append((root, options))
        raise OSError("unreachable")

    monkeypatch.setattr("torchvision.datasets.VOCSegmentation", no_network)
    with pytest.raises(InputError, match=r"unreachable.*VOCtrainval"):
        VOC2012(str(tmp_path), download=True).prepare_data()
    assert asked == [(str(tmp_path), {"year": "2012", "image_set": "val", "download": True})]
    VOC2012(str(tmp_path)).prepare_data()
    assert len(asked) == 1
