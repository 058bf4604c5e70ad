"""Prompts of any token layouts and images in one call, as a GPU decodes them: the answers are those of each alone."""

from collections.abc import Sequence
from functools import partial

import pytest
import torch

from lit_samseg.sam import Candidates, Embedding, Prompt, SegmentAnything, batching
from lit_samseg.sam.batching import decode_mixed_together
from lit_samseg.sam.oom_retry import Halving
from lit_samseg.sam.prompt_tensors import FILLING, NEGATIVE, NO_POINT, POSITIVE, TOP_LEFT, mix

SIZES = ((90, 120), (120, 70))


@pytest.fixture(scope="module")
def sam() -> SegmentAnything:
    return SegmentAnything("demo")


@pytest.fixture(scope="module")
def embeddings(sam: SegmentAnything) -> list[Embedding]:
    generator = torch.Generator().manual_seed(2)
    return sam.encode([torch.randint(0, 256, (3, *size), generator=generator).to(torch.uint8) for size in SIZES])


@pytest.fixture(autouse=True)
def as_many_at_once_as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "prompts_per_call", lambda device, side: 16)


def prompts_of(height: int, width: int) -> list[Prompt]:
    """Return one of each kind, the ones with masks in between."""
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[10:40, 20:60] = True
    points = torch.tensor([[45.0, 15], [50, 22], [22, 38]], dtype=torch.float64)
    box = torch.tensor([20.0, 10, 59, 39], dtype=torch.float64)
    logits = torch.randn(64, 64, generator=torch.Generator().manual_seed(1))
    return [
        Prompt(mask=mask),
        Prompt(points),
        Prompt(points[:1]),
        Prompt(points[:2], negative_points=points[2:]),
        Prompt(points, box, mask, 7.0),
        Prompt(box=box),
        Prompt(points[1:2], box),
        Prompt(box=box, mask=~mask),
        Prompt(points[:1], box, mask_logits=logits),
        Prompt(box=box, mask=mask, mask_gamma=4.0),
    ]


def decode(sam: SegmentAnything, asked: Sequence[tuple[Embedding, list[Prompt]]], wanted: slice) -> list[Candidates]:
    decoder = partial(sam._decode_mixed, [embedding for embedding, _ in asked], wanted)
    with torch.inference_mode():
        return decode_mixed_together(asked, len(range(4)[wanted]), Halving("demo", "prompts"), decoder)


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("images", [1, 2])
def test_the_answers_are_those_of_each_alone(
    sam: SegmentAnything, embeddings: list[Embedding], multimask: bool, images: int
) -> None:
    side = embeddings[0].frame.mask_size
    assert side == 64
    asked = [(embedding, prompts_of(*size)) for embedding, size in zip(embeddings, SIZES, strict=True)][:images]
    found = decode(sam, asked, slice(1, None) if multimask else slice(0, 1))
    assert len(found) == images
    for candidates, (embedding, prompts) in zip(found, asked, strict=True):
        assert candidates.frame == embedding.frame
        assert len(candidates) == len(prompts)
        rows, columns = embedding.frame.low_res_used
        for n, prompt in enumerate(prompts):
            alone = sam.decode(embedding, [prompt], multimask)
            expected = alone.low_res_logits[0, :, :rows, :columns]
            # Rounding only.
            close = 1e-5 * float(expected.abs().max())
            torch.testing.assert_close(candidates.low_res_logits[n, :, :rows, :columns], expected, atol=close, rtol=0)
            torch.testing.assert_close(candidates.scores[n], alone.scores[0], atol=1e-5, rtol=0)


def test_prompts_of_one_layout_have_no_filling(sam: SegmentAnything, embeddings: list[Embedding]) -> None:
    boxes = [Prompt(box=torch.tensor([n, 3.0, 30 + n, 50], dtype=torch.float64)) for n in range(3)]
    tensors, numbers = mix([(0, box) for box in boxes], [embeddings[0].frame], [5, 7, 9], torch.device("cpu"))
    assert not tensors.filled
    assert tensors.images is None
    assert tensors.masks is None
    assert numbers.tolist() == [5, 7, 9]
    (found,) = decode(sam, [(embeddings[0], boxes)], slice(1, None))
    for n, box in enumerate(boxes):
        alone = sam.decode(embeddings[0], [box])
        torch.testing.assert_close(found.scores[n], alone.scores[0], atol=1e-5, rtol=0)


def test_tokens_are_in_order_and_the_shorter_are_filled(embeddings: list[Embedding]) -> None:
    frame = embeddings[0].frame
    point, box = torch.tensor([[12.0, 6]], dtype=torch.float64), torch.tensor([0.0, 3, 60, 48], dtype=torch.float64)
    prompts = [Prompt(point, negative_points=2 * point), Prompt(box=box), Prompt(point, box, negative_points=point)]
    tensors, _ = mix([(0, prompt) for prompt in prompts], [frame], range(3), torch.device("cpu"))
    assert tensors.kinds.tolist() == [
        [POSITIVE, NEGATIVE, NO_POINT, FILLING],
        [TOP_LEFT, TOP_LEFT + 1, FILLING, FILLING],
        [POSITIVE, NEGATIVE, TOP_LEFT, TOP_LEFT + 1],
    ]
    assert tensors.filled
    scale = frame.resized[1] / frame.width
    torch.testing.assert_close(tensors.places[0, :2], torch.tensor([[12.0, 6], [24, 12]]) * scale)
    torch.testing.assert_close(tensors.places[1, 1], torch.tensor([60.0, 48]) * scale)


def test_nothing_is_asked(sam: SegmentAnything, embeddings: list[Embedding]) -> None:
    found = decode(sam, [(embeddings[0], []), (embeddings[1], prompts_of(*SIZES[1])[:1])], slice(1, None))
    assert [len(candidates) for candidates in found] == [0, 1]
    assert sam.decode_images([]) == []


def test_gradients_go_through(sam: SegmentAnything, embeddings: list[Embedding]) -> None:
    """As `SegmentAnything.answer` needs them."""
    features = embeddings[0].features.clone().requires_grad_()
    own = Embedding(features, embeddings[0].frame)
    decoder = partial(sam._decode_mixed, [own], slice(0, None))
    prompts = prompts_of(*SIZES[0])
    (found,) = decode_mixed_together([(own, prompts)], 4, Halving("demo", "prompts"), decoder)
    found.low_res_logits[..., :32, :32].sum().backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()
    assert features.grad.any()


def test_on_a_cpu_images_are_decoded_one_by_one(sam: SegmentAnything, embeddings: list[Embedding]) -> None:
    asked = [(embedding, prompts_of(*size)[:3]) for embedding, size in zip(embeddings, SIZES, strict=True)]
    for found, (embedding, prompts) in zip(sam.decode_images(asked), asked, strict=True):
        expected = sam.decode(embedding, prompts)
        assert torch.equal(found.low_res_logits, expected.low_res_logits)
        assert torch.equal(found.scores, expected.scores)


def test_who_decodes_otherwise_does_so_for_several_images(embeddings: list[Embedding]) -> None:
    class Doubting(SegmentAnything):
        def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
            found = super().decode(embedding, prompts, multimask)
            return Candidates(found.low_res_logits, found.scores / 2, found.frame)

    prompts = prompts_of(*SIZES[0])[:2]
    (found,) = Doubting("demo").decode_images([(embeddings[0], prompts)])
    assert torch.equal(found.scores, SegmentAnything("demo").decode(embeddings[0], prompts).scores / 2)
