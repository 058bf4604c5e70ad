"""A tiny random SAM in the layout of segment-anything, saved as a checkpoint."""

from pathlib import Path

import safetensors.torch

from lit_samseg.sam.official.architecture import SamArchitecture, build_sam
from tests.sam.tiny_hub import randomise

TINY = SamArchitecture(
    image_size=64, patch_size=8, encoder_dim=32, encoder_depth=2, encoder_heads=2, encoder_global_attention=(1,),
    window_size=4, prompt_dim=32, decoder_depth=2, decoder_heads=2, decoder_mlp_dim=32, iou_head_hidden_dim=32,
)  # fmt: skip


def save_official(path: Path) -> Path:
    """Save one; the same each time."""
    sam = build_sam(TINY)
    randomise(sam)
    state = {name: tensor.contiguous() for name, tensor in sam.state_dict().items()}
    safetensors.torch.save_file(state, path, metadata={"architecture": TINY.to_json()})
    return path
