"""Sizes of a SAM, and the network of those sizes built from the segment-anything package.

A checkpoint of a SAM with unpublished sizes (the demo's) carries its `SamArchitecture` as JSON in
its metadata; the published ones are the presets. Importing this module loads neither torch nor
segment-anything.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam

MASK_INPUT_CHANNELS = 16
MULTIMASK_OUTPUTS = 3
IOU_HEAD_DEPTH = 3
# Mean and standard deviation of ImageNet's RGB values in [0, 255], as every published SAM uses.
PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True)
class SamArchitecture:
    """The sizes that tell one SAM from another.

    Attributes:
        image_size: Side of the square frame the encoder sees, in pixels.
        patch_size: Side of a patch, in pixels; divides `image_size`.
        encoder_dim: Width of the image encoder's tokens.
        encoder_depth: Number of its blocks.
        encoder_heads: Attention heads of a block; divides `encoder_dim`.
        encoder_global_attention: Indices of the blocks that attend over the whole frame.
        window_size: Side of the attention window of the other blocks, in patches.
        prompt_dim: Width of image embedding, prompt tokens and mask decoder; a multiple of 8.
        decoder_depth: Blocks of the two-way transformer.
        decoder_heads: Its attention heads; divides half of `prompt_dim`.
        decoder_mlp_dim: Hidden width of its MLPs.
        iou_head_hidden_dim: Hidden width of the head that predicts a mask's IoU.
    """

    image_size: int
    patch_size: int
    encoder_dim: int
    encoder_depth: int
    encoder_heads: int
    encoder_global_attention: tuple[int, ...]
    window_size: int
    prompt_dim: int = 256
    decoder_depth: int = 2
    decoder_heads: int = 8
    decoder_mlp_dim: int = 2048
    iou_head_hidden_dim: int = 256

    def __post_init__(self) -> None:
        """Refuse sizes that no network can have.

        Raises:
            ValueError: A size has the wrong type, is out of range or does not divide another.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "encoder_global_attention":
                if not isinstance(value, tuple) or not all(type(index) is int for index in value):
                    raise ValueError(f"SAM architecture: {field.name} must be block indices, got {value!r}")
            elif type(value) is not int or not 1 <= value <= 65536:
                raise ValueError(f"SAM architecture: {field.name} must be an integer in 1..65536, got {value!r}")
        if not all(0 <= index < self.encoder_depth for index in self.encoder_global_attention):
            raise ValueError(
                f"SAM architecture: encoder_global_attention {list(self.encoder_global_attention)} "
                f"names blocks outside 0..{self.encoder_depth - 1}"
            )
        for whole, part in (
            ("image_size", "patch_size"),
            ("encoder_dim", "encoder_heads"),
            ("prompt_dim", "decoder_heads"),
        ):
            # Cross-attention works at half of prompt_dim, so that half is what the heads share.
            size = getattr(self, whole) // (2 if whole == "prompt_dim" else 1)
            if size % getattr(self, part):
                raise ValueError(
                    f"SAM architecture: {part} {getattr(self, part)} does not divide {size}, "
                    f"from {whole} {getattr(self, whole)}"
                )
        if self.prompt_dim % 8:
            raise ValueError(f"SAM architecture: prompt_dim {self.prompt_dim} is not a multiple of 8")

    @property
    def grid_size(self) -> int:
        """Side of the image embedding, in patches."""
        return self.image_size // self.patch_size

    def to_json(self) -> str:
        """Return the sizes as one line of JSON that `from_json` reads."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> SamArchitecture:
        """Read what `to_json` wrote.

        Args:
            text: A JSON object with exactly the names of the attributes.

        Raises:
            ValueError: The text is no JSON object, a name is unknown or missing, or a size is
                impossible; the message is one line.
        """
        try:
            sizes = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"SAM architecture: not JSON ({error})") from error
        if not isinstance(sizes, dict):
            raise ValueError(f"SAM architecture: a JSON object is needed, got {type(sizes).__name__}")
        names = {field.name for field in fields(cls)}
        unknown, missing = sorted(sizes.keys() - names), sorted(names - sizes.keys())
        if unknown or missing:
            raise ValueError(f"SAM architecture: unknown sizes {unknown}, missing sizes {missing}")
        blocks = sizes["encoder_global_attention"]
        return cls(
            **{
                **sizes,
                "encoder_global_attention": tuple(blocks) if isinstance(blocks, list) else blocks,
            }
        )


SAM_VIT_B = SamArchitecture(
    image_size=1024, patch_size=16, encoder_dim=768, encoder_depth=12, encoder_heads=12,
    encoder_global_attention=(2, 5, 8, 11), window_size=14,
)  # fmt: skip
SAM_VIT_L = SamArchitecture(
    image_size=1024, patch_size=16, encoder_dim=1024, encoder_depth=24, encoder_heads=16,
    encoder_global_attention=(5, 11, 17, 23), window_size=14,
)  # fmt: skip
SAM_VIT_H = SamArchitecture(
    image_size=1024, patch_size=16, encoder_dim=1280, encoder_depth=32, encoder_heads=16,
    encoder_global_attention=(7, 15, 23, 31), window_size=14,
)  # fmt: skip
# Small enough to train and run on a processor, and to ship inside the package.
DEMO = SamArchitecture(
    image_size=128, patch_size=8, encoder_dim=96, encoder_depth=6, encoder_heads=3,
    encoder_global_attention=(2, 5), window_size=8, prompt_dim=64, decoder_depth=2,
    decoder_heads=4, decoder_mlp_dim=256, iou_head_hidden_dim=64,
)  # fmt: skip


def build_prompt_and_mask(architecture: SamArchitecture) -> tuple[PromptEncoder, MaskDecoder]:
    """Build the two parts of SAM that come after the image encoder.

    Args:
        architecture: Sizes; those of the image encoder are not used beyond its grid.

    Returns:
        The prompt encoder and the mask decoder, randomly initialised.
    """
    from segment_anything.modeling import MaskDecoder, PromptEncoder, TwoWayTransformer

    grid = architecture.grid_size
    prompt_encoder = PromptEncoder(
        embed_dim=architecture.prompt_dim,
        image_embedding_size=(grid, grid),
        input_image_size=(architecture.image_size, architecture.image_size),
        mask_in_chans=MASK_INPUT_CHANNELS,
    )
    mask_decoder = MaskDecoder(
        num_multimask_outputs=MULTIMASK_OUTPUTS,
        transformer=TwoWayTransformer(
            depth=architecture.decoder_depth,
            embedding_dim=architecture.prompt_dim,
            mlp_dim=architecture.decoder_mlp_dim,
            num_heads=architecture.decoder_heads,
        ),
        transformer_dim=architecture.prompt_dim,
        iou_head_depth=IOU_HEAD_DEPTH,
        iou_head_hidden_dim=architecture.iou_head_hidden_dim,
    )
    return prompt_encoder, mask_decoder


def build_sam(architecture: SamArchitecture) -> Sam:
    """Build a SAM with a plain ViT encoder.

    Args:
        architecture: Sizes; `SAM_VIT_B`, `SAM_VIT_L` and `SAM_VIT_H` fit the published weights.

    Returns:
        The network in evaluation mode, randomly initialised. Its state dict has the names and
        shapes of the segment-anything package's own networks.
    """
    import torch
    from segment_anything.modeling import ImageEncoderViT, Sam

    image_encoder = ImageEncoderViT(
        img_size=architecture.image_size,
        patch_size=architecture.patch_size,
        embed_dim=architecture.encoder_dim,
        depth=architecture.encoder_depth,
        num_heads=architecture.encoder_heads,
        mlp_ratio=4,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
        qkv_bias=True,
        use_rel_pos=True,
        global_attn_indexes=architecture.encoder_global_attention,
        window_size=architecture.window_size,
        out_chans=architecture.prompt_dim,
    )
    prompt_encoder, mask_decoder = build_prompt_and_mask(architecture)
    sam = Sam(
        image_encoder=image_encoder,
        prompt_encoder=prompt_encoder,
        mask_decoder=mask_decoder,
        pixel_mean=list(PIXEL_MEAN),
        pixel_std=list(PIXEL_STD),
    )
    return sam.eval()
