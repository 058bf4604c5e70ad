"""MobileSAM: SAM's prompt encoder and mask decoder behind a TinyViT image encoder from timm.

Zhang et al., "Faster Segment Anything", 2023. Nothing of the published code is needed: the encoder is timm's TinyViT
with its last down-sampling at stride 1 (which keeps a 64 x 64 grid for a 1024-pixel image), then SAM's own neck.
"""

import re
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lit_samseg.sam.official.architecture import (
    PIXEL_MEAN,
    PIXEL_STD,
    SamArchitecture,
    build_prompt_and_mask,
)

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

# What the published decoder shares with SAM's; the ViT fields of the architecture are not used.
IMAGE_SIZE = 1024
GRID = 64
EMBEDDING_DIM = 256


class TinyViTEncoder(nn.Module):
    """TinyViT-5M with a 64 x 64 grid and SAM's neck.

    ``forward`` maps float ``[B, 3, 1024, 1024]`` (normalised, padded) to float ``[B, 256, 64, 64]``.
    """

    img_size = IMAGE_SIZE

    def __init__(self) -> None:
        super().__init__()
        from segment_anything.modeling.common import LayerNorm2d
        from timm.models.tiny_vit import TinyVit

        self.backbone = TinyVit(
            num_classes=0,
            embed_dims=(64, 128, 160, 320),
            depths=(2, 2, 6, 2),
            num_heads=(2, 4, 5, 10),
            window_sizes=(7, 7, 14, 7),
            drop_path_rate=0.0,
        )
        # The ImageNet head is not part of an encoder, and the checkpoint may lack its tensors.
        self.backbone.head = nn.Identity()
        self.backbone.stages[3].downsample.conv2.conv.stride = (1, 1)
        self.neck = nn.Sequential(
            nn.Conv2d(320, EMBEDDING_DIM, kernel_size=1, bias=False),
            LayerNorm2d(EMBEDDING_DIM),
            nn.Conv2d(EMBEDDING_DIM, EMBEDDING_DIM, kernel_size=3, padding=1, bias=False),
            LayerNorm2d(EMBEDDING_DIM),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Encode a batch of normalised, padded images."""
        embedding: Tensor = self.neck(self.backbone.forward_features(image))
        return embedding


def build_mobile_sam() -> "Sam":
    """Build MobileSAM with random weights: segment-anything's ``Sam`` around ``TinyViTEncoder``."""
    from segment_anything.modeling import Sam

    prompt_encoder, mask_decoder = build_prompt_and_mask(
        SamArchitecture(
            image_size=IMAGE_SIZE,
            patch_size=IMAGE_SIZE // GRID,
            encoder_dim=320,
            encoder_depth=12,
            encoder_heads=10,
            encoder_global_attention=(),
            window_size=14,
            prompt_dim=EMBEDDING_DIM,
        )
    )
    return Sam(
        image_encoder=TinyViTEncoder(),
        prompt_encoder=prompt_encoder,
        mask_decoder=mask_decoder,
        pixel_mean=list(PIXEL_MEAN),
        pixel_std=list(PIXEL_STD),
    )


# Published key -> our key, tried in this order; each rule names one difference between the two TinyViTs.
_RENAMINGS = (
    (r"^image_encoder\.patch_embed\.seq\.0\.", r"image_encoder.backbone.patch_embed.conv1."),
    (r"^image_encoder\.patch_embed\.seq\.2\.", r"image_encoder.backbone.patch_embed.conv2."),
    # timm counts a down-sampling to the stage it leads into, the published code to the one it leaves.
    (
        r"^image_encoder\.layers\.(\d)\.downsample\.",
        lambda match: f"image_encoder.backbone.stages.{int(match[1]) + 1}.downsample.",
    ),
    (r"^image_encoder\.layers\.", r"image_encoder.backbone.stages."),
    (r"\.c\.weight$", r".conv.weight"),
)
# The unused ImageNet head, and an index table that follows from the window size.
_UNUSED = re.compile(r"^image_encoder\.(norm_head|head)\.|\.attention_bias_idxs$")


def rename_published_keys(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a published ``mobile_sam.pt`` to those of ``build_mobile_sam``."""
    renamed = {}
    for key, tensor in state.items():
        if _UNUSED.search(key):
            continue
        for pattern, replacement in _RENAMINGS:
            key = re.sub(pattern, replacement, key)
        renamed[key] = tensor
    return renamed


def is_mobile_sam(state: dict[str, Tensor]) -> bool:
    """Tell whether a state dict has the published MobileSAM's image encoder."""
    return isinstance(state.get("image_encoder.patch_embed.seq.0.c.weight"), torch.Tensor)
