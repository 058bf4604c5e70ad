"""Every SAM that can learn: gradients reach all of it, and it is known what decides embeddings."""

import pytest
import torch

from lit_samseg.sam import Embedding, HubSam, SegmentAnything, TrainableSegmenter
from tests.finetune.lora_fits import save
from tests.finetune.lora_prompts import IMAGE, PROMPTS
from tests.sam import tiny_hub


def with_gradients(sam: TrainableSegmenter, images: list[torch.Tensor]) -> Embedding:
    with torch.enable_grad():
        return sam.encode_with_gradients(images)[0]


@pytest.fixture(scope="module", params=["official", *(name for name in tiny_hub.MODELS if "video" not in name)])
def sam(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TrainableSegmenter:
    """Of every family; tests that change it take a copy of what they change."""
    path = save(request.param, tmp_path_factory.mktemp(request.param) / "sam")
    return SegmentAnything(str(path)) if request.param == "official" else HubSam(str(path))


def test_gradients_reach_every_part_and_answers_are_decodes(sam: TrainableSegmenter) -> None:
    sam.requires_grad_(True)
    try:
        embedding, (frozen,) = with_gradients(sam, [IMAGE]), sam.encode([IMAGE])
        for one, other in zip((embedding.features, *embedding.levels), (frozen.features, *frozen.levels), strict=True):
            assert torch.allclose(one, other, atol=1e-5)
        answers = sam.answer(embedding, PROMPTS)
        torch.autograd.backward(answers.low_res_logits.square().mean() + answers.scores.square().mean())
        reached = {name.partition(".")[0] for name, weight in sam.model.named_parameters() if weight.grad is not None}
    finally:
        sam.zero_grad()
        sam.requires_grad_(False)
    assert reached >= {"mask_decoder", "prompt_encoder", sam.encoder_name}
    # Of an unstable single mask SAM 2 would show another while it is asked, and not while it learns.
    decoder = sam.model.mask_decoder
    if hasattr(decoder, "dynamic_multimask_via_stability"):
        decoder.dynamic_multimask_via_stability = False
    assert not decoder.training
    single, three = (sam.decode(frozen, PROMPTS, multimask) for multimask in (False, True))
    for own, shown in ((answers.low_res_logits, "low_res_logits"), (answers.scores, "scores")):
        expected = torch.cat([getattr(single, shown), getattr(three, shown)], 1)
        assert torch.allclose(own, expected, atol=1e-4 * float(expected.abs().max()))


def test_what_embeddings_depend_on_is_known(sam: TrainableSegmenter) -> None:
    """A tensor decides embeddings if and only if they change with it."""
    (before,) = sam.encode([IMAGE])
    weights = dict(sam.model.named_parameters())
    behind = [name for name in weights if name.startswith(("mask_decoder.", "prompt_encoder."))]
    first = next(name for name in weights if name.startswith(sam.encoder_name))
    for name in (first, *behind[::7], *(name for name in behind if "conv" in name)):
        kept = weights[name].detach().clone()
        with torch.no_grad():
            weights[name].add_(torch.linspace(0.5, 1.5, kept.numel()).view_as(kept))
            (after,) = sam.encode([IMAGE])
            weights[name].copy_(kept)
        tensors = zip((before.features, *before.levels), (after.features, *after.levels), strict=True)
        changed = not all(torch.equal(one, other) for one, other in tensors)
        assert changed == sam.decides_embeddings(name), name
