"""Segmenters with logits per pixel: pixels by hand, label maps against the library's own post-processing."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
import transformers as hf
from torchvision.transforms.v2 import functional as tv

from lit_samseg.baselines import HubSegmenter
from tests.baselines.tiny_segmenters import CLASSES, SIDE, random_image, save

SIZES = [(45, 70), (71, 43), (64, 64), (1, 9), (200, 131)]


class Way(NamedTuple):
    """How an architecture's tiny processor prepares images, from the settings in ``tiny_segmenters``."""

    network: type
    filter: tv.InterpolationMode
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    shortest: int | None = None
    bgr: bool = False


IMAGENET: dict[str, Any] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
LINEAR, CUBIC = tv.InterpolationMode.BILINEAR, tv.InterpolationMode.BICUBIC
RAW: dict[str, Any] = {"mean": (0, 0, 0), "std": (1, 1, 1), "shortest": 72, "bgr": True}
WAYS = {
    "beit": Way(hf.BeitForSemanticSegmentation, CUBIC),
    "data2vec-vision": Way(hf.Data2VecVisionForSemanticSegmentation, CUBIC),
    "dpt": Way(hf.DPTForSemanticSegmentation, CUBIC),
    "mobilevit": Way(hf.MobileViTForSemanticSegmentation, CUBIC, **RAW),
    "mobilevitv2": Way(hf.MobileViTV2ForSemanticSegmentation, CUBIC, **RAW),
    "segformer": Way(hf.SegformerForSemanticSegmentation, LINEAR, **IMAGENET),
    "upernet": Way(hf.UperNetForSemanticSegmentation, LINEAR, **IMAGENET),
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


# One of each way to prepare an image. Of the others, dpt is read in test_hub_bad_input and upernet in
# tests/finetune/test_segmenters.py.
QUICK = ("beit", "mobilevit", "segformer")
KINDS = [pytest.param(kind, marks=[] if kind in QUICK else pytest.mark.slow) for kind in sorted(WAYS)]


@pytest.fixture(scope="module", params=KINDS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(request.param, tmp_path_factory.mktemp("hub") / request.param)


def pixels_by_hand(way: Way, image: torch.Tensor) -> torch.Tensor:
    """The whole image, at the square that the network wants or at MobileViT's scale; never a part of it."""
    height, width = image.shape[1:]
    size = [SIDE, SIDE]
    if way.shortest is not None:
        short, long = way.shortest, int(way.shortest * max(height, width) / min(height, width))
        if long > 4 * way.shortest:  # 1 x 9 is the only one.
            short, long = 32, 288
        size = [short, long] if height <= width else [long, short]
    small = tv.resize(image, size, interpolation=way.filter, antialias=True).float() / 255
    pixels = (small - torch.tensor(way.mean)[:, None, None]) / torch.tensor(way.std)[:, None, None]
    return (pixels.flip(0) if way.bgr else pixels)[None]


def test_maps_are_the_librarys(folder: Path) -> None:
    """On the whole image: the library's processors crop (BEiT here, MobileViT) or give DPT what it cannot take."""
    way = WAYS[folder.name]
    network = way.network.from_pretrained(folder).eval()  # type: ignore[attr-defined]
    post_process = hf.AutoImageProcessor.from_pretrained(folder).post_process_semantic_segmentation
    baseline = HubSegmenter(str(folder))
    seen: list[torch.Tensor] = []
    baseline.model.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["pixel_values"]), with_kwargs=True
    )
    classes = set()
    alone = {}
    for height, width in SIZES:
        image = random_image(height, width)
        pixels = pixels_by_hand(way, image)
        with torch.no_grad():
            logits = network(pixels).logits
        (expected,) = post_process(SimpleNamespace(logits=logits), target_sizes=[(height, width)])
        labels = alone[height, width] = baseline.label_map(image, "x")
        torch.testing.assert_close(seen[-1], pixels, atol=2e-6, rtol=0)
        assert labels.dtype == torch.int64
        assert labels.shape == (height, width)
        # Float ties: pixels are rounded differently where scaling and normalising are one step.
        assert (labels != expected).sum() <= 2
        same, seen_logits = baseline.predict(image, "x")
        assert torch.equal(same, labels)
        # Rounding goes with the largest, which is 0.001 for one of these random networks and 600 for another.
        assert (seen_logits - logits[0]).abs().max() < 5e-5 * logits.abs().max()
        classes |= set(labels.unique().tolist())
    assert len(classes) > 1
    # Nothing is left behind by images of other sizes.
    again = HubSegmenter(str(folder))
    for height, width in reversed(SIZES):
        assert torch.equal(again.label_map(random_image(height, width), "x"), alone[height, width])


def test_classes_below_the_first_are_never_predicted(folder: Path) -> None:
    image = random_image(45, 70)
    way = WAYS[folder.name]
    network = way.network.from_pretrained(folder).eval()  # type: ignore[attr-defined]
    with torch.no_grad():
        logits = network(pixels_by_hand(way, image)).logits[:, 2:]
    expected = torch.nn.functional.interpolate(logits, (45, 70), mode="bilinear")[0].argmax(0)
    baseline = HubSegmenter(str(folder), first_class=2)
    assert baseline.num_classes == len(CLASSES) - 2
    assert baseline.class_names == CLASSES[2:]
    assert (baseline.label_map(image, "x") != expected).sum() <= 2
    assert torch.allclose(baseline.predict(image, "x")[1], logits[0], rtol=0, atol=5e-5 * float(logits.abs().max()))


def test_facts(folder: Path) -> None:
    baseline = HubSegmenter(str(folder))
    assert baseline.name == folder.name
    assert baseline.checkpoint == str(folder)
    assert baseline.processor.endswith("ImageProcessor")
    assert baseline.num_classes == len(CLASSES)
    assert baseline.class_names == CLASSES
    assert baseline.sha256 is not None
    assert len(baseline.sha256) == 64
    assert not any(p.requires_grad for p in baseline.parameters())
    assert not any(module.training for module in baseline.model.modules())
    baseline.check_classes(CLASSES)


def test_pillows_processors_are_taken_where_there_is_no_torchvision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They resize with Pillow: nearly the same pixels."""
    folder = save("segformer", tmp_path)
    with_torchvision = HubSegmenter(str(folder)).label_map(random_image(45, 70), "x")
    load = hf.AutoImageProcessor.from_pretrained
    monkeypatch.setattr(hf.AutoImageProcessor, "from_pretrained", lambda *a, **k: load(*a, backend="pil", **k))
    baseline = HubSegmenter(str(folder))
    assert baseline.processor == "SegformerImageProcessorPil"
    assert (baseline.label_map(random_image(45, 70), "x") == with_torchvision).double().mean() > 0.99


OLD: dict[str, dict[str, Any]] = {
    "beit": {"feature_extractor_type": "BeitFeatureExtractor", "size": SIDE, "crop_size": SIDE, "do_center_crop": True},
    "dpt": {"feature_extractor_type": "DPTFeatureExtractor", "size": SIDE, "ensure_multiple_of": 32},
    "maskformer": {
        "feature_extractor_type": "MaskFormerFeatureExtractor",
        "size": SIDE,
        "max_size": 256,
        "size_divisibility": 32,
    },
    "mobilevit": {"feature_extractor_type": "MobileViTFeatureExtractor", "size": 72, "crop_size": SIDE},
    "segformer": {"feature_extractor_type": "SegformerFeatureExtractor", "size": SIDE},
}


@pytest.mark.parametrize("kind", sorted(OLD))
def test_settings_as_older_releases_wrote_them(tmp_path: Path, kind: str) -> None:
    """The hub is full of them."""
    folder = save(kind, tmp_path)
    image = random_image(45, 70)
    expected = HubSegmenter(str(folder)).label_map(image, "x")
    path = folder / "preprocessor_config.json"
    settings = json.loads(path.read_text())
    for key in ("image_processor_type", "do_reduce_labels", "do_rescale", "rescale_factor"):
        settings.pop(key, None)
    path.write_text(json.dumps(settings | OLD[kind] | {"reduce_labels": True}))
    assert torch.equal(HubSegmenter(str(folder)).label_map(image, "x"), expected)


def test_a_closer_look_is_at_a_larger_input(tmp_path: Path) -> None:
    folder, image = save("segformer", tmp_path / "segformer"), random_image(45, 70)
    baseline = HubSegmenter(str(folder))
    pixels = torch.nn.functional.interpolate(
        pixels_by_hand(WAYS["segformer"], image), (2 * SIDE, 2 * SIDE), mode="bilinear"
    )
    network = hf.SegformerForSemanticSegmentation.from_pretrained(folder).eval()
    with torch.no_grad():
        expected = network(pixel_values=pixels).logits[0]
    closer = baseline.look_closer(image, 2.0)
    assert closer is not None
    torch.testing.assert_close(closer, expected, atol=1e-4, rtol=1e-4)
    assert closer.shape[1:] == (2 * SIDE // 4, 2 * SIDE // 4)
    # The network's own scores have half as many cells.
    assert baseline.predict(image, "")[1].shape[1:] == (SIDE // 4, SIDE // 4)


def test_a_network_for_inputs_of_one_size_does_not_look_closer(tmp_path: Path) -> None:
    baseline = HubSegmenter(str(save("beit", tmp_path / "beit")))
    assert baseline.look_closer(random_image(45, 70), 1.5) is None
