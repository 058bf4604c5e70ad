"""Tiny random SAMs of every family, saved as the hub would."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import transformers as hf

DIM = 32
DECODER = {"hidden_size": DIM, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 32}
MEMORY = {
    "memory_attention_hidden_size": DIM,
    "memory_attention_num_layers": 1,
    "memory_attention_rope_feat_sizes": [4, 4],
    "memory_encoder_hidden_size": DIM,
    "memory_encoder_output_channels": 16,
    "mask_downsampler_embed_dim": DIM,
    "memory_fuser_embed_dim": DIM,
    "memory_fuser_intermediate_dim": 32,
    "memory_fuser_num_layers": 1,
}
RESAMPLER = {
    "memory_attention_rope_k_sizes": [4, 4],
    "perceiver_resampler_num_latents": 4,
    "perceiver_resampler_num_latents_2d": 4,
    "perceiver_resampler_hidden_size": 16,
    "perceiver_resampler_mlp_intermediate_size": 16,
    "perceiver_resampler_attention_head_dim": 16,
}
PYRAMID = {"backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]], "fpn_hidden_size": DIM}


def prompt_encoder(image_size: int, patch_size: int) -> dict[str, int]:
    return {"hidden_size": DIM, "image_size": image_size, "patch_size": patch_size, "mask_input_channels": 16}


def sam_config(config_class: Any, **decoder: int) -> Any:
    vision = {
        "hidden_size": 32,
        "output_channels": DIM,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "image_size": 64,
        "patch_size": 8,
        "window_size": 3,
        # Two global blocks: SAM-HQ's decoder takes the first of them.
        "global_attn_indexes": [0, 2],
        "num_pos_feats": DIM // 2,
    }
    return config_class(
        vision_config=vision, prompt_encoder_config=prompt_encoder(64, 8), mask_decoder_config=DECODER | decoder
    )


def sam2_config(config_class: Any, **more: Any) -> Any:
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": 8,
        "image_size": [64, 64],
        "blocks_per_stage": [1, 1, 2, 1],
        "embed_dim_per_stage": [8, 16, 32, 64],
        "num_attention_heads_per_stage": [1, 2, 4, 8],
        "window_size_per_stage": [8, 4, 4, 2],
        "global_attention_blocks": [3],
        "window_positional_embedding_background_size": [4, 4],
    }
    vision = PYRAMID | {
        "model_type": "sam2_vision_model",
        "backbone_config": backbone,
        "backbone_channel_list": [64, 32, 16, 8],
    }
    return config_class(
        vision_config=vision, prompt_encoder_config=prompt_encoder(64, 16), mask_decoder_config=DECODER, **more
    )


def sam3_config(config_class: Any, **more: Any) -> Any:
    backbone = {
        "model_type": "sam3_vit_model",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 56,
        "patch_size": 14,
        "window_size": 2,
        "global_attn_indexes": [1],
        "pretrain_image_size": 28,
    }
    vision = PYRAMID | {"model_type": "sam3_vision_model", "backbone_config": backbone}
    return config_class(
        vision_config=vision, prompt_encoder_config=prompt_encoder(56, 14), mask_decoder_config=DECODER, **more
    )


def sam3_video_config() -> Any:
    tracker = sam3_config(hf.Sam3TrackerVideoConfig, image_size=56, **MEMORY).to_dict()
    small = {"hidden_size": DIM, "num_layers": 1, "intermediate_size": 32}
    text = {
        "model_type": "clip_text_model",
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "vocab_size": 20,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "projection_dim": 32,
        "max_position_embeddings": 8,
    }
    detector = {
        "model_type": "sam3",
        "vision_config": tracker["vision_config"],
        "text_config": text,
        "geometry_encoder_config": small,
        "detr_encoder_config": small,
        "detr_decoder_config": small | {"num_queries": 4},
        "mask_decoder_config": {"hidden_size": DIM},
    }
    return hf.Sam3VideoConfig(detector_config=detector, tracker_config=tracker, low_res_mask_size=16)


def edgetam_config(config_class: Any, **more: Any) -> Any:
    backbone = {
        "model_type": "timm_wrapper",
        "architecture": "repvit_m1",
        "num_classes": 2,
        "model_args": {
            "in_chans": 3,
            "features_only": True,
            "out_indices": [0, 1, 2, 3],
            "embed_dim": [8, 16, 32, 64],
        },
    }
    vision = PYRAMID | {
        "model_type": "edgetam_vision_model",
        "backbone_config": backbone,
        "backbone_channel_list": [64, 32, 16, 8],
    }
    return config_class(
        vision_config=vision, prompt_encoder_config=prompt_encoder(64, 16), mask_decoder_config=DECODER, **more
    )


EDGETAM_MEMORY = MEMORY | RESAMPLER
# By model_type: what is saved, and the class for single images that transformers reads it with.
MODELS: dict[str, tuple[Callable[[], Any], Any, Any]] = {
    "sam": (lambda: sam_config(hf.SamConfig), hf.SamModel, hf.SamModel),
    "sam_hq": (lambda: sam_config(hf.SamHQConfig, vit_dim=32), hf.SamHQModel, hf.SamHQModel),
    "sam2": (lambda: sam2_config(hf.Sam2Config), hf.Sam2Model, hf.Sam2Model),
    "sam2_video": (lambda: sam2_config(hf.Sam2VideoConfig, **MEMORY), hf.Sam2VideoModel, hf.Sam2Model),
    "sam3_tracker": (lambda: sam3_config(hf.Sam3TrackerConfig), hf.Sam3TrackerModel, hf.Sam3TrackerModel),
    "sam3_tracker_video": (
        lambda: sam3_config(hf.Sam3TrackerVideoConfig, image_size=56, **MEMORY),
        hf.Sam3TrackerVideoModel,
        hf.Sam3TrackerModel,
    ),
    "sam3_video": (sam3_video_config, hf.Sam3VideoModel, hf.Sam3TrackerModel),
    "edgetam": (lambda: edgetam_config(hf.EdgeTamConfig), hf.EdgeTamModel, hf.EdgeTamModel),
    "edgetam_video": (
        lambda: edgetam_config(hf.EdgeTamVideoConfig, **EDGETAM_MEMORY),
        hf.EdgeTamVideoModel,
        hf.EdgeTamModel,
    ),
}


def processor(model_type: str) -> Any:
    """The library's own processor for the tiny sizes."""
    if model_type in ("sam", "sam_hq"):
        images = hf.SamImageProcessorPil(
            size={"longest_edge": 64},
            pad_size={"height": 64, "width": 64},
            mask_size={"longest_edge": 32},
            mask_pad_size={"height": 32, "width": 32},
        )
        return (hf.SamProcessor if model_type == "sam" else hf.SamHQProcessor)(images)
    if model_type.startswith("sam3"):
        side, masks = {"height": 56, "width": 56}, {"height": 16, "width": 16}
        return hf.Sam3TrackerProcessor(hf.Sam3ImageProcessor(size=side, mask_size=masks))
    side, masks = {"height": 64, "width": 64}, {"height": 16, "width": 16}
    return hf.Sam2Processor(hf.Sam2ImageProcessor(size=side, mask_size=masks))


def save(model_type: str, folder: Path) -> Any:
    """Save a tiny random model and its processor; return the model."""
    config, saved_class, _ = MODELS[model_type]
    model = saved_class(config())
    randomise(model)
    if model_type.startswith("edgetam"):
        tame(model.vision_encoder)
    if model_type == "sam3_video":
        # save_pretrained of transformers 5.23 writes tracker_model.tracker_model.*, which no class reads back.
        model.config.save_pretrained(folder)
        state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
        safetensors.torch.save_file(state, folder / "model.safetensors")
    else:
        model.save_pretrained(folder)
    processor(model_type).save_pretrained(folder)
    return model


def randomise(model: torch.nn.Module) -> None:
    """Give every tensor numbers with which the output depends on the image and on every part of a prompt."""
    numbers = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=numbers)
            if "point_embed" in name or "mask_embed.conv3" in name:
                parameter.copy_(noise)
            elif parameter.ndim > 1:
                parameter.copy_(noise / max(1, parameter[0].numel()) ** 0.5)
            else:
                parameter.add_(0.1 * noise)


def tame(encoder: Any) -> None:
    """Give EdgeTAM's backbone the statistics that training would have, without which its activations overflow."""
    norms = [module for module in encoder.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    encoder.train()
    with torch.no_grad():
        encoder(torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
        for parameter in encoder.neck.parameters():
            parameter.mul_(0.2)
    encoder.eval()
