"""What is exported of a SAM: an encoder of one picture, and a decoder of any prompts.

Both decoders take segment-anything's own inputs (``SamOnnxModel``): points with labels 1 (foreground), 0 (background),
2 and 3 (a box's corners) and -1 (no point), a mask prompt, and whether there is one. They answer with the single mask
first and the candidates after it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lit_samseg.errors import InputError
from lit_samseg.sam import HubSam, PromptableSegmenter, SegmentAnything, SquareFrame
from lit_samseg.sam.official.architecture import MULTIMASK_OUTPUTS
from lit_samseg.sam.official.mask_decoder import UPSCALING, decode_masks, image_tokens
from lit_samseg.sam.official.prompt_encoder import mask_tokens
from lit_samseg.sam.onnx_folder import Padding


@dataclass(frozen=True)
class Graphs:
    """A SAM as two networks that can be exported.

    Attributes:
        encoder: From a normalised, padded image ``[1, 3, S, S]`` to an embedding ``[1, D, h, w]``, and levels.
        decoder: From an embedding, points ``[B, K, 2]`` in the square's pixels, labels ``[B, K]``, a mask prompt ``[B,
            1, m, m]``, whether there is one ``[1]``, and levels, to logits ``[B, 1 + M, m, m]`` and scores ``[B, 1 +
            M]``. All are float32.
        mean: Of red, green and blue, of 0 to 255.
        std: Likewise.
        stretched: Whether images are stretched to the square.
        candidates: ``M``.
        padding: Points that the SAM adds to a prompt.
    """

    encoder: nn.Module
    decoder: nn.Module
    mean: Tensor
    std: Tensor
    stretched: bool
    candidates: int
    padding: Padding


def graphs_of(sam: PromptableSegmenter) -> Graphs:
    """Return what is exported of a SAM.

    Raises:
        InputError: It is of no class that can be exported.
    """
    if isinstance(sam, SegmentAnything):
        if sam.classes is not None:
            raise InputError(
                f"adapter {sam.adapter_file} knows classes, which ONNX decoders are not told; export one trained "
                "without --model.classes"
            )
        return Graphs(
            encoder=sam.model.image_encoder,
            decoder=OfficialDecoder(sam),
            mean=sam.model.pixel_mean,
            std=sam.model.pixel_std,
            stretched=False,
            candidates=MULTIMASK_OUTPUTS,
            padding=Padding(points=1, box=0, neither=0),
        )
    if isinstance(sam, HubSam):
        stretched = issubclass(sam.family.frame, SquareFrame)
        return Graphs(
            encoder=HubEncoder(sam),
            decoder=(PyramidDecoder if stretched else PlainDecoder)(sam),
            mean=sam.mean,
            std=sam.std,
            stretched=stretched,
            candidates=sam.model.config.mask_decoder_config.num_multimask_outputs,
            # SAM 2 closes every prompt with an empty point, and gives one without points one more.
            padding=Padding(points=1, box=1, neither=2) if stretched else Padding(points=1, box=0, neither=0),
        )
    raise InputError(f"a {type(sam).__name__} cannot be exported; give a SAM of segment-anything or transformers")


class Decoder(nn.Module, ABC):
    """A decoder whose prompts are numbers alone."""

    kinds: Tensor

    def __init__(self, empty: Tensor, kinds: Sequence[Tensor]) -> None:
        """Keep what the labels -1, 0, 1, 2 and 3 add to a point, ``[1, C]`` each."""
        super().__init__()
        self.register_buffer("kinds", torch.cat([empty, *kinds]).detach())

    def tokens(self, coordinates: Tensor, labels: Tensor) -> Tensor:
        """Encode points: ``[B, K, 2]`` with labels ``[B, K]`` become ``[B, K, C]``."""
        where = torch.where(labels[..., None] < 0, 0.0, self.locate(coordinates + 0.5))
        return where + self.kinds[labels.long() + 1]

    @abstractmethod
    def locate(self, coordinates: Tensor) -> Tensor:
        """Return the positional encoding ``[B, K, C]`` of points in the square."""


class OfficialDecoder(Decoder):
    """Segment-anything's, arranged as `lit_samseg.sam.official.mask_decoder` does."""

    image_pe: Tensor

    def __init__(self, sam: SegmentAnything) -> None:
        encoder = sam.model.prompt_encoder
        super().__init__(encoder.not_a_point_embed.weight, [kind.weight for kind in encoder.point_embeddings])
        self.prompt_encoder, self.mask_decoder = encoder, sam.model.mask_decoder
        self.register_buffer("image_pe", sam.image_pe)

    def locate(self, coordinates: Tensor) -> Tensor:
        """Return the positional encoding of points."""
        encoder = self.prompt_encoder
        located: Tensor = encoder.pe_layer.forward_with_coords(coordinates, encoder.input_image_size)
        return located

    def forward(
        self, image_embeddings: Tensor, point_coords: Tensor, point_labels: Tensor, mask_input: Tensor, has_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Decode prompts of one image."""
        encoder = self.prompt_encoder
        dense = torch.where(has_mask > 0, mask_tokens(encoder, mask_input), encoder.no_mask_embed.weight)
        keys = image_embeddings.flatten(2).mT + dense
        image = image_tokens(self.mask_decoder, keys, self.image_pe, shared=False)
        height, width = grid = encoder.image_embedding_size
        used = UPSCALING * height, UPSCALING * width
        tokens = self.tokens(point_coords, point_labels)
        return decode_masks(self.mask_decoder, image, tokens, grid, used, slice(0, None))


class HubEncoder(nn.Module):
    """The encoder of a SAM of transformers."""

    def __init__(self, sam: HubSam) -> None:
        super().__init__()
        self.model, self.family = sam.model, sam.family

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Encode one normalised image."""
        features, levels = self.family.split(self.model.get_image_embeddings(image))
        return (features, *levels)


class HubDecoder(Decoder):
    """The decoder of a SAM of transformers."""

    image_pe: Tensor

    def __init__(self, sam: HubSam, kinds: Sequence[Tensor]) -> None:
        encoder = sam.model.prompt_encoder
        super().__init__(encoder.not_a_point_embed.weight, kinds)
        self.prompt_encoder, self.mask_decoder = encoder, sam.model.mask_decoder
        self.register_buffer("image_pe", sam.model.get_image_wide_positional_embeddings().detach())

    def locate(self, coordinates: Tensor) -> Tensor:
        """Return the positional encoding of points."""
        size = self.prompt_encoder.input_image_size
        located: Tensor = self.prompt_encoder.shared_embedding(coordinates[:, None], (size, size))[:, 0]
        return located

    def forward(
        self,
        image_embeddings: Tensor,
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask: Tensor,
        *levels: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Decode prompts of one image: each is an image of its own to transformers."""
        count = point_coords.shape[0]
        encoder = self.prompt_encoder
        dense = torch.where(has_mask > 0, encoder.mask_embed(mask_input), encoder.no_mask_embed.weight[..., None, None])
        answers = [
            self.mask_decoder(
                image_embeddings=image_embeddings.expand(count, -1, -1, -1),
                image_positional_embeddings=self.image_pe.expand(count, -1, -1, -1),
                sparse_prompt_embeddings=self.tokens(point_coords, point_labels)[:, None],
                dense_prompt_embeddings=dense,
                multimask_output=multimask,
                **self.more(levels, count),
            )
            for multimask in (False, True)
        ]
        return torch.cat([one[0][:, 0] for one in answers], dim=1), torch.cat([one[1][:, 0] for one in answers], dim=1)

    @abstractmethod
    def more(self, levels: Sequence[Tensor], count: int) -> dict[str, object]:
        """Return what else the family's decoder takes."""


class PlainDecoder(HubDecoder):
    """SAM and SAM-HQ."""

    def __init__(self, sam: HubSam) -> None:
        super().__init__(sam, [kind.weight for kind in sam.model.prompt_encoder.point_embed])

    def more(self, levels: Sequence[Tensor], count: int) -> dict[str, object]:
        """Return SAM-HQ's early features, once: its decoder repeats them."""
        if not levels:
            return {}
        return {"hq_token_only": False, "intermediate_embeddings": list(levels)}  # nosec B105 # a token of the network


class PyramidDecoder(HubDecoder):
    """SAM 2, SAM 3's tracker and EdgeTAM."""

    def __init__(self, sam: HubSam) -> None:
        super().__init__(sam, [sam.model.prompt_encoder.point_embed.weight])

    def more(self, levels: Sequence[Tensor], count: int) -> dict[str, object]:
        """Return the finer levels, for every prompt."""
        return {"high_resolution_features": [level.expand(count, -1, -1, -1) for level in levels]}
