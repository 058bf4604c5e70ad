"""A network's identity changes with whatever changes its output, and with nothing else."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lit_samseg.baselines import HubSegmenter, MobileNetV2DeepLab, OneFormer, Precomputed, TorchvisionDeepLab
from lit_samseg.checkpoints.identity import sha256_of_settings
from lit_samseg.checkpoints.weights import DEMO_WEIGHTS
from lit_samseg.sam import HubSam, SegmentAnything
from tests.baselines import tiny_segmenters
from tests.baselines.tiny_oneformer import save_oneformer
from tests.sam import tiny_hub

KINDS: dict[str, Callable[[Path], str | None]] = {
    "segformer": lambda folder: HubSegmenter(str(folder)).identity,
    "oneformer": lambda folder: OneFormer(str(folder)).identity,
    "mobilenet_v2": lambda folder: MobileNetV2DeepLab(str(folder)).identity,
    "sam": lambda folder: HubSam(str(folder)).identity,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of each kind."""
    root = tmp_path_factory.mktemp("checkpoints")
    for kind in KINDS:
        (root / kind).mkdir()
    tiny_segmenters.save("segformer", root / "segformer")
    save_oneformer(root / "oneformer")
    tiny_hub.save("sam", root / "sam")
    shutil.copytree(DEMO_WEIGHTS / "deeplab", root / "mobilenet_v2", dirs_exist_ok=True)
    return root


@pytest.mark.parametrize("kind", KINDS)
def test_weights_and_settings_count_and_the_folders_name_does_not(kind: str, folders: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folders / kind, tmp_path / "copy"))
    before = KINDS[kind](folders / kind)
    assert before is not None
    assert KINDS[kind](copy) == before
    path = copy / "config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps(settings | {"initializer_range": 0.5}))
    changed = KINDS[kind](copy)
    assert changed != before
    with (copy / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    assert KINDS[kind](copy) not in (before, changed)


def test_options_count(folders: Path, tmp_path: Path) -> None:
    segformer, oneformer = str(folders / "segformer"), str(folders / "oneformer")
    assert len({HubSegmenter(segformer, first_class=n).identity for n in (0, 1)}) == 2
    options = ({}, {"short_side": 64}, {"long_side": 999}, {"first_class": 1})
    assert len({OneFormer(oneformer, **option).identity for option in options}) == len(options)


def test_torchvisions_size_counts(tmp_path: Path) -> None:
    from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large

    path = tmp_path / "deeplab.pth"
    model = deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4, aux_loss=False)
    torch.save(model.state_dict(), path)
    networks = [TorchvisionDeepLab("deeplabv3_mobilenet_v3_large", str(path), resize) for resize in (64, None, 64)]
    first, second, again = (network.identity for network in networks)
    assert first == again != second
    assert None not in (first, second)


def test_settings_are_all_texts_beside_the_weights(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "README.md").write_text("nothing")
    seen = {sha256_of_settings(tmp_path)}
    for name, text in (("config.json", "{}"), ("merges.txt", "a b"), ("merges.txt", "a c"), ("more.json", "{}")):
        (tmp_path / name).write_text(text)
        seen.add(sha256_of_settings(tmp_path))
    assert len(seen) == 5


def test_files_of_label_maps_may_change_and_have_none(tmp_path: Path) -> None:
    assert Precomputed(str(tmp_path)).identity is None
    assert SegmentAnything("demo").identity is not None
