"""A tiny SAM of segment-anything, and what is exported of it, once."""

from pathlib import Path

import pytest
import safetensors.torch
import torch

from lit_samseg.sam import SegmentAnything
from lit_samseg.sam.official.architecture import SamArchitecture, build_sam

TINY = SamArchitecture(
    image_size=64, patch_size=8, encoder_dim=32, encoder_depth=1, encoder_heads=2, encoder_global_attention=(0,),
    window_size=4, prompt_dim=32, decoder_depth=1, decoder_heads=2, decoder_mlp_dim=32, iou_head_hidden_dim=32,
)  # fmt: skip


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights with which every part of a prompt counts."""
    numbers = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sam = build_sam(TINY)
    with torch.no_grad():
        for parameter in sam.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=numbers))
    path = tmp_path_factory.mktemp("tiny") / "tiny.safetensors"
    state = {name: tensor.contiguous() for name, tensor in sam.state_dict().items()}
    safetensors.torch.save_file(state, path, metadata={"architecture": TINY.to_json()})
    return path


@pytest.fixture(scope="session")
def tiny_sam(tiny_checkpoint: Path) -> SegmentAnything:
    return SegmentAnything(str(tiny_checkpoint))


@pytest.fixture(scope="session")
def exported(tiny_sam: SegmentAnything, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an export; tests that change it take a copy."""
    for package in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install 'lit_samseg[onnx]'")
    from lit_samseg.export.folder import export_onnx

    folder = tmp_path_factory.mktemp("exported") / "deep" / "tiny"
    export_onnx(tiny_sam, folder)
    return folder
