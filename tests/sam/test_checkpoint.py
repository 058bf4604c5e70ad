"""Every supported checkpoint is recognised from its tensors; every other is named."""

from pathlib import Path

import pytest
import safetensors.torch
import torch
from segment_anything import sam_model_registry

from lit_samseg.errors import InputError
from lit_samseg.sam import SegmentAnything
from lit_samseg.sam.known_weights import resolve_checkpoint
from lit_samseg.sam.official import checkpoint
from lit_samseg.sam.official.checkpoint import load_sam


def test_published_vits_are_told_apart_by_width(tmp_path: Path) -> None:
    for width, name in ((768, "vit_b"), (1024, "vit_l"), (1280, "vit_h")):
        state = {"image_encoder.pos_embed": torch.zeros(1, 64, 64, width)}
        assert checkpoint._recognise_vit(state, tmp_path)[0] == name


def test_a_recognised_network_must_be_whole(tmp_path: Path) -> None:
    path = tmp_path / "sam.pt"
    torch.save({"image_encoder.patch_embed.seq.0.c.weight": torch.zeros(32, 3, 3, 3)}, path)
    with pytest.raises(InputError, match=r"SAM \(mobile_sam\): tensors \d+ missing"):
        load_sam(path)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("layer4.0.conv1.weight", "a ResNet"),
        ("mask_decoder.hf_token.weight", "SAM-HQ.*use lit_samseg.sam.HubSam .*syscv-community/sam-hq-vit-base"),
        ("image_encoder.trunk.pos_embed", "SAM 2.*use lit_samseg.sam.HubSam .*facebook/sam2.1-hiera-tiny"),
        ("vision_encoder.pos_embed", "transformers.*use lit_samseg.sam.HubSam"),
        ("shared_image_embedding.positional_embedding", "transformers.*use lit_samseg.sam.HubSam"),
        ("something.else", "not a SAM checkpoint .its tensors begin something.else"),
    ],
)
def test_another_network_is_named(tmp_path: Path, key: str, name: str) -> None:
    path = tmp_path / "x.pth"
    torch.save({key: torch.zeros(1)}, path)
    with pytest.raises(InputError, match=name):
        load_sam(path)


def test_demo_checkpoint_says_its_own_architecture() -> None:
    name, sam = load_sam(resolve_checkpoint("demo"))
    assert name == "sam"
    assert sam.image_encoder.img_size < 1024


def test_an_unusable_architecture_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sam.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(1)}, path, metadata={"architecture": "{}"})
    with pytest.raises(InputError, match=r"sam\.safetensors: unusable architecture"):
        load_sam(path)


@pytest.mark.slow
def test_a_published_vit_b_loads_whole(tmp_path: Path) -> None:
    """The layout of sam_vit_b_01ec64.pth, from the official builder, with random weights (375 MB)."""
    torch.manual_seed(0)
    published = sam_model_registry["vit_b"](None)
    torch.save(published.state_dict(), tmp_path / "sam_vit_b.pth")
    sam = SegmentAnything(str(tmp_path / "sam_vit_b.pth"))
    assert sam.name == "vit_b"
    expected = published.state_dict()
    loaded = sam.model.state_dict()
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[key], expected[key]) for key in expected)
