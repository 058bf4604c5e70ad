"""A SAM of the segment-anything package, rewritten in the layout of transformers."""

import re
from pathlib import Path

import torch
from transformers import SamConfig, SamModel

from lit_samseg.sam.official.architecture import IOU_HEAD_DEPTH, MASK_INPUT_CHANNELS, MULTIMASK_OUTPUTS, SamArchitecture

# Every name of segment-anything, part by part; the last layer of a head is called proj_out.
RENAMES = (
    (r"^image_encoder\.blocks\.(\d+)\.norm", r"vision_encoder.layers.\1.layer_norm"),
    (r"^image_encoder\.blocks\.", "vision_encoder.layers."),
    (r"^image_encoder\.patch_embed\.proj\.", "vision_encoder.patch_embed.projection."),
    (r"^image_encoder\.neck\.0\.", "vision_encoder.neck.conv1."),
    (r"^image_encoder\.neck\.1\.", "vision_encoder.neck.layer_norm1."),
    (r"^image_encoder\.neck\.2\.", "vision_encoder.neck.conv2."),
    (r"^image_encoder\.neck\.3\.", "vision_encoder.neck.layer_norm2."),
    (r"^image_encoder\.", "vision_encoder."),
    (r"^prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix$", "shared_image_embedding.positional_embedding"),
    (r"^prompt_encoder\.point_embeddings\.", "prompt_encoder.point_embed."),
    (r"^prompt_encoder\.mask_downscaling\.0\.", "prompt_encoder.mask_embed.conv1."),
    (r"^prompt_encoder\.mask_downscaling\.1\.", "prompt_encoder.mask_embed.layer_norm1."),
    (r"^prompt_encoder\.mask_downscaling\.3\.", "prompt_encoder.mask_embed.conv2."),
    (r"^prompt_encoder\.mask_downscaling\.4\.", "prompt_encoder.mask_embed.layer_norm2."),
    (r"^prompt_encoder\.mask_downscaling\.6\.", "prompt_encoder.mask_embed.conv3."),
    (r"^(mask_decoder\.transformer\.layers\.\d+)\.norm", r"\1.layer_norm"),
    (r"^mask_decoder\.transformer\.norm_final_attn\.", "mask_decoder.transformer.layer_norm_final_attn."),
    (r"^mask_decoder\.output_upscaling\.0\.", "mask_decoder.upscale_conv1."),
    (r"^mask_decoder\.output_upscaling\.1\.", "mask_decoder.upscale_layer_norm."),
    (r"^mask_decoder\.output_upscaling\.3\.", "mask_decoder.upscale_conv2."),
    (r"^(mask_decoder\.(?:output_hypernetworks_mlps\.\d|iou_prediction_head))\.layers\.0\.", r"\1.proj_in."),
    (r"^(mask_decoder\.(?:output_hypernetworks_mlps\.\d|iou_prediction_head))\.layers\.1\.", r"\1.layers.0."),
    (r"^(mask_decoder\.(?:output_hypernetworks_mlps\.\d|iou_prediction_head))\.layers\.2\.", r"\1.proj_out."),
)


def rename(name: str) -> str:
    """Rename one tensor."""
    for pattern, replacement in RENAMES:
        renamed, count = re.subn(pattern, replacement, name)
        if count:
            return renamed
    return name


def hub_config(architecture: SamArchitecture) -> SamConfig:
    """The same sizes as transformers writes them."""
    return SamConfig(
        vision_config={
            "hidden_size": architecture.encoder_dim,
            "output_channels": architecture.prompt_dim,
            "num_hidden_layers": architecture.encoder_depth,
            "num_attention_heads": architecture.encoder_heads,
            "image_size": architecture.image_size,
            "patch_size": architecture.patch_size,
            "window_size": architecture.window_size,
            "global_attn_indexes": list(architecture.encoder_global_attention),
            "num_pos_feats": architecture.prompt_dim // 2,
        },
        prompt_encoder_config={
            "hidden_size": architecture.prompt_dim,
            "image_size": architecture.image_size,
            "patch_size": architecture.patch_size,
            "mask_input_channels": MASK_INPUT_CHANNELS,
        },
        mask_decoder_config={
            "hidden_size": architecture.prompt_dim,
            "num_hidden_layers": architecture.decoder_depth,
            "num_attention_heads": architecture.decoder_heads,
            "mlp_dim": architecture.decoder_mlp_dim,
            "iou_head_hidden_dim": architecture.iou_head_hidden_dim,
            "iou_head_depth": IOU_HEAD_DEPTH,
            "num_multimask_outputs": MULTIMASK_OUTPUTS,
        },
    )


def save_in_hub_layout(state: dict[str, torch.Tensor], architecture: SamArchitecture, folder: Path) -> None:
    """Write segment-anything's tensors as a checkpoint of ``SamModel``; every name and shape must fit."""
    model = SamModel(hub_config(architecture))
    renamed = {rename(name): tensor for name, tensor in state.items()}
    assert len(renamed) == len(state)
    # Tied: transformers keeps the same tensor under two names.
    positions = "positional_embedding"
    renamed[f"prompt_encoder.shared_embedding.{positions}"] = renamed[f"shared_image_embedding.{positions}"]
    model.load_state_dict(renamed, strict=True)
    model.save_pretrained(folder)
