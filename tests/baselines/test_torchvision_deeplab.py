from pathlib import Path

import pytest
import torch
from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large
from torchvision.transforms._presets import SemanticSegmentation

from lit_samseg.baselines import TorchvisionDeepLab
from lit_samseg.errors import InputError


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights with the auxiliary head, as torchvision's own files have it."""
    torch.manual_seed(0)
    model = deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4, aux_loss=True)
    path = tmp_path_factory.mktemp("tv") / "deeplab.pth"
    torch.save(model.state_dict(), path)
    return path


def test_logits_are_torchvisions_at_the_images_size(checkpoint: Path) -> None:
    baseline = TorchvisionDeepLab("deeplabv3_mobilenet_v3_large", str(checkpoint), resize=64)
    image = torch.randint(0, 256, (3, 48, 80), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    model = deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4, aux_loss=True).eval()
    model.load_state_dict(torch.load(checkpoint, weights_only=True))
    with torch.no_grad():
        pixels = SemanticSegmentation(resize_size=64)(image)
        coarse = model(pixels[None])["out"]
        expected = torch.nn.functional.interpolate(coarse, (48, 80), mode="bilinear")[0]
    assert pixels.shape == (3, 64, 106)
    torch.testing.assert_close(baseline.logits(image), expected, atol=1e-5, rtol=1e-4)
    assert baseline.num_classes == 4


def test_size_of_the_image_kept_or_refused(checkpoint: Path) -> None:
    kept = TorchvisionDeepLab("deeplabv3_mobilenet_v3_large", str(checkpoint), resize=None)
    assert kept.transform(torch.zeros(3, 48, 80, dtype=torch.uint8)).shape == (3, 48, 80)
    with pytest.raises(InputError, match="resize is 0"):
        TorchvisionDeepLab("deeplabv3_mobilenet_v3_large", str(checkpoint), resize=0)


def test_another_architecture_is_refused(checkpoint: Path) -> None:
    with pytest.raises(InputError, match="does not fit deeplabv3_resnet50"):
        TorchvisionDeepLab("deeplabv3_resnet50", str(checkpoint))


def test_a_classifier_is_no_segmenter(tmp_path: Path) -> None:
    path = tmp_path / "resnet.pth"
    torch.save({"layer1.0.conv1.weight": torch.zeros(1)}, path)
    with pytest.raises(InputError, match=r"no tensor classifier\.4\.weight"):
        TorchvisionDeepLab("deeplabv3_resnet50", str(path))


def test_weights_by_name_need_the_network_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def unreachable(*args: object, **kwargs: object) -> None:
        raise OSError("unreachable")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    with pytest.raises(InputError, match=r"deeplabv3_resnet101_coco.*unreachable"):
        TorchvisionDeepLab("deeplabv3_resnet101")


@pytest.mark.parametrize(("resize", "side"), [(64, 96), (None, 72)])
def test_a_closer_look_is_at_a_larger_image(checkpoint: Path, resize: int | None, side: int) -> None:
    baseline = TorchvisionDeepLab("deeplabv3_mobilenet_v3_large", str(checkpoint), resize=resize)
    image = torch.randint(0, 256, (3, 48, 80), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    larger = TorchvisionDeepLab("deeplabv3_mobilenet_v3_large", str(checkpoint), resize=side)
    closer = baseline.look_closer(image, 1.5)
    assert closer.shape == (4, side, side * 80 // 48)
    expected = torch.nn.functional.interpolate(closer[None], (48, 80), mode="bilinear")[0]
    torch.testing.assert_close(larger.logits(image), expected, atol=1e-5, rtol=1e-4)
