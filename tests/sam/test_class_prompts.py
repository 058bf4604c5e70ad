"""Prompts that say of which class they are: what they change, and that they are decoded together as alone."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lit_samseg.checkpoints.adapter import Adapter
from lit_samseg.errors import InputError
from lit_samseg.export.graphs import graphs_of
from lit_samseg.sam import Embedding, Prompt, SegmentAnything, batching
from lit_samseg.sam.batching import decode_mixed_together
from lit_samseg.sam.oom_retry import Halving

NAMES = ("ground", "cat", "dog")
SIDE = 16
"""Tokens of the built-in SAM along a side."""


def knowing(trained: bool) -> SegmentAnything:
    """The built-in SAM that listens to classes; trained ones have weights of their own."""
    sam = SegmentAnything("demo")
    sam.know_classes(NAMES)
    assert sam.classes is not None
    if trained:
        generator = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for weight in sam.classes.parameters():
                weight += 0.2 * torch.randn(weight.shape, generator=generator)
            sam.classes.presence.bias.fill_(0.4)
    return sam.requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def trained() -> SegmentAnything:
    return knowing(trained=True)


@pytest.fixture(scope="module")
def embeddings(trained: SegmentAnything) -> list[Embedding]:
    generator = torch.Generator().manual_seed(2)
    sizes = ((90, 120), (120, 70))
    return trained.encode([torch.randint(0, 256, (3, *size), generator=generator).to(torch.uint8) for size in sizes])


def beliefs(seed: int = 0) -> Tensor:
    return torch.rand(2 + len(NAMES), SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def prompts() -> list[Prompt]:
    box = torch.tensor([10.0, 10, 50, 60], dtype=torch.float64)
    point = torch.tensor([[30.0, 40]], dtype=torch.float64)
    logits = torch.randn(64, 64, generator=torch.Generator().manual_seed(1))
    return [
        Prompt(point, box, mask_logits=logits, class_id=1, beliefs=beliefs()),
        Prompt(point, class_id=2, beliefs=beliefs(1)),
        Prompt(box=box, beliefs=beliefs(2)[:2]),
        Prompt(box=box, class_id=0),
        Prompt(point, box),
    ]


def test_before_anything_is_learnt_it_changes_next_to_nothing(embeddings: list[Embedding]) -> None:
    plain, new = SegmentAnything("demo"), knowing(trained=False)
    for prompt in prompts():
        one, other = (sam.decode(embeddings[0], [prompt]) for sam in (plain, new))
        expected = one.low_res_logits
        assert torch.equal(one.scores, plain.decode(embeddings[0], [prompt]).scores)
        torch.testing.assert_close(other.scores, one.scores, atol=1e-5, rtol=0)
        # A mask cannot be surer than the class's presence, of which 8 is the logit.
        chance = expected.sigmoid() * torch.tensor(8.0).sigmoid()
        torch.testing.assert_close(other.low_res_logits.sigmoid(), chance, atol=1e-4, rtol=0)


def test_each_thing_that_is_said_counts(trained: SegmentAnything, embeddings: list[Embedding]) -> None:
    first = prompts()[0]
    said = [first, replace(first, class_id=2), replace(first, class_id=None), replace(first, beliefs=beliefs(5))]
    found = [trained.decode(embeddings[0], [prompt]).low_res_logits for prompt in said]
    for n, one in enumerate(found):
        for other in found[:n]:
            assert float((one - other).abs().max()) > 1e-3
    nothing = trained.decode(embeddings[0], [replace(first, beliefs=None)]).low_res_logits
    zeros = trained.decode(embeddings[0], [replace(first, beliefs=torch.zeros(2, SIDE, SIDE))]).low_res_logits
    assert torch.equal(nothing, zeros)


def test_the_presence_is_a_probability_beside_the_masks(trained: SegmentAnything) -> None:
    assert trained.classes is not None
    token = torch.randn(3, trained.classes.presence.in_features, generator=torch.Generator().manual_seed(4))
    logits = torch.linspace(-12, 12, 50).view(1, 1, 5, 10).expand(3, 2, 5, 10)
    judged = trained.classes.judged(logits, token)
    present = trained.classes.presence(token)[:, :, None, None]
    expected = (logits.double().sigmoid() * present.double().sigmoid()).logit().float()
    torch.testing.assert_close(judged, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("multimask", [True, False])
def test_answers_together_are_those_of_each_alone(
    trained: SegmentAnything, embeddings: list[Embedding], multimask: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [(embedding, prompts()) for embedding in embeddings]
    wanted = slice(1, None) if multimask else slice(0, 1)
    alone = [[trained.decode(embedding, [prompt], multimask) for prompt in own] for embedding, own in asked]
    monkeypatch.setattr(batching, "prompts_per_call", lambda device, side: 16)
    decoder = partial(trained._decode_mixed, embeddings, wanted)
    with torch.inference_mode():
        count = len(range(4)[wanted])
        together = decode_mixed_together(
            asked, count, Halving("demo", "prompts"), decoder, (len(NAMES), 2 + len(NAMES))
        )
    for candidates, own, embedding in zip(together, alone, embeddings, strict=True):
        alike = trained.decode(embedding, prompts(), multimask)
        rows, columns = embedding.frame.low_res_used
        for n, one in enumerate(own):
            expected = one.low_res_logits[0, :, :rows, :columns]
            close = 1e-5 * float(expected.abs().max())
            for found in (candidates, alike):
                seen = found.low_res_logits[n, :, :rows, :columns]
                torch.testing.assert_close(seen, expected, atol=close, rtol=0)
                torch.testing.assert_close(found.scores[n], one.scores[0], atol=1e-5, rtol=0)


def test_an_adapter_brings_its_classes(trained: SegmentAnything, embeddings: list[Embedding], tmp_path: Path) -> None:
    path = tmp_path / "adapter.safetensors"
    state = {name: weight for name, weight in trained.model.state_dict().items() if name.startswith("class_prompts.")}
    Adapter(state, trained.sha256, class_names=NAMES).write(path)
    read = SegmentAnything("demo", adapter=str(path))
    assert read.class_names == NAMES
    assert read.identity == trained.identity  # of embeddings
    assert not any(weight.requires_grad for weight in read.parameters())
    for prompt in prompts():
        one, other = (sam.decode(embeddings[0], [prompt]).low_res_logits for sam in (trained, read))
        assert torch.equal(one, other)
    read.check_classes(NAMES)
    read.check_classes(None)
    with pytest.raises(InputError, match=r"adapter .* knows 3 classes \(ground, cat, dog, ...\), not the data set's 2"):
        read.check_classes(("ground", "cat"))
    with pytest.raises(InputError, match="knows classes, which ONNX decoders are not told"):
        graphs_of(read)
    unknowing = SegmentAnything("demo", adapter=str(path), unknown_classes=True)
    assert unknowing.class_names == ()
    unknowing.check_classes(("ground", "cat"))
    path.unlink()
    Adapter(state, trained.sha256, class_names=NAMES[:2]).write(path)
    with pytest.raises(InputError, match=r"does not fit SAM: class_prompts\."):
        SegmentAnything("demo", adapter=str(path))
    Adapter(state, trained.sha256).write(path)
    with pytest.raises(InputError, match=r"does not fit SAM: class_prompts\."):
        SegmentAnything("demo", adapter=str(path))
