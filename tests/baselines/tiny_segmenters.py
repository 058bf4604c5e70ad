"""Tiny random segmenters of every architecture, saved as the hub has them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from torch import nn

CLASSES = tuple(f"thing {i}" for i in range(7))
SIDE = 64

SQUARE = {"height": SIDE, "width": SIDE}
NAMES: dict[str, Any] = {"id2label": dict(enumerate(CLASSES)), "label2id": {n: i for i, n in enumerate(CLASSES)}}
VIT: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "image_size": SIDE,
    "patch_size": 16,
}
STAGES = ["stage1", "stage2", "stage3", "stage4"]


def swin() -> hf.SwinConfig:
    return hf.SwinConfig(
        embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=2, image_size=SIDE, out_features=STAGES
    )


def segformer() -> tuple[nn.Module, Any]:
    config = hf.SegformerConfig(
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 1, 1],
        decoder_hidden_size=16,
        **NAMES,
    )
    processor = hf.SegformerImageProcessor(size=SQUARE, do_reduce_labels=True)
    return hf.SegformerForSemanticSegmentation(config), processor


def upernet() -> tuple[nn.Module, Any]:
    backbone = hf.ConvNextConfig(depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16], out_features=STAGES)
    config = hf.UperNetConfig(
        backbone_config=backbone, hidden_size=16, auxiliary_channels=8, auxiliary_in_channels=16, **NAMES
    )
    processor = hf.SegformerImageProcessor(size=SQUARE, do_reduce_labels=True)
    return hf.UperNetForSemanticSegmentation(config), processor


def dpt() -> tuple[nn.Module, Any]:
    config = hf.DPTConfig(
        backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 16, 16], fusion_hidden_size=16, **VIT, **NAMES
    )
    processor = hf.DPTImageProcessor(
        size=SQUARE, do_reduce_labels=True, keep_aspect_ratio=True, ensure_multiple_of=32, do_pad=True, size_divisor=48
    )
    return hf.DPTForSemanticSegmentation(config), processor


def beit() -> tuple[nn.Module, Any]:
    config = hf.BeitConfig(
        out_indices=[1, 2, 3, 4],
        use_relative_position_bias=True,
        use_absolute_position_embeddings=True,
        auxiliary_channels=8,
        **VIT,
        **NAMES,
    )
    processor = hf.BeitImageProcessor(
        size={"height": 80, "width": 80}, crop_size=SQUARE, do_center_crop=True, do_reduce_labels=True
    )
    return hf.BeitForSemanticSegmentation(config), processor


def data2vec() -> tuple[nn.Module, Any]:
    config = hf.Data2VecVisionConfig(
        out_indices=[0, 1, 2, 3], use_relative_position_bias=True, auxiliary_channels=8, **VIT, **NAMES
    )
    processor = hf.BeitImageProcessor(size=SQUARE, do_center_crop=False, do_reduce_labels=True)
    return hf.Data2VecVisionForSemanticSegmentation(config), processor


def mobilevit() -> tuple[nn.Module, Any]:
    config = hf.MobileViTConfig(
        image_size=SIDE,
        hidden_sizes=[8, 12, 16],
        neck_hidden_sizes=[4, 4, 8, 8, 12, 16, 24],
        num_attention_heads=2,
        aspp_out_channels=16,
        output_stride=16,
        atrous_rates=[1, 2, 3],
        **NAMES,
    )
    processor = hf.MobileViTImageProcessor(size={"shortest_edge": 72}, crop_size=SQUARE)
    return hf.MobileViTForSemanticSegmentation(config), processor


def mobilevitv2() -> tuple[nn.Module, Any]:
    config = hf.MobileViTV2Config(
        image_size=SIDE,
        width_multiplier=0.125,
        base_attn_unit_dims=[16, 16, 16],
        n_attn_blocks=[1, 1, 1],
        aspp_out_channels=16,
        output_stride=16,
        atrous_rates=[1, 2, 3],
        **NAMES,
    )
    processor = hf.MobileViTImageProcessor(size={"shortest_edge": 72}, crop_size=SQUARE)
    return hf.MobileViTV2ForSemanticSegmentation(config), processor


def mask2former() -> tuple[nn.Module, Any]:
    config = hf.Mask2FormerConfig(
        backbone_config=swin(),
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=32,
        dim_feedforward=32,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        num_queries=12,
        **NAMES,
    )
    size = {"shortest_edge": SIDE, "longest_edge": 256}
    processor = hf.Mask2FormerImageProcessor(size=size, do_reduce_labels=True, ignore_index=255)
    return hf.Mask2FormerForUniversalSegmentation(config), processor


def maskformer() -> tuple[nn.Module, Any]:
    decoder = hf.DetrConfig(
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        num_queries=12,
    )
    config = hf.MaskFormerConfig(
        backbone_config=swin(), decoder_config=decoder, fpn_feature_size=32, mask_feature_size=32, **NAMES
    )
    size = {"shortest_edge": SIDE, "longest_edge": 256}
    processor = hf.MaskFormerImageProcessor(size=size, do_reduce_labels=True, ignore_index=255)
    return hf.MaskFormerForInstanceSegmentation(config), processor


def eomt() -> tuple[nn.Module, Any]:
    config = hf.EomtConfig(num_blocks=1, num_queries=12, num_upscale_blocks=1, **VIT | {"hidden_size": 32}, **NAMES)
    processor = hf.EomtImageProcessor(size={"shortest_edge": SIDE, "longest_edge": None}, do_split_image=True)
    return hf.EomtForUniversalSegmentation(config), processor


def eomt_dinov3() -> tuple[nn.Module, Any]:
    vit = VIT | {"hidden_size": 32}
    config = hf.EomtDinov3Config(num_blocks=1, num_queries=12, num_upscale_blocks=1, **vit, **NAMES)
    processor = hf.EomtImageProcessor(size={"shortest_edge": SIDE, "longest_edge": None}, do_split_image=True)
    return hf.EomtDinov3ForUniversalSegmentation(config), processor


BUILDERS: dict[str, Callable[[], tuple[nn.Module, Any]]] = {
    "beit": beit,
    "data2vec-vision": data2vec,
    "dpt": dpt,
    "eomt": eomt,
    "eomt_dinov3": eomt_dinov3,
    "mask2former": mask2former,
    "maskformer": maskformer,
    "mobilevit": mobilevit,
    "mobilevitv2": mobilevitv2,
    "segformer": segformer,
    "upernet": upernet,
}


def save(kind: str, folder: Path, **settings: Any) -> Path:
    """Save a tiny checkpoint of an architecture; ``settings`` replace its processor's."""
    torch.manual_seed(0)
    model, processor = BUILDERS[kind]()
    enliven(model)
    model.save_pretrained(folder)  # type: ignore[operator]
    for key, value in settings.items():
        setattr(processor, key, value)
    processor.save_pretrained(folder)
    return folder


def enliven(model: nn.Module) -> None:
    """Draw weights so large that classes and masks differ from place to place, as those of fresh networks do not."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() < 2:
                continue
            head = any(part in name for part in ("class_predictor", "class_embed", "mask_head", "mask_embed"))
            gain = 4 if head else 1.5
            weight.normal_(0, gain * weight[0].numel() ** -0.5)


def random_image(height: int, width: int) -> torch.Tensor:
    """A picture uint8 ``[3, H, W]`` of coarse patches under noise."""
    numbers = torch.Generator().manual_seed(height * 1000 + width)
    coarse = 255 * torch.rand(1, 3, 4, 4, generator=numbers)
    picture = nn.functional.interpolate(coarse, (height, width), mode="bicubic")[0]
    return (picture + 30 * torch.randn(3, height, width, generator=numbers)).clamp(0, 255).byte()
