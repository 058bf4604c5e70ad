"""What only a GPU can show: every family of networks computes there what it computes on the CPU."""

from pathlib import Path

import pytest
import torch

from lit_samseg import Refiner
from lit_samseg.baselines import load_baseline
from lit_samseg.concepts import BoxesByText, HubConcepts
from lit_samseg.data.scene_generator import generate_scene
from lit_samseg.sam import HubSam, load_promptable_segmenter
from tests.baselines import tiny_segmenters
from tests.baselines.tiny_oneformer import save_oneformer
from tests.concepts import tiny_text_prompted
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


@pytest.mark.parametrize("kind", tiny_text_prompted.MODELS)
def test_text_prompted_segmenters(kind: str, tmp_path: Path) -> None:
    """Several phrases at once there, each alone here; texts that were read on the CPU are taken along."""
    folder = str(tiny_text_prompted.save(kind, tmp_path / "own"))
    if kind in ("grounding-dino", "owlv2"):
        tiny_hub.save("sam", tmp_path / "sam")
        concepts: BoxesByText | HubConcepts = BoxesByText(folder, HubSam(str(tmp_path / "sam")))
    else:
        concepts = HubConcepts(folder)
    image = tiny_text_prompted.picture(40, 61)
    phrases = ["cat", "a dog", "thing 7", "zebra crossing"]
    expected = concepts.segment(concepts.encode(image), phrases)
    said = concepts.cuda().segment(concepts.encode(image.cuda()), phrases)
    assert said.presence.device.type == said.evidence().device.type == "cuda"
    torch.testing.assert_close(said.presence.cpu(), expected.presence, atol=1e-2, rtol=0)
    assert (said.evidence().cpu() - expected.evidence()).abs().mean() < 0.01
