"""What a learning SAM of the hub answers: the numbers of two decodes, computed in one."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from lit_samseg.sam import HubSam, Prompt
from lit_samseg.sam.replay import computed_once
from tests.sam import tiny_hub

IMAGE = torch.randint(0, 256, (3, 45, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
MASK = torch.randn(64, 64, generator=torch.Generator().manual_seed(4)) * 4
POINT = torch.tensor([[30.0, 20.0]], dtype=torch.float64)
BOX = torch.tensor([5.0, 6, 50, 40], dtype=torch.float64)


@pytest.fixture(scope="module", params=[name for name in tiny_hub.MODELS if "video" not in name])
def sam(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> HubSam:
    path = tmp_path_factory.mktemp(request.param) / "sam"
    tiny_hub.save(request.param, path)
    return HubSam(str(path))


@pytest.fixture
def learning(sam: HubSam) -> Iterator[HubSam]:
    parts = (sam.model.mask_decoder, sam.model.prompt_encoder)
    for part in parts:
        part.requires_grad_(True)
    yield sam
    sam.zero_grad()
    for part in parts:
        part.requires_grad_(False)


def prompts(sam: HubSam) -> list[Prompt]:
    side = sam.frame(IMAGE).mask_size
    mask = torch.nn.functional.interpolate(MASK[None, None], (side, side))[0, 0]
    return [Prompt(points=POINT), Prompt(points=POINT, box=BOX, mask=mask), Prompt(box=BOX), Prompt(points=POINT + 3)]


def two_decodes(sam: HubSam, asked: list[Prompt]) -> tuple[torch.Tensor, torch.Tensor]:
    """Ask for the single mask, as it is in training, and for the others: a pass through the network each."""
    (embedding,), decoder = sam.encode([IMAGE]), sam.model.mask_decoder
    embedding = type(embedding)(
        embedding.features.clone(), embedding.frame, tuple(level.clone() for level in embedding.levels)
    )
    decoder.training = True
    single, several = (sam._decode(embedding, asked, multimask) for multimask in (False, True))
    decoder.training = False
    logits = torch.cat([single.low_res_logits, several.low_res_logits], 1)
    return logits, torch.cat([single.scores, several.scores], 1)


def answer(sam: HubSam, asked: list[Prompt]) -> tuple[torch.Tensor, torch.Tensor]:
    (embedding,) = sam.encode([IMAGE])
    embedding = type(embedding)(
        embedding.features.clone(), embedding.frame, tuple(level.clone() for level in embedding.levels)
    )
    own = sam.answer(embedding, asked)
    return own.low_res_logits, own.scores


def gradients(sam: HubSam, found: tuple[torch.Tensor, torch.Tensor]) -> dict[str, torch.Tensor]:
    sam.zero_grad()
    numbers = torch.Generator().manual_seed(0)
    weights = [torch.randn(own.shape, generator=numbers).to(own) for own in found]
    torch.autograd.backward(sum((own * weight).sum() for own, weight in zip(found, weights, strict=True)))
    return {name: p.grad.clone() for name, p in sam.model.named_parameters() if p.grad is not None}


def test_answers_are_those_of_two_decodes_to_the_bit(learning: HubSam) -> None:
    asked = prompts(learning)
    for own, other in zip(answer(learning, asked), two_decodes(learning, asked), strict=True):
        assert own.shape[:2] == (len(asked), 4)
        assert own.requires_grad
        assert torch.equal(own, other)
    assert not learning.model.mask_decoder.training


def test_gradients_are_those_of_two_decodes(learning: HubSam) -> None:
    """They are the same sums in another order: two backward passes add up at the weights, one at the answers."""
    asked = prompts(learning)
    one, two = gradients(learning, answer(learning, asked)), gradients(learning, two_decodes(learning, asked))
    assert one.keys() == two.keys()
    assert any(name.startswith("prompt_encoder") for name in one)
    largest = max(float(other.abs().max()) for other in two.values())
    for name, own in one.items():
        # A bias of keys moves all of a softmax's inputs alike, so that its gradient is 0 but for roundings.
        scale = largest if name.endswith("k_proj.bias") else float(two[name].abs().max())
        assert torch.allclose(own, two[name], rtol=0, atol=1e-5 * scale), name


def test_the_network_is_gone_through_once(learning: HubSam) -> None:
    calls: list[str] = []
    parts: dict[str, Any] = {"transformer": learning.model.mask_decoder.transformer}
    parts |= {"prompts": learning.model.prompt_encoder, "upscaling": learning.model.mask_decoder.upscale_conv2}
    forwards = {name: part.forward for name, part in parts.items()}
    hooks = []
    for name, part in parts.items():
        # Of what is inside: whoever replays an answer calls the part itself.
        inner = next((module for module in part.modules() if isinstance(module, nn.Linear)), None)
        if inner is not None:
            hooks.append(inner.register_forward_hook(lambda *_, name=name: calls.append(name)))
    answer(learning, prompts(learning)[:1])
    for hook in hooks:
        hook.remove()
    assert calls.count("transformer") == 1
    assert all(part.forward == forwards[name] for name, part in parts.items())
    assert all("forward" not in vars(module) for module in learning.model.modules())


def test_a_prompt_that_fails_leaves_the_network_as_it_was(learning: HubSam, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(type(learning.model.mask_decoder.transformer), "forward", fails)
    with pytest.raises(Exception, match="does not fit into the device's memory"):
        answer(learning, prompts(learning)[:1])
    monkeypatch.undo()
    assert not learning.model.mask_decoder.training
    assert all("forward" not in vars(module) for module in learning.model.modules())


def test_passes_that_differ_are_refused() -> None:
    layer = nn.Linear(2, 2)
    given = torch.ones(1, 2)
    with computed_once([layer]) as replay:
        first = layer(given), layer(2 * given)
        replay.rewind()
        assert layer(given) is first[0]
        with pytest.raises(RuntimeError, match="do not call the same modules"):
            replay.rewind()
        assert layer(given) is first[1]
        with pytest.raises(RuntimeError, match="do not call the same modules"):
            layer(given)
        replay.rewind()
        assert layer(given) is first[0]
    assert layer(given) is not first[0]
