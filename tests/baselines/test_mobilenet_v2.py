"""DeepLabV3-MobileNetV2: the evaluation preprocessing, step by step, and bad checkpoints."""

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch.nn import functional as F
from transformers import MobileNetV2Config, MobileNetV2ForSemanticSegmentation

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.errors import InputError

CANVAS = 65
GOOD_CONFIG = {"model_type": "mobilenet_v2", "image_size": CANVAS, "output_stride": 16}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random network, saved as the hub would."""
    torch.manual_seed(0)
    config = MobileNetV2Config(
        depth_multiplier=0.1,
        image_size=CANVAS,
        num_labels=5,
        output_stride=16,
        tf_padding=True,
        finegrained_output=True,
    )
    path = tmp_path_factory.mktemp("deeplab")
    MobileNetV2ForSemanticSegmentation(config).save_pretrained(path)
    return path


def random_image(height: int, width: int) -> torch.Tensor:
    numbers = torch.Generator().manual_seed(height * 1000 + width)
    return torch.randint(0, 256, (3, height, width), generator=numbers, dtype=torch.uint8)


@pytest.mark.parametrize(("height", "width"), [(40, 65), (65, 65), (1, 9), (33, 20)])
def test_logits_follow_the_published_evaluation(folder: Path, height: int, width: int) -> None:
    image = random_image(height, width)
    baseline = MobileNetV2DeepLab(str(folder))
    network = MobileNetV2ForSemanticSegmentation.from_pretrained(folder).eval()
    canvas = torch.zeros(1, 3, CANVAS, CANVAS)
    canvas[0, :, :height, :width] = image.double().div(127.5).sub(1).float()
    with torch.no_grad():
        fine = F.interpolate(network(canvas).logits, (CANVAS, CANVAS), mode="bilinear", align_corners=True)
    expected = fine[0, :, :height, :width]
    torch.testing.assert_close(baseline.logits(image), expected, atol=1e-5, rtol=1e-4)
    assert torch.equal(baseline.label_map(image, "x"), baseline.logits(image).argmax(0))


def test_larger_images_are_scaled_to_fit_and_back(folder: Path) -> None:
    baseline = MobileNetV2DeepLab(str(folder))
    # A constant picture stays constant under scaling, so both sizes see the same canvas.
    colour = torch.tensor([200, 20, 90], dtype=torch.uint8)[:, None, None]
    large, small = colour.expand(3, 130, 100), colour.expand(3, 65, 50)
    logits = baseline.logits(large)
    assert logits.shape == (5, 130, 100)
    expected = F.interpolate(baseline.logits(small)[None], (130, 100), mode="bilinear")[0]
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-3)


def test_channels_are_rgb(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FIELD's D9: a pure red image has its 255 in the first channel."""
    baseline = MobileNetV2DeepLab(str(folder))
    seen = []

    def spy(module: object, args: object, kwargs: dict[str, torch.Tensor]) -> None:
        seen.append(kwargs["pixel_values"])

    baseline.model.register_forward_pre_hook(spy, with_kwargs=True)
    red = torch.zeros(3, 4, 4, dtype=torch.uint8)
    red[0] = 255
    baseline.logits(red)
    assert seen[0][0, :, 0, 0].tolist() == [1, -1, -1]
    assert seen[0][0, :, 10, 10].tolist() == [0, 0, 0]


def test_facts(folder: Path) -> None:
    baseline = MobileNetV2DeepLab(str(folder))
    assert baseline.num_classes == 5
    assert baseline.class_names is None
    assert baseline.sha256 is not None
    assert len(baseline.sha256) == 64
    assert not any(p.requires_grad for p in baseline.parameters())
    with pytest.raises(InputError, match="predicts 5 classes, the data set has 3"):
        baseline.check_classes(("a", "b", "c"))


def test_an_order_of_classes_that_differs_is_an_error() -> None:
    demo = MobileNetV2DeepLab("demo")
    assert demo.class_names is not None
    demo.check_classes(demo.class_names)
    shifted = (*demo.class_names[1:], demo.class_names[0])
    with pytest.raises(InputError, match="the orders differ"):
        demo.check_classes(shifted)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        (None, "no .*config.json"),
        ("not json", "is not JSON"),
        (json.dumps({"model_type": "segformer"}), "describes 'segformer'"),
        (json.dumps([1]), "names no model_type"),
        (json.dumps({"model_type": "mobilenet_v2", "output_stride": 16}), "has image_size None"),
        (json.dumps({"model_type": "mobilenet_v2", "image_size": 65}), "has output_stride None"),
        (json.dumps(GOOD_CONFIG | {"image_size": [65, 65]}), "has image_size"),
        (json.dumps(GOOD_CONFIG | {"id2label": {"1": "a", "2": "b"}}), "cannot be used"),
        (json.dumps(GOOD_CONFIG), "no such weight file"),
    ],
)
def test_unusable_folders(tmp_path: Path, config: str | None, complaint: str) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(InputError, match=complaint):
        MobileNetV2DeepLab(str(tmp_path))


def test_a_setting_that_transformers_cannot_use(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(GOOD_CONFIG | {"hidden_act": "foo"}))
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(InputError, match="cannot be loaded as MobileNetV2"):
        MobileNetV2DeepLab(str(tmp_path))


def test_neither_folder_nor_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no such baseline checkpoint"):
        MobileNetV2DeepLab(str(tmp_path / "none"))
    (tmp_path / "file.pth").write_bytes(b"x")
    with pytest.raises(InputError, match="is a file; give a folder"):
        MobileNetV2DeepLab(str(tmp_path / "file.pth"))
    with pytest.raises(InputError, match="no such baseline checkpoint"):
        MobileNetV2DeepLab("weights/deep/lab")


def test_the_hubs_cache_is_enough_without_network(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also where it has only the older weight file."""
    snapshot = tmp_path / "models--owner--name/snapshots/abc"
    snapshot.mkdir(parents=True)
    (tmp_path / "models--owner--name/refs").mkdir()
    (tmp_path / "models--owner--name/refs/main").write_text("abc")
    (snapshot / "config.json").write_bytes((folder / "config.json").read_bytes())
    torch.save(safetensors.torch.load_file(folder / "model.safetensors"), snapshot / "pytorch_model.bin")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    image = random_image(20, 30)
    expected = MobileNetV2DeepLab(str(folder)).logits(image)
    assert torch.equal(MobileNetV2DeepLab("owner/name").logits(image), expected)


def test_an_unreachable_hub_is_said_plainly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="hub"):
        MobileNetV2DeepLab("google/deeplabv3_mobilenet_v2_1.0_513")
