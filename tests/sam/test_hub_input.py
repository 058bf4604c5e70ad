"""What a SAM folder may hold besides weights, and what is said of a bad one."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from lit_samseg.errors import InputError
from lit_samseg.sam import HubSam
from lit_samseg.sam.transformers_families import FAMILIES
from tests.conftest import RunCli, SmallVoc
from tests.sam import tiny_hub


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sam2")
    tiny_hub.save("sam2", path)
    return path


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy to spoil, without the processor's settings."""
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((saved / name).read_bytes())
    return tmp_path


MEAN, STD = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]
OWN = {"image_mean": MEAN, "image_std": STD}


@pytest.mark.parametrize(
    "files",
    [
        {"processor_config.json": {"processor_class": "Sam2Processor", "image_processor": OWN}},
        {"preprocessor_config.json": OWN},
        # As older versions of transformers wrote them.
        {
            "processor_config.json": {"processor_class": "Sam2Processor", "target_size": 64},
            "preprocessor_config.json": OWN,
        },
    ],
)
def test_the_checkpoints_own_normalisation_is_used(folder: Path, files: dict[str, Any]) -> None:
    for name, settings in files.items():
        (folder / name).write_text(json.dumps(settings))
    sam = HubSam(str(folder))
    torch.testing.assert_close(sam.mean.flatten(), torch.tensor(MEAN) * 255)
    torch.testing.assert_close(sam.std.flatten(), torch.tensor(STD) * 255)
    seen: list[torch.Tensor] = []
    sam.model.vision_encoder.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    colour = torch.tensor([255, 0, 51], dtype=torch.uint8)
    sam.encode([colour.view(3, 1, 1).expand(3, 20, 30)])
    expected = (torch.tensor([1.0, 0.0, 0.2]) - torch.tensor(MEAN)) / torch.tensor(STD)
    torch.testing.assert_close(seen[0][0].mean((1, 2)), expected)


def test_without_settings_the_familys_normalisation_is_used(folder: Path) -> None:
    sam = HubSam(str(folder))
    torch.testing.assert_close(sam.mean.flatten(), torch.tensor([123.675, 116.28, 103.53]))
    torch.testing.assert_close(sam.std.flatten(), torch.tensor([58.395, 57.12, 57.375]))


def test_the_newer_of_two_settings_files_goes_first(folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": STD, "image_std": MEAN}))
    (folder / "processor_config.json").write_text(json.dumps({"image_processor": OWN}))
    torch.testing.assert_close(HubSam(str(folder)).mean.flatten(), torch.tensor(MEAN) * 255)


@pytest.mark.parametrize("settings", ["[1]", "{"])
def test_settings_that_are_none_are_named(folder: Path, settings: str) -> None:
    (folder / "preprocessor_config.json").write_text(settings)
    with pytest.raises(InputError, match=r"preprocessor_config\.json is no JSON object of settings"):
        HubSam(str(folder))


def test_names_of_the_other_class_lead_there(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in ("mobile_sam", "vit_b", "demo"):
        with pytest.raises(InputError, match=f"'{name}' .*use lit_samseg.sam.SegmentAnything") as caught:
            HubSam(name)
        assert "\n" not in str(caught.value)
    # A folder of that name is a folder.
    monkeypatch.chdir(folder.parent)
    folder.rename(folder.parent / "vit_b")
    assert HubSam("vit_b").name == "vit_b"


@pytest.mark.parametrize("settings", ['{"image_mean": 0.5, "image_std": 0.5}', '{"image_mean": [1, 2, 3]}'])
def test_unusable_settings_are_named(folder: Path, settings: str) -> None:
    (folder / "preprocessor_config.json").write_text(settings)
    with pytest.raises(InputError, match=r"preprocessor_config\.json has no usable image_mean") as caught:
        HubSam(str(folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        (None, r"SAM checkpoint has no .*config\.json"),
        ("not json", "is not JSON"),
        ("{}", "names no model_type"),
        ('{"model_type": "sam3"}', r"describes 'sam3'; HubSam reads sam, sam_hq, sam2, sam2_video, .*edgetam_video"),
        ('{"model_type": "segformer"}', "describes 'segformer'; HubSam reads sam"),
        ('{"model_type": "sam", "vision_config": {"patch_size": "x"}}', r"config\.json cannot be used"),
        ('{"model_type": "sam", "prompt_encoder_config": {"patch_size": 0}}', r"config\.json cannot be used"),
        ('{"model_type": "sam2"}', r"does not fit SAM \(sam2\): tensors \d+ (missing|misshapen)"),
    ],
)
def test_unusable_configurations_are_named(folder: Path, config: str | None, complaint: str) -> None:
    (folder / "config.json").unlink()
    if config is not None:
        (folder / "config.json").write_text(config)
    with pytest.raises(InputError, match=complaint) as caught:
        HubSam(str(folder))
    assert "\n" not in str(caught.value)


def test_weights_must_be_there_and_whole(folder: Path) -> None:
    path = folder / "model.safetensors"
    state = safetensors.torch.load_file(path)
    del state["mask_decoder.iou_token.weight"]
    safetensors.torch.save_file(state, path)
    with pytest.raises(
        InputError, match=r"does not fit SAM \(sam2\): tensors 1 missing \(e\.g\. mask_decoder\.iou_tok"
    ):
        HubSam(str(folder))
    path.unlink()
    with pytest.raises(InputError, match=r"no such weight file: .*model\.safetensors"):
        HubSam(str(folder))


def test_the_option_itself_is_checked(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"'int8'; it is one of fp32, bf16, fp16"):
        HubSam(str(folder), precision="int8")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no such SAM checkpoint"):
        HubSam(str(tmp_path / "none"))
    with pytest.raises(InputError, match="is a file; give a folder"):
        HubSam(str(folder / "config.json"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        InputError, match=r"SAM checkpoint 'facebook/sam-vit-base' .*the hub cannot be reached"
    ) as caught:
        HubSam("facebook/sam-vit-base")
    assert "\n" not in str(caught.value)


def test_a_hub_id_gives_the_name_of_its_last_part(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / "cache/models--facebook--sam2.1-hiera-none/snapshots/abc"
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs/main").write_text("abc")
    for name in ("config.json", "model.safetensors"):
        (snapshot / name).write_bytes((folder / name).read_bytes())
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    assert HubSam("facebook/sam2.1-hiera-none").name == "sam2.1-hiera-none"
    monkeypatch.chdir(snapshot)
    assert HubSam(".").name == "abc"


def test_every_family_transformers_maps_to_masks_is_read() -> None:
    """Its own list of models for mask generation; EdgeTAM is not on it."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASK_GENERATION_MAPPING_NAMES as THEIRS

    for model_type, name in THEIRS.items():
        assert FAMILIES[model_type].model == name


def test_a_run_names_it_on_the_command_line(small_voc: SmallVoc, saved: Path, tmp_path: Path, run_cli: RunCli) -> None:
    words = [w for w in small_voc.words() if not w.startswith("--model.sam")]
    ours = ["--model.sam=lit_samseg.sam.HubSam", f"--model.sam.checkpoint={saved}", "--model.variants=[box]"]
    ours.append("--data.subset=1")
    outcome = run_cli(*words, *ours, f"--output_dir={tmp_path / 'out'}")
    assert outcome.code == 0, outcome.err
    results = json.loads((tmp_path / "out/results.json").read_text())
    assert results["sam"]["name"] == saved.name
    assert [row["name"] for row in results["rows"]] == ["baseline", "box"]
