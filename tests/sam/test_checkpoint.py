"""Every supported checkpoint is recognised from its tensors; every other is named."""

from pathlib import Path

import pytest
import torch

from lit_samseg.errors import InputError
from lit_samseg.sam import checkpoint
from lit_samseg.sam.checkpoint import load_sam


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
        ("mask_decoder.hf_token.weight", "SAM-HQ"),
        ("image_encoder.trunk.pos_embed", "SAM 2"),
        ("vision_encoder.pos_embed", "transformers"),
        ("something.else", "not a SAM checkpoint .its tensors begin something.else"),
    ],
)
def test_another_network_is_named(tmp_path: Path, key: str, name: str) -> None:
    path = tmp_path / "x.pth"
    torch.save({key: torch.zeros(1)}, path)
    with pytest.raises(InputError, match=name):
        load_sam(path)


def test_demo_checkpoint_says_its_own_architecture() -> None:
    name, sam = load_sam(checkpoint.resolve_checkpoint("demo"))
    assert name == "sam"
    assert sam.image_encoder.img_size < 1024
