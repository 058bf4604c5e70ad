"""Checkpoints in the hub's layout: folders, shards, the hub's cache, broken ones."""

import hashlib
import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

from lit_samseg.baselines import HubSegmenter, MobileNetV2DeepLab, OneFormer, load_baseline
from lit_samseg.checkpoints.hub import find_checkpoint_folder, is_hub_id
from lit_samseg.checkpoints.pretrained import read_config, sha256_of_weights, weight_files
from lit_samseg.errors import InputError
from lit_samseg.sam import HubSam, load_promptable_segmenter
from tests.baselines import tiny_segmenters
from tests.baselines.tiny_oneformer import save_oneformer
from tests.sam import tiny_hub


@pytest.fixture(scope="module")
def segformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_segmenters.save("segformer", tmp_path_factory.mktemp("segformer"))


def in_shards(whole: Path, folder: Path) -> Path:
    """Copy a checkpoint with its weights in two files and an index."""
    folder.mkdir()
    for name in ("config.json", "preprocessor_config.json"):
        (folder / name).write_bytes((whole / name).read_bytes())
    state = safetensors.torch.load_file(whole / "model.safetensors")
    names = sorted(state)
    where = {name: f"model-0000{1 + (i % 2)}-of-00002.safetensors" for i, name in enumerate(names)}
    for shard in set(where.values()):
        safetensors.torch.save_file({name: state[name] for name in names if where[name] == shard}, folder / shard)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    return folder


def test_shards_are_one_checkpoint(segformer: Path, tmp_path: Path) -> None:
    folder = in_shards(segformer, tmp_path / "shards")
    files = weight_files(folder)
    assert [path.name for path in files] == [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    whole, shards = HubSegmenter(str(segformer)), HubSegmenter(str(folder))
    image = tiny_segmenters.random_image(45, 70)
    assert torch.equal(whole.label_map(image, "x"), shards.label_map(image, "x"))
    assert whole.sha256 == hashlib.sha256((segformer / "model.safetensors").read_bytes()).hexdigest()
    listed = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}\n" for path in files)
    assert shards.sha256 == sha256_of_weights(files) == hashlib.sha256(listed.encode()).hexdigest()
    files[0].unlink()
    with pytest.raises(InputError, match=r"no such weight file: .*; give the folder of a whole checkpoint"):
        HubSegmenter(str(folder))


def test_an_index_cannot_name_other_folders(segformer: Path, tmp_path: Path) -> None:
    folder = in_shards(segformer, tmp_path / "shards")
    index = folder / "model.safetensors.index.json"
    for name in ("../segformer/model.safetensors", "/etc/passwd", "..\\x.safetensors", 7):
        index.write_text(json.dumps({"weight_map": {"a": name}}))
        with pytest.raises(InputError, match="names files outside its folder"):
            weight_files(folder)
    for text in ("not json", "[]", '{"weight_map": 3}'):
        index.write_text(text)
        with pytest.raises(InputError, match="is no index of weight files"):
            weight_files(folder)


def test_configurations_that_are_none(tmp_path: Path) -> None:
    for text in ("[1]", "{}", '{"model_type": 3}'):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(InputError, match="names no model_type"):
            read_config(tmp_path, "SAM")
    (tmp_path / "config.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is not JSON"):
        read_config(tmp_path, "SAM")


def test_what_looks_like_a_hub_id() -> None:
    assert all(is_hub_id(text) for text in ("facebook/sam-vit-huge", "a/b.c_d-e"))
    assert not any(is_hub_id(text) for text in ("a", "a/b/c", "/a", "a/", "./a", "~/a", "../a", ""))


def test_only_what_is_needed_is_asked_of_the_hub(
    segformer: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Settings, then safetensors, and a pickle only where there is no safetensors."""
    for remote, expected in (
        (["model.safetensors", "pytorch_model.bin"], ["model*.safetensors"]),
        (["pytorch_model.bin"], ["model*.safetensors", "pytorch_model*.bin"]),
    ):
        folder = tmp_path / str(len(remote))
        folder.mkdir()
        asked: list[str] = []

        def download(hub_id: str, allow_patterns: list[str]) -> str:
            assert hub_id == "owner/name"
            asked.extend(allow_patterns)  # noqa: B023 (called in this turn of the loop only)
            for name in ["config.json", "preprocessor_config.json", *remote]:  # noqa: B023
                if any(Path(name).match(pattern) for pattern in allow_patterns):
                    (folder / name).write_bytes(b"x")  # noqa: B023
            return str(folder)  # noqa: B023

        monkeypatch.setattr("huggingface_hub.snapshot_download", download)
        assert find_checkpoint_folder("owner/name", "baseline") == folder
        assert [pattern for pattern in asked if "model" in pattern] == expected
        assert weight_files(folder)[0].name == remote[0]


@pytest.mark.parametrize(
    ("error", "complaint"),
    [
        (ConnectionError("x"), "the hub cannot be reached"),
        (ValueError("Repo id must be\nalphanumeric"), r"nor a readable hub id \(Repo id must be\)"),
        (PermissionError("cache is read-only"), "cache is read-only"),
    ],
)
def test_a_hub_that_fails(error: Exception, complaint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> str:
        raise error

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    with pytest.raises(InputError, match=complaint):
        find_checkpoint_folder("owner/name", "SAM")


def test_a_gated_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """The licence's page and the command, whether the hub refuses or cannot be asked."""
    import httpx2
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError

    licence = "accept its licence on https://huggingface.co/facebook/sam3 and run 'hf auth login' once"
    refusal = httpx2.Response(403, request=httpx2.Request("GET", "https://huggingface.co/facebook/sam3"))
    for error, complaint in (
        (
            GatedRepoError("403\nGated", response=refusal),
            f"text checkpoint 'facebook/sam3' is gated; {licence}, or give",
        ),
        (LocalEntryNotFoundError("offline"), f"try again with a network (it is gated: {licence})"),
    ):

        def fail(*args: object, **options: object) -> str:
            raise error  # noqa: B023 (called in this turn of the loop only)

        monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
        with pytest.raises(InputError) as caught:
            find_checkpoint_folder("facebook/sam3", "text")
        assert complaint in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"try again with a network$"):
        find_checkpoint_folder("owner/name", "text")


def test_the_class_that_reads_a_checkpoint(segformer: Path, tmp_path: Path) -> None:
    save_oneformer(tmp_path)
    tiny_hub.save("sam2", tmp_path / "sam2")
    assert isinstance(load_baseline("demo"), MobileNetV2DeepLab)
    assert isinstance(load_baseline(str(segformer)), HubSegmenter)
    assert isinstance(load_baseline(str(tmp_path)), OneFormer)
    assert isinstance(load_promptable_segmenter(str(tmp_path / "sam2")), HubSam)
    with pytest.raises(InputError, match="describes 'sam2'; HubSegmenter reads"):
        load_baseline(str(tmp_path / "sam2"))
    with pytest.raises(InputError, match="segformer"):
        load_promptable_segmenter(str(segformer))
