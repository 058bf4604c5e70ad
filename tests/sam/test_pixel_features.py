"""The decoder's features, against the official module."""

import pytest
import torch

from lit_samseg.sam import SegmentAnything, load_promptable_segmenter
from tests.conftest import SHARED


def official_features(sam: SegmentAnything, image: torch.Tensor) -> torch.Tensor:
    """What ``output_upscaling`` gives in segment-anything's own decoder for a box around the image, ``[D, h, w]``."""
    (embedding,) = sam.encode([image])
    height, width = embedding.frame.resized
    model = sam.model
    given: list[torch.Tensor] = []
    hook = model.mask_decoder.output_upscaling.register_forward_hook(lambda *arguments: given.append(arguments[2]))
    with torch.inference_mode():
        box = torch.tensor([[0.0, 0.0, width - 1, height - 1]])
        sparse, dense = model.prompt_encoder(points=None, boxes=box, masks=None)
        model.mask_decoder(
            image_embeddings=embedding.features[None],
            image_pe=model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
        )
    hook.remove()
    return given[0][0]


@pytest.mark.parametrize(
    ("checkpoint", "size"),
    [
        ("demo", (60, 96)),
        ("demo", (97, 33)),
        pytest.param(SHARED / "weights/mobile_sam.pt", (375, 500), marks=pytest.mark.real),
    ],
)
def test_they_are_the_official_decoders(checkpoint: object, size: tuple[int, int]) -> None:
    sam = load_promptable_segmenter(str(checkpoint))
    assert isinstance(sam, SegmentAnything)
    image = torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    (embedding,) = sam.encode([image])
    ours, theirs = sam.pixel_features(embedding), official_features(sam, image)
    height, width = embedding.frame.low_res_used
    assert ours.shape == (len(theirs), height, width)
    assert torch.allclose(ours, theirs[:, :height, :width], atol=2e-4, rtol=1e-3)
    assert float(ours.std()) > 0.01
