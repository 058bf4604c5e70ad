"""SAM's sizes: presets that fit the published weights, and JSON that survives the round trip."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file

import lit_samseg
from lit_samseg.sam.official.architecture import (
    DEMO,
    SAM_VIT_B,
    SAM_VIT_H,
    SAM_VIT_L,
    SamArchitecture,
    build_prompt_and_mask,
    build_sam,
)

PRESETS = {"vit_b": SAM_VIT_B, "vit_l": SAM_VIT_L, "vit_h": SAM_VIT_H}


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_the_tensors_of_the_published_networks(name: str) -> None:
    from segment_anything import sam_model_registry

    with torch.device("meta"):
        ours = build_sam(PRESETS[name])
        theirs = sam_model_registry[name](None)
    shapes = {key: tensor.shape for key, tensor in ours.state_dict().items()}
    assert shapes == {key: tensor.shape for key, tensor in theirs.state_dict().items()}
    # What no state dict tells: windows, heads and the epsilon of the normalisations.
    assert repr(ours) == repr(theirs)
    for mine, other in zip(ours.image_encoder.blocks, theirs.image_encoder.blocks, strict=True):
        assert mine.window_size == other.window_size
        assert mine.attn.num_heads == other.attn.num_heads
    layers = ours.mask_decoder.transformer.layers, theirs.mask_decoder.transformer.layers
    for mine, other in zip(*layers, strict=True):
        assert mine.self_attn.num_heads == other.self_attn.num_heads
    assert ours.image_encoder.img_size == theirs.image_encoder.img_size


def test_normalisation_is_the_published_one() -> None:
    from segment_anything.modeling import Sam

    sam = build_sam(DEMO)
    published = Sam(sam.image_encoder, sam.prompt_encoder, sam.mask_decoder)
    assert torch.equal(sam.pixel_mean, published.pixel_mean)
    assert torch.equal(sam.pixel_std, published.pixel_std)
    assert not sam.training


def test_demo_network_runs_from_picture_to_masks() -> None:
    sam = build_sam(DEMO)
    with torch.no_grad():
        embedding = sam.image_encoder(torch.zeros(1, 3, DEMO.image_size, DEMO.image_size))
        sparse, dense = sam.prompt_encoder(None, torch.tensor([[4.0, 5.0, 60.0, 70.0]]), None)
        masks, quality = sam.mask_decoder(
            embedding, sam.prompt_encoder.get_dense_pe(), sparse, dense, multimask_output=True
        )
    assert embedding.shape == (1, DEMO.prompt_dim, DEMO.grid_size, DEMO.grid_size)
    assert masks.shape == (1, 3, 4 * DEMO.grid_size, 4 * DEMO.grid_size)
    assert quality.shape == (1, 3)


def test_prompt_and_mask_parts_are_those_of_the_whole() -> None:
    prompt_encoder, mask_decoder = build_prompt_and_mask(DEMO)
    whole = build_sam(DEMO)
    assert repr(prompt_encoder) == repr(whole.prompt_encoder)
    assert repr(mask_decoder) == repr(whole.mask_decoder)


@pytest.mark.parametrize("architecture", [*PRESETS.values(), DEMO])
def test_json_round_trip(architecture: SamArchitecture) -> None:
    text = architecture.to_json()
    assert "\n" not in text
    assert SamArchitecture.from_json(text) == architecture


@given(
    heads=st.integers(1, 16),
    width=st.integers(1, 40),
    depth=st.integers(1, 48),
    blocks=st.sets(st.integers(0, 47)),
)
def test_json_round_trip_of_any_encoder(heads: int, width: int, depth: int, blocks: set[int]) -> None:
    architecture = replace(
        DEMO,
        encoder_heads=heads,
        encoder_dim=heads * width,
        encoder_depth=depth,
        encoder_global_attention=tuple(sorted(block for block in blocks if block < depth)),
    )
    assert SamArchitecture.from_json(architecture.to_json()) == architecture


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_size": None}, "image_size must be an integer"),
        ({"image_size": 128.0}, "image_size must be an integer"),
        ({"encoder_depth": True}, "encoder_depth must be an integer"),
        ({"encoder_depth": 0}, "encoder_depth must be an integer in 1..65536"),
        ({"window_size": -8}, "window_size must be an integer"),
        ({"patch_size": 7}, "patch_size 7 does not divide 128"),
        ({"encoder_heads": 5}, "encoder_heads 5 does not divide 96"),
        ({"decoder_heads": 64}, "decoder_heads 64 does not divide 32"),
        ({"prompt_dim": 12, "decoder_heads": 2}, "prompt_dim 12 is not a multiple of 8"),
        ({"encoder_global_attention": [2, 6]}, "names blocks outside 0..5"),
        ({"encoder_global_attention": [-1]}, "names blocks outside 0..5"),
        ({"encoder_global_attention": ["2"]}, "must be block indices"),
        ({"encoder_global_attention": 2}, "must be block indices"),
        ({"colour": 3}, "unknown sizes ['colour']"),
    ],
)
def test_impossible_sizes_are_refused(change: dict[str, object], message: str) -> None:
    text = json.dumps({**json.loads(DEMO.to_json()), **change})
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        SamArchitecture.from_json(text)
    assert "\n" not in str(caught.value)


def test_missing_sizes_are_named() -> None:
    sizes = json.loads(DEMO.to_json())
    del sizes["patch_size"], sizes["decoder_heads"]
    with pytest.raises(ValueError, match=r"missing sizes \['decoder_heads', 'patch_size'\]"):
        SamArchitecture.from_json(json.dumps(sizes))


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[1]", "null", '"vit_b"', "NaN"])
def test_text_that_is_no_json_object_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="SAM architecture") as caught:
        SamArchitecture.from_json(text)
    assert "\n" not in str(caught.value)


# By default tests/test_without_networks.py watches what whole commands import.
@pytest.mark.slow
def test_importing_the_sizes_loads_no_network_library() -> None:
    code = (
        "import sys; before = set(sys.modules); import lit_samseg.sam.official.architecture; "
        "assert 'segment_anything' not in set(sys.modules) - before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_shipped_weights_fit_the_sizes_they_carry() -> None:
    path = Path(lit_samseg.__file__).parent / "demo_weights" / "sam.safetensors"
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    assert metadata["format"] == "lit_samseg.sam"
    assert SamArchitecture.from_json(metadata["architecture"]) == DEMO
    build_sam(DEMO).load_state_dict(load_file(path))
