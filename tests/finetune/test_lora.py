"""LoRA, and whole decoders, of three generations of SAM through the real command line, on the built-in scenes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from lit_samseg.checkpoints.adapter import read_adapter
from lit_samseg.errors import InputError
from lit_samseg.finetune.learning_parts import LearningParts
from lit_samseg.finetune.lora import Lora
from lit_samseg.sam import SegmentAnything
from tests.conftest import PROJECT, RunCli
from tests.finetune.demo_fit import curve
from tests.finetune.lora_fits import BOTH, Fitted, sam_words
from tests.finetune.lora_prompts import largest_difference


def check_learnt(folder: Path) -> None:
    losses = [float(row["train/loss"]) for row in curve(folder)]
    assert len(losses) == 3
    assert losses[-1] < 0.9 * losses[0]


def evaluate(run_cli: RunCli, fitted: Fitted, adapter: str, out: Path) -> tuple[float, dict[str, np.ndarray]]:
    outcome = run_cli(
        *("test", "--config", PROJECT / "configs/demo.yaml", "--data.split", "val", "--data.size", 30),
        *("--data.subset", 1, "--model.variants", "[point+box+margin@component/single/fuse=1.0]"),
        *sam_words(fitted.kind, fitted.checkpoint),
        *("--model.sam.adapter", fitted.folder / adapter, "--model.save_predictions", True),
        *("--model.analysis", False, "--report", False, "--gallery", False, "--output_dir", out),
    )
    assert outcome.code == 0, outcome.err
    miou: float = json.loads((out / "results.json").read_text())["rows"][1]["miou"]
    files = sorted((out / "predictions").rglob("*.png"))
    return miou, {str(path.relative_to(out)): np.array(Image.open(path)) for path in files}


def check_round_trip(run_cli: RunCli, fitted: Fitted, folder: Path, tolerance: float) -> None:
    """The validation's scores are those of the files, and both files draw the same maps."""
    miou, maps = evaluate(run_cli, fitted, "adapter.safetensors", folder / "adapter")
    other_miou, other_maps = evaluate(run_cli, fitted, "checkpoints/last.ckpt", folder / "checkpoint")
    assert miou == other_miou
    assert maps.keys() == other_maps.keys()
    assert len(maps) == 2
    assert all(np.array_equal(label_map, other_maps[name]) for name, label_map in maps.items())
    assert miou == pytest.approx(float(curve(fitted.folder)[-1]["val/miou"]), abs=tolerance)


def test_lora_learns_little_and_is_read_again(adapted: Fitted, run_cli: RunCli, tmp_path: Path) -> None:
    check_learnt(adapted.folder)
    state = load_file(adapted.folder / "adapter.safetensors")
    parts = {"mask_decoder", "image_encoder" if adapted.kind == "official" else "vision_encoder"}
    assert {name.split(".")[0] for name in state} == parts
    assert all(name.endswith((".lora_A.weight", ".lora_B.weight")) for name in state)
    assert all(4 in tensor.shape for tensor in state.values())
    checkpoint = torch.load(adapted.folder / "checkpoints/last.ckpt", weights_only=True)
    assert len(checkpoint["state_dict"]) == len(state)
    assert read_adapter(adapted.folder / "adapter.safetensors").facts["lora_alpha"] == "8.0"
    # An encoder that learns is validated as it is, and not from the cache.
    check_round_trip(run_cli, adapted, tmp_path, 1e-9)


def test_a_whole_decoder_learns_and_is_read_again(decoded: Fitted, run_cli: RunCli, tmp_path: Path) -> None:
    check_learnt(decoded.folder)
    state = load_file(decoded.folder / "adapter.safetensors")
    whole = {name for name, _ in decoded.load().model.named_parameters() if name.startswith("mask_decoder.")}
    early = {name for name in whole if ".conv_s" in name}
    assert set(state) == whole - early
    assert len(early) == (4 if decoded.kind == "sam2_video" else 0)
    # Embeddings are kept in half precision while something learns.
    check_round_trip(run_cli, decoded, tmp_path, 2e-3)
    # Its embeddings are the frozen SAM's.
    frozen, tuned = decoded.load(), decoded.load("adapter.safetensors")
    assert (tuned.identity, tuned.embeddings_sha256) == (frozen.identity, frozen.sha256)
    assert (tuned.features_sha256 == frozen.sha256) == (not tuned.has_pixel_features)
    assert tuned.tuned_sha256 != frozen.sha256


def test_a_learning_sam_answers_as_peft_merges_it(adapted: Fitted) -> None:
    """The layers while they learn, peft's own merging, and ours from the file are one network."""
    files, learning, merged = adapted.load("adapter.safetensors"), adapted.load(), adapted.load()
    state = torch.load(adapted.folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    for sam in (learning, merged):
        LearningParts(sam, [], Lora(4, 8.0, BOTH))
        own = dict(sam.named_parameters(prefix="sam"))
        assert {name for name, weight in own.items() if weight.requires_grad} == set(state)
        with torch.no_grad():
            for name, weight in state.items():
                own[name].copy_(weight)
    for module in merged.modules():
        if hasattr(module, "get_delta_weight"):
            module.merge()  # type: ignore[operator]
    for name, weight in merged.model.named_parameters():
        if ".base_layer.weight" in name:
            ours = files.model.get_parameter(name.replace(".base_layer", ""))
            assert torch.allclose(weight, ours, rtol=0, atol=1e-6), name
    assert largest_difference(learning, files) < 1e-5


def test_an_adapter_of_another_sam(adapted: Fitted) -> None:
    with pytest.raises(InputError, match="was trained on another SAM"):
        SegmentAnything("demo", adapter=str(adapted.folder / "adapter.safetensors"))
