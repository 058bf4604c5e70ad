"""What only a GPU can show: every family of networks computes there what it computes on the CPU."""

from pathlib import Path

import pytest
import torch

from lit_samseg import Refiner
from lit_samseg.baselines import load_baseline
from lit_samseg.data.scene_generator import generate_scene
from lit_samseg.sam import load_promptable_segmenter
from tests.baselines import tiny_segmenters
from tests.baselines.tiny_oneformer import save_oneformer
from tests.sam import tiny_hub

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("kind", [*tiny_segmenters.BUILDERS, "oneformer"])
def test_baselines(kind: str, tmp_path: Path) -> None:
    folder = save_oneformer(tmp_path) if kind == "oneformer" else tiny_segmenters.save(kind, tmp_path)
    image = tiny_segmenters.random_image(90, 140)
    baseline = load_baseline(str(folder))
    expected = baseline.label_map(image, "x")
    label_map = baseline.cuda().label_map(image.cuda(), "x")
    assert label_map.device.type == "cuda"
    assert (label_map.cpu() != expected).float().mean() < 0.01


@pytest.mark.parametrize("kind", ["demo", *tiny_hub.MODELS])
def test_promptable_segmenters(kind: str, tmp_path: Path) -> None:
    if kind != "demo":
        tiny_hub.save(kind, tmp_path)
    image, labels = generate_scene(99, 3)
    labels[labels == 255] = 0
    maps = []
    for device in ("cpu", "cuda"):
        sam = load_promptable_segmenter("demo" if kind == "demo" else str(tmp_path))
        refiner = Refiner(sam, variant="points+box+mask", background=0, device=device)
        maps.append(refiner.refine(image, torch.from_numpy(labels)).label_map)
    assert (maps[0] != maps[1]).float().mean() < 0.01
