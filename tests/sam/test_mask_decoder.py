"""The rearranged mask decoder against segment-anything's own modules with the same weights."""

from dataclasses import replace

import pytest
import torch
from segment_anything.modeling import Sam

from lit_samseg.sam import Prompt, SegmentAnything
from lit_samseg.sam.official.architecture import DEMO, build_sam
from lit_samseg.sam.official.mask_decoder import (
    UNUSED,
    UPSCALING,
    decode_masks,
    image_tokens,
)
from lit_samseg.sam.official.prompt_encoder import mask_tokens, prompt_tokens

SIDE = DEMO.image_size


@pytest.fixture(scope="module", params=["trained", "random", "other sizes"])
def sam(request: pytest.FixtureRequest) -> Sam:
    if request.param == "trained":
        return SegmentAnything("demo").model
    torch.manual_seed(3)
    other = replace(DEMO, decoder_depth=3, decoder_heads=2, prompt_dim=32, patch_size=16)
    model = build_sam(DEMO if request.param == "random" else other)
    # Biases begin at 0, where a lost one would not be noticed.
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.3)
    return model.requires_grad_(False)


CASES = {
    "point": (1, False, False),
    "points": (5, False, False),
    "box": (0, True, False),
    "points+box": (3, True, False),
    "points+box+mask": (2, True, True),
    "mask": (0, False, True),
}
NEGATIVE = {"point": 0, "points": 2, "box": 0, "points+box": 3, "points+box+mask": 1, "mask": 0}
"""How many of the points are of the background."""


def prompts_of(case: str, count: int, sam: Sam) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
    generator = torch.Generator().manual_seed(len(case))
    points, box, mask = CASES[case]
    corners = torch.rand(count, 2, 2, generator=generator) * SIDE
    side = sam.prompt_encoder.mask_input_size[0]
    return (
        torch.rand(count, points, 2, generator=generator) * SIDE if points else None,
        torch.cat([corners.amin(1), corners.amax(1)], dim=1) if box else None,
        torch.randn(count, 1, side, side, generator=generator) * 10 if mask else None,
    )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("multimask", [True, False])
def test_logits_and_scores_are_the_official_modules(sam: Sam, case: str, multimask: bool) -> None:
    count, encoder = 3, sam.prompt_encoder
    grid = encoder.image_embedding_size
    generator = torch.Generator().manual_seed(1)
    image = torch.randn(1, encoder.embed_dim, *grid, generator=generator)
    points, boxes, masks = prompts_of(case, count, sam)
    given = None
    if points is not None:
        labels = torch.ones(points.shape[:2])
        labels[:, labels.shape[1] - NEGATIVE[case] :] = 0
        given = points, labels
    sparse, dense = encoder(points=given, boxes=boxes, masks=masks)
    expected = sam.mask_decoder(
        image_embeddings=image,
        image_pe=encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=multimask,
    )
    tokens = prompt_tokens(encoder, count, points, boxes, NEGATIVE[case])
    torch.testing.assert_close(tokens, sparse, atol=1e-6, rtol=0)
    added = encoder.no_mask_embed.weight if masks is None else mask_tokens(encoder, masks)
    torch.testing.assert_close(added.expand(count, grid[0] * grid[1], -1), dense.flatten(2).mT, atol=1e-5, rtol=1e-5)
    image_pe = encoder.get_dense_pe()[0].flatten(1).T
    seen = image_tokens(sam.mask_decoder, image.flatten(2).mT + added, image_pe, shared=masks is None)
    wanted = slice(1, None) if multimask else slice(0, 1)
    whole = encoder.mask_input_size
    logits, scores = decode_masks(sam.mask_decoder, seen, tokens, grid, whole, wanted)
    # Rounding only; the logits' spread is 1 to 30.
    torch.testing.assert_close(logits, expected[0], atol=1e-5 * float(expected[0].abs().max()), rtol=0)
    torch.testing.assert_close(scores, expected[1], atol=1e-5 * max(1, float(expected[1].abs().max())), rtol=0)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_prompts_answer_does_not_depend_on_what_else_is_asked(precision: str) -> None:
    """To the last bit: so no chunk size, no order and no other row can change a result."""
    ours = SegmentAnything("demo", precision)  # type: ignore[arg-type]
    image = torch.randint(0, 256, (3, 90, 120), generator=torch.Generator().manual_seed(2)).to(torch.uint8)
    embedding = ours.encode([image])[0]
    prompts = []
    for n in range(5):
        mask = torch.zeros(90, 120, dtype=torch.bool)
        mask[10 * n : 10 * n + 30, 20:70] = True
        box = torch.tensor([20.0, 10 * n, 69, 10 * n + 29])
        points = torch.tensor([[45.0, 10 * n + 15], [50, 10 * n + 2]])
        prompts += [Prompt(points), Prompt(points[:1]), Prompt(box=box), Prompt(points, box, mask), Prompt(mask=mask)]
    together = ours.decode(embedding, prompts)
    for n, prompt in enumerate(prompts):
        alone = ours.decode(embedding, [prompt])
        assert torch.equal(together.low_res_logits[n], alone.low_res_logits[0])
        assert torch.equal(together.scores[n], alone.scores[0])
    backwards = ours.decode(embedding, prompts[::-1])
    assert torch.equal(together.low_res_logits, backwards.low_res_logits.flip(0))


def test_what_is_asked_for_does_not_depend_on_what_is_left_out(sam: Sam) -> None:
    encoder = sam.prompt_encoder
    grid = encoder.image_embedding_size
    image = torch.randn(1, grid[0] * grid[1], encoder.embed_dim, generator=torch.Generator().manual_seed(4))
    image_pe = encoder.get_dense_pe()[0].flatten(1).T
    seen = image_tokens(sam.mask_decoder, image, image_pe, shared=True)
    tokens = prompt_tokens(encoder, 2, *prompts_of("points+box", 2, sam)[:2])
    whole, scores = decode_masks(sam.mask_decoder, seen, tokens, grid, encoder.mask_input_size, slice(1, None))
    used = (encoder.mask_input_size[0] // 2 + 1, encoder.mask_input_size[1] - 3)
    part, same = decode_masks(sam.mask_decoder, seen, tokens, grid, used, slice(1, None))
    assert torch.equal(scores, same)
    assert part.shape == whole.shape
    torch.testing.assert_close(
        part[..., : used[0], : used[1]],
        whole[..., : used[0], : used[1]],
        atol=1e-5 * float(whole.abs().max()),
        rtol=0,
    )
    assert (part[..., used[0] + UPSCALING :, :] == UNUSED).all()
