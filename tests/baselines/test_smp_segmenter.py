"""Networks of segmentation_models_pytorch, where that is installed."""

import json
import sys
from pathlib import Path

import pytest
import torch

from lit_samseg.baselines import SmpSegmenter, load_baseline
from lit_samseg.errors import InputError

IMAGE = torch.randint(0, 256, (3, 64, 96), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    (tmp_path / "config.json").write_text(json.dumps({"_model_class": "Unet", "classes": 3}))
    with pytest.raises(InputError, match=r"pip install 'lit_samseg\[smp\]'"):
        load_baseline(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "segformer"}))
    with pytest.raises(InputError, match="names no _model_class"):
        SmpSegmenter(str(tmp_path))


@pytest.mark.parametrize("classes", [1, 4])
def test_it_answers_as_the_library_does(tmp_path: Path, classes: int) -> None:
    smp = pytest.importorskip("segmentation_models_pytorch")
    torch.manual_seed(0)
    network = smp.Unet(
        "resnet18", encoder_weights=None, classes=classes, activation="sigmoid", decoder_channels=(8, 8, 4, 4, 4)
    ).eval()
    network.save_pretrained(tmp_path)
    baseline = load_baseline(str(tmp_path))
    assert isinstance(baseline, SmpSegmenter)
    assert baseline.num_classes == max(2, classes)
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.inference_mode():
        likely = network(((IMAGE / 255 - mean) / std)[None])[0]
    labels, scores = baseline.predict(IMAGE, "x")
    torch.testing.assert_close(scores[-len(likely) :].sigmoid(), likely)
    assert torch.equal(labels, likely.argmax(0) if classes > 1 else (likely[0] > 0.5).long())
    # Sides that 32 does not divide.
    assert baseline.label_map(IMAGE[:, :50, :70], "x").shape == (50, 70)
    assert baseline.identity is not None


def test_configurations_that_cannot_be_used(tmp_path: Path) -> None:
    smp = pytest.importorskip("segmentation_models_pytorch")
    smp.Unet("resnet18", encoder_weights=None, classes=2).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for change, complaint in (
        ({"_model_class": "datasets"}, "names the network 'datasets', which the library does not have"),
        ({"in_channels": 4}, "is for images of 4 channels"),
        ({"encoder_name": "none"}, "cannot be used"),
        ({"classes": 5}, "misshapen"),
    ):
        (tmp_path / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(InputError, match=complaint):
            SmpSegmenter(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"has no model\.safetensors"):
        SmpSegmenter(str(tmp_path))
