"""Hub checkpoints that cannot be used end with one line that says what fits."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from transformers import ConvNextImageProcessor, SegformerConfig, SegformerForSemanticSegmentation

from lit_samseg.baselines import HubSegmenter
from lit_samseg.baselines.preprocessing import read_settings
from lit_samseg.data.voc import VOC_CLASSES
from lit_samseg.errors import InputError
from tests.baselines.tiny_segmenters import random_image, save
from tests.conftest import RunCli, SmallVoc


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("hub")
    return {kind: save(kind, root / kind) for kind in ("segformer", "dpt", "beit")}


@pytest.fixture
def copy(folders: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(folders["segformer"], tmp_path / "copy"))


def change(path: Path, **settings: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def complaint(folder: Path, **options: Any) -> str:
    with pytest.raises(InputError) as raised:
        HubSegmenter(str(folder), **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model_type": "vit"}, ["describes 'vit'", "HubSegmenter reads beit", "segformer, upernet"]),
        ({"model_type": "detr"}, ["describes 'detr'", "HubSegmenter reads"]),
        ({"model_type": "no-such-thing"}, ["describes 'no-such-thing'", "HubSegmenter reads"]),
        ({"model_type": "oneformer"}, ["'oneformer'", "use lit_samseg.baselines.OneFormer"]),
        ({"model_type": "mobilenet_v2"}, ["'mobilenet_v2'", "use lit_samseg.baselines.MobileNetV2DeepLab"]),
        (
            {"architectures": ["SegformerForImageClassification"]},
            ["SegformerForImageClassification", "no semantic segmentation head", "SegformerForSemanticSegmentation"],
        ),
        ({"id2label": {"1": "a", "2": "b"}}, ["cannot be used"]),
        ({"hidden_act": "no such"}, ["cannot be loaded as segformer"]),
        ({"hidden_sizes": [8, 8, 16, 24]}, ["model.safetensors does not fit segformer", "misshapen"]),
    ],
)
def test_configurations(copy: Path, settings: dict[str, Any], words: list[str]) -> None:
    change(copy / "config.json", **settings)
    said = complaint(copy)
    for word in (str(copy), *words):
        assert word in said


def test_a_head_that_is_missing_is_not_made_up(copy: Path) -> None:
    """Also where the configuration does not say what was saved."""
    change(copy / "config.json", architectures=None)
    HubSegmenter(str(copy))
    weights = safetensors.torch.load_file(copy / "model.safetensors")
    body = {name: tensor for name, tensor in weights.items() if not name.startswith("decode_head.classifier")}
    assert len(body) == len(weights) - 2
    safetensors.torch.save_file(body, copy / "model.safetensors")
    assert "tensors 2 missing (e.g. decode_head.classifier.bias)" in complaint(copy)


def test_what_dpt_never_uses_may_be_missing(folders: dict[str, Path], tmp_path: Path) -> None:
    """As in Intel/dpt-large-ade."""
    folder = Path(shutil.copytree(folders["dpt"], tmp_path / "dpt"))
    whole = safetensors.torch.load_file(folder / "model.safetensors")
    first = "neck.fusion_stage.layers.0.residual_layer1."
    weights = {name: tensor for name, tensor in whole.items() if not name.startswith(first)}
    assert len(weights) == len(whole) - 4
    safetensors.torch.save_file(weights, folder / "model.safetensors")
    image = random_image(45, 70)
    labels = HubSegmenter(str(folder)).label_map(image, "x")
    assert len(labels.unique()) > 1
    assert torch.equal(labels, HubSegmenter(str(folders["dpt"])).label_map(image, "x"))
    second = first.replace("layers.0", "layers.1") + "convolution1.weight"
    safetensors.torch.save_file({k: v for k, v in weights.items() if k != second}, folder / "model.safetensors")
    assert f"tensors 1 missing (e.g. {second})" in complaint(folder)


def test_options_that_a_processor_does_not_know(copy: Path) -> None:
    """They are in the JSON of some published checkpoints all the same."""
    image = random_image(45, 70)
    foreign = {"do_reduce_labels": True, "reduce_labels": True}
    for kind in ("eomt", "upernet"):
        shutil.rmtree(copy)
        path = save(kind, copy) / "preprocessor_config.json"
        if kind == "upernet":
            ConvNextImageProcessor(size={"shortest_edge": 384}).save_pretrained(copy)
        expected = HubSegmenter(str(copy)).label_map(image, "x")
        change(path, **foreign)
        baseline = HubSegmenter(str(copy))
        assert baseline.preprocessing.processor.do_reduce_labels
        assert torch.equal(baseline.label_map(image, "x"), expected)
    assert baseline.processor == "ConvNextImageProcessor"
    assert baseline.preprocessing(random_image(9, 90), "x").inside == (384, 384)
    change(path, size={"shortest_edge": 224})
    assert f"{path} makes ConvNextImageProcessor crop images" in complaint(copy)


def test_processors(copy: Path) -> None:
    path = copy / "preprocessor_config.json"
    whole = path.read_text()
    for settings in ({"size": {"length": 3}}, {"image_mean": [1, 2]}, {"size": {"longest_edge": 9}}):
        change(path, **settings)
        assert "no usable image processor" in complaint(copy)
        path.write_text(whole)
    for text in ("[", "[1]"):
        path.write_text(text)
        assert f"{path} is no JSON object" in complaint(copy)
    newer = copy / "processor_config.json"
    for text in ("[", "[1]", '{"image_processor": 1}'):
        newer.write_text(text)
        assert f"{newer} is no JSON object" in complaint(copy)
    newer.unlink()
    # transformers would take SegFormer's own; the checkpoint's code is never run.
    path.write_text(json.dumps({"image_processor_type": "OurProcessor", "auto_map": {"AutoImageProcessor": "x.Y"}}))
    assert f"{path} asks for a OurProcessor, which transformers does not have" in complaint(copy)
    for name in ("SegformerFeatureExtractor", "SegformerImageProcessorFast"):
        key = "image_processor_type" if name.endswith("Fast") else "feature_extractor_type"
        path.write_text(json.dumps({key: name}))
        assert HubSegmenter(str(copy)).processor == "SegformerImageProcessor"
    path.unlink()
    said = complaint(copy)
    assert f"has no {path}" in said
    assert "download the whole checkpoint" in said


def test_a_processor_inside_a_larger_one_is_read(copy: Path) -> None:
    """What newer releases save beside a tokenizer."""
    settings = json.loads((copy / "preprocessor_config.json").read_text())
    (copy / "preprocessor_config.json").unlink()
    (copy / "processor_config.json").write_text(json.dumps({"image_processor": settings | {"image_mean": [0, 0, 0]}}))
    baseline = HubSegmenter(str(copy))
    assert list(baseline.preprocessing.processor.image_mean) == [0, 0, 0]


def test_of_two_settings_files_transformers_takes_ours(copy: Path) -> None:
    """And checks what the same file says: the older one's processor does not exist."""
    settings = json.loads((copy / "preprocessor_config.json").read_text())
    (copy / "processor_config.json").write_text(json.dumps({"image_processor": settings | {"image_mean": [0, 0, 0]}}))
    change(copy / "preprocessor_config.json", image_processor_type="OurProcessor")
    path, read = read_settings(copy)
    assert path == copy / "processor_config.json"
    assert read["image_mean"] == [0, 0, 0]
    assert list(HubSegmenter(str(copy)).preprocessing.processor.image_mean) == [0, 0, 0]
    # What older releases wrote there says nothing of images.
    (copy / "processor_config.json").write_text(json.dumps({"processor_class": "X"}))
    assert "asks for a OurProcessor" in complaint(copy)


@pytest.mark.parametrize("first_class", [-1, 7, 150])
def test_first_classes_that_are_none(folders: dict[str, Path], first_class: int) -> None:
    said = complaint(folders["segformer"], first_class=first_class)
    assert f"baseline.first_class is {first_class}" in said
    assert "has classes 0 to 6" in said


def test_inputs_that_are_no_squares(folders: dict[str, Path], tmp_path: Path) -> None:
    dpt = Path(shutil.copytree(folders["dpt"], tmp_path / "dpt"))
    change(dpt / "preprocessor_config.json", size={"height": 64, "width": 96})
    assert f"{dpt} has input size 64 x 96; this network takes squares" in complaint(dpt)
    change(dpt / "preprocessor_config.json", size={"shortest_edge": 64})
    assert "this network takes squares" in complaint(dpt)
    beit = Path(shutil.copytree(folders["beit"], tmp_path / "beit"))
    change(beit / "config.json", image_size=[64, 96])
    assert f"{beit} has input size 64 x 96" in complaint(beit)


def test_dinat_backbones_say_what_they_need(copy: Path) -> None:
    shutil.rmtree(copy)
    folder = save("mask2former", copy)
    change(folder / "config.json", backbone_config={"model_type": "dinat"})
    assert "has a DiNAT backbone, which needs the library natten" in complaint(folder)


def test_a_background_too_many_is_met_by_the_option(
    folders: dict[str, Path], tmp_path: Path, small_voc: SmallVoc, run_cli: RunCli
) -> None:
    """On the command line, as a user would do it."""
    names = dict(enumerate(("other", *VOC_CLASSES)))
    config = SegformerConfig.from_pretrained(folders["segformer"], id2label=names)
    SegformerForSemanticSegmentation(config).save_pretrained(tmp_path / "own")
    shutil.copy(folders["segformer"] / "preprocessor_config.json", tmp_path / "own")
    words = [word for word in small_voc.words() if "baseline" not in word]
    words += ["--model.baseline=lit_samseg.baselines.HubSegmenter", f"--model.baseline.checkpoint={tmp_path / 'own'}"]
    words += ["--model.variants=[box]", "--data.subset=1", f"--output_dir={tmp_path / 'out'}"]
    words += ["--model.analysis=false", "--gallery=false", "--report=false"]
    failed = run_cli(*words)
    assert failed.code == 2
    assert "predicts 22 classes, the data set has 21" in failed.err
    assert "set --model.baseline.first_class 1" in failed.err
    done = run_cli(*words, "--model.baseline.first_class=1")
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "out/results.json").read_text())["baseline"]["name"] == "segformer"


def test_neither_folder_nor_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no such baseline checkpoint" in complaint(tmp_path / "none")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"nvidia/segformer-b0.*hub"):
        HubSegmenter("nvidia/segformer-b0-finetuned-ade-512-512")
