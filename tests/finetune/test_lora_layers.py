"""The small matrices in a SAM's layers: how they begin, where they are seen, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lit_samseg.finetune.learning_parts import LearningParts
from lit_samseg.finetune.lora import Lora, add_lora
from lit_samseg.sam import SegmentAnything
from tests.conftest import RunCli, refuses
from tests.finetune.lora_fits import BOTH, FIT
from tests.finetune.lora_prompts import IMAGE, PROMPTS, largest_difference


def test_first_weights_are_the_seeds_and_change_nothing() -> None:
    def learning(seed: int) -> SegmentAnything:
        sam = SegmentAnything("demo")
        LearningParts(sam, ["mask_decoder", "prompt_encoder"], Lora(2, None, ["mask_decoder"]), seed=seed)
        return sam

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, same, other = (learning(seed) for seed in (0, 0, 1))
    assert torch.equal(torch.rand(3), expected)
    weights = [dict(sam.model.named_parameters()) for sam in (one, same, other)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert any(not torch.equal(weights[0][name], weights[2][name]) for name in weights[0])
    assert largest_difference(one, SegmentAnything("demo")) < 1e-6
    # A part that learns by LoRA does not learn as a whole.
    learnt = {name for name, weight in weights[0].items() if weight.requires_grad}
    assert all((".lora_" in name) == name.startswith("mask_decoder.") for name in learnt)
    assert any(name.startswith("prompt_encoder.") for name in learnt)


def test_prompts_of_any_layout_see_what_lora_adds() -> None:
    """The decoder of a GPU folds projections into each other, weights and all."""
    from lit_samseg.sam.prompt_tensors import mix

    sam = SegmentAnything("demo")
    LearningParts(sam, [], Lora(2, 2.0, ["mask_decoder"]))
    numbers = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in sam.model.named_parameters():
            if ".lora_B" in name:
                weight.copy_(0.1 * torch.randn(weight.shape, generator=numbers))
    (embedding,) = sam.encode([IMAGE])
    mixed, _ = mix([(0, prompt) for prompt in PROMPTS], [embedding.frame], range(3), torch.device("cpu"))
    with torch.inference_mode():
        logits, scores = sam._decode_mixed([embedding], slice(1, None), mixed)
    alone = sam.decode(embedding, PROMPTS)
    assert torch.allclose(logits, alone.low_res_logits, atol=1e-4)
    assert torch.allclose(scores, alone.scores, atol=1e-5)
    assert not torch.allclose(scores, SegmentAnything("demo").decode(embedding, PROMPTS).scores, atol=1e-3)


IMPOSSIBLE: list[tuple[Callable[[], object], str]] = [
    (lambda: Lora(0, None, BOTH), "model.lora.rank is 0 and model.lora.parts ['mask_decoder', 'image_encoder']"),
    (lambda: Lora(8), "model.lora.rank is 8 and model.lora.parts []; give a rank, such as 8, and at least one part"),
    (lambda: Lora(-1, None, BOTH), "model.lora.rank is -1 (0 or more)"),
    (lambda: Lora(8, 0.0, BOTH), "model.lora.alpha 0.0 (above 0)"),
    (lambda: Lora(8, None, ["neck"]), "model.lora.parts is ['neck']; it is a list of mask_decoder and image_encoder"),  # type: ignore[list-item]
    (lambda: add_lora(torch.nn.Conv2d(1, 1, 1), "image_encoder", Lora(8, None, BOTH), 0), "has no linear layer"),
]


@pytest.mark.parametrize(("make", "complaint"), IMPOSSIBLE)
def test_lora_that_cannot_be(make: Callable[[], object], complaint: str) -> None:
    refuses(make, complaint)


def test_sams_that_cannot_learn_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    encoder = Lora(2, None, ["image_encoder"])
    refuses(lambda: LearningParts(SegmentAnything("demo"), [], Lora()), "model.trained is []")
    refuses(lambda: LearningParts(SegmentAnything("demo"), ["mask_decoder"], Lora(), True), "model.merged is true")
    half = SegmentAnything("demo", "bf16")
    refuses(lambda: LearningParts(half, [], encoder, True), "image_encoder in bf16; set model.sam.precision fp32")
    translated = SegmentAnything("demo")
    translated.translated_by = "encoder openvino"
    refuses(lambda: LearningParts(translated, [], encoder), "sam.encoder openvino translates the image encoder")
    # One on top of another would not hold what that one changed.
    first = SegmentAnything("demo")
    decoder = {name: weight.detach() for name, weight in first.learning("mask_decoder").items()}
    path = tmp_path / "adapter.safetensors"
    LearningParts(first, ["mask_decoder"], Lora()).adapter(decoder).write(path)
    second = SegmentAnything("demo", adapter=str(path))
    LearningParts(second, ["mask_decoder"], Lora())
    for parts, lora in ((["prompt_encoder"], Lora()), (["mask_decoder"], encoder)):
        complaint = f"{path} changes mask_decoder."
        refuses(lambda parts=parts, lora=lora: LearningParts(second, parts, lora), complaint)  # type: ignore[misc]
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    complaint = "model.lora needs peft: pip install 'lit_samseg[finetune]'"
    refuses(lambda: LearningParts(SegmentAnything("demo"), [], encoder), complaint)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--model.lora.parts", "[mask_decoder]"), "model.lora.rank is 0"),
        (("--model.lora.rank", 4, "--model.lora.parts", "[neck]"), "not neck"),
    ],
)
def test_words_that_cannot_be(words: tuple[object, ...], complaint: str, run_cli: RunCli, tmp_path: Path) -> None:
    outcome = run_cli(*FIT, *words, "--output_dir", tmp_path / "run")
    assert outcome.code == 2, outcome.err
    assert complaint in outcome.err
    assert outcome.err.count("\n") == 1
