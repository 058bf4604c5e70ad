"""Too little memory on the device makes a run slower: nothing else about it changes, and it says so once."""

import gc
import logging
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.sam import Embedding, Frame, HubSam, Prompt, SegmentAnything, batching, segment_anything
from lit_samseg.sam.batching import decode_alike_together, images_per_call
from lit_samseg.sam.oom_retry import Halving
from lit_samseg.sam.prompt_tensors import PromptTensors
from tests.conftest import RunCli
from tests.sam import tiny_hub

FULL = "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 8 GiB of which none is free"


class Memory:
    """Holds so many items; remembers how many were tried, and what the failed attempts had made."""

    def __init__(self, items: int) -> None:
        self.items = items
        self.tried: list[int] = []
        self.lost: list[weakref.ref[Tensor]] = []

    def take(self, count: int) -> None:
        assert not any(tensor() is not None for tensor in self.lost), "the failed attempt's tensors are still there"
        self.tried.append(count)
        if count > self.items:
            activations = torch.zeros(count)
            self.lost.append(weakref.ref(activations))
            error = torch.OutOfMemoryError(FULL)
            # As in a cycle through a traceback, which no reference count frees.
            error.activations = [activations, error]  # type: ignore[attr-defined]
            raise error


@pytest.fixture(autouse=True)
def little_to_collect() -> Iterator[None]:
    """The collector need not look through all that the libraries made."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def eight_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU: here all go one by one."""
    monkeypatch.setattr(batching, "prompts_per_call", lambda device, side: 8)
    monkeypatch.setattr(batching, "images_per_call", len)


def some_prompts() -> list[Prompt]:
    """Eleven with a point and six with a box, mixed."""
    points = [Prompt(points=torch.tensor([[3.0 + n, 5.0 + 2 * n]], dtype=torch.float64)) for n in range(11)]
    boxes = [Prompt(box=torch.tensor([n, 2 * n, 20 + n, 30], dtype=torch.float64)) for n in range(6)]
    return [prompt for pair in zip(points, boxes, strict=False) for prompt in pair] + points[6:]


def decoder(memory: Memory) -> Callable[[PromptTensors], tuple[Tensor, Tensor]]:
    """Answers with numbers of the prompt alone."""

    def decode(prompts: PromptTensors) -> tuple[Tensor, Tensor]:
        memory.take(prompts.count)
        given = prompts.points.flatten(1) if prompts.points is not None else prompts.boxes
        assert given is not None
        numbers = given.double().sin().sum(1)
        return numbers[:, None, None, None].expand(-1, 3, 4, 4), numbers[:, None].cos().expand(-1, 3)

    return decode


@pytest.mark.usefixtures("eight_at_once")
@pytest.mark.parametrize(
    ("held", "tried"),
    [
        (8, [8, 3, 6]),
        (7, [8, 4, 4, 3, 4, 2]),
        (3, [8, 4, 2, 2, 2, 2, 2, 1, 2, 2, 2]),
        (1, [8, 4, 2, *[1] * 17]),
    ],
)
def test_the_same_candidates_from_smaller_chunks(held: int, tried: list[int], caplog: pytest.LogCaptureFixture) -> None:
    embedding = Embedding(torch.zeros(2, 1, 1), Frame(30, 40, 64, 4))
    expected = decode_alike_together(embedding, some_prompts(), 3, Halving("x", "prompts"), decoder(Memory(99)))
    memory, fitting = Memory(held), Halving("vit_h", "prompts")
    found = decode_alike_together(embedding, some_prompts(), 3, fitting, decoder(memory))
    assert memory.tried == tried
    assert torch.equal(found.low_res_logits, expected.low_res_logits)
    assert torch.equal(found.scores, expected.scores)
    assert len(found.scores.unique()) == len(some_prompts())
    halvings = sum(count > held for count in tried)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == halvings
    assert all(record.levelno == logging.WARNING for record in caplog.records)
    if said:
        assert said[0] == ("SAM vit_h: 8 prompts at once do not fit into the device's memory; the run goes on with 4")
    # What fits is known from now on.
    memory.tried.clear()
    decode_alike_together(embedding, some_prompts(), 3, fitting, decoder(memory))
    assert max(memory.tried) <= held
    assert len(caplog.records) == halvings


def test_where_nothing_fits_the_remedy_is_named() -> None:
    memory = Memory(0)
    with pytest.raises(
        InputError,
        match=r"^SAM vit_h does not fit into the device's memory, not even one of its images at once; set "
        r"--data\.batch_size 1 or --model\.sam\.precision bf16, .*\(CUDA out of memory\)$",
    ):
        Halving("vit_h", "images").run(range(5), 4, lambda chunk: memory.take(len(chunk)))
    assert memory.tried == [4, 2, 1]


def test_other_errors_are_not_taken_for_it() -> None:
    def fail(chunk: Sequence[int]) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    with pytest.raises(RuntimeError, match="device-side"):
        Halving("vit_h", "images").run([1, 2], 2, fail)


def test_nothing_to_do() -> None:
    called: list[Sequence[int]] = []
    Halving("vit_h", "images").run([], 0, called.append)
    assert called == []


def test_images_go_one_by_one_on_the_cpu() -> None:
    assert images_per_call([torch.zeros(3, 2, 2)] * 3) == 1
    assert images_per_call([]) == 1


def limit_batches(network: torch.nn.Module, memory: Memory) -> None:
    network.register_forward_pre_hook(lambda module, args: memory.take(len(args[0])))


@pytest.fixture(params=["demo", "sam", "sam2"])
def sam(request: pytest.FixtureRequest, tmp_path: Path) -> SegmentAnything | HubSam:
    if request.param == "demo":
        return SegmentAnything("demo")
    tiny_hub.save(request.param, tmp_path)
    return HubSam(str(tmp_path))


@pytest.mark.parametrize("held", [1, 2])
def test_encoders(sam: Any, held: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    images = [torch.randint(256, (3, h, 48), dtype=torch.uint8) for h in (30, 48, 64, 20, 48)]
    expected = sam.encode(images)
    memory = Memory(held)
    limit_batches(sam.model.image_encoder if isinstance(sam, SegmentAnything) else sam.model.vision_encoder, memory)
    monkeypatch.setattr(batching, "images_per_call", len)
    found = sam.encode(images)
    assert memory.tried == ([5, 2, 2, 1] if held == 2 else [5, 2, 1, 1, 1, 1, 1])
    assert len(caplog.records) == 3 - held
    assert [embedding.frame for embedding in found] == [embedding.frame for embedding in expected]
    for ours, theirs in zip(found, expected, strict=True):
        for a, b in zip((ours.features, *ours.levels), (theirs.features, *theirs.levels), strict=True):
            # A batch may round differently from single images.
            torch.testing.assert_close(a, b, atol=0 if held == 1 else 1e-5, rtol=0)


@pytest.mark.usefixtures("eight_at_once")
def test_decoders(sam: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    embedding = sam.encode([torch.randint(256, (3, 30, 48), dtype=torch.uint8)])[0]
    prompts = some_prompts()
    # One by one, as on a CPU without this fixture.
    single = [sam.decode(embedding, [prompt]) for prompt in prompts]
    memory = Memory(1)
    if isinstance(sam, SegmentAnything):
        decode_masks = segment_anything.decode_masks

        def limited(decoder: Any, image: Any, tokens: Tensor, *others: Any) -> tuple[Tensor, Tensor]:
            memory.take(len(tokens))
            return decode_masks(decoder, image, tokens, *others)

        monkeypatch.setattr(segment_anything, "decode_masks", limited)
    else:
        limit_batches_by_keyword(sam.model.mask_decoder, memory)
    together = sam.decode(embedding, prompts)
    assert memory.tried == [8, 4, 2, *[1] * 17]
    assert torch.equal(together.low_res_logits, torch.cat([one.low_res_logits for one in single]))
    assert torch.equal(together.scores, torch.cat([one.scores for one in single]))


def limit_batches_by_keyword(network: torch.nn.Module, memory: Memory) -> None:
    def take(module: torch.nn.Module, args: Any, keywords: dict[str, Any]) -> None:
        memory.take(len(keywords["image_embeddings"]))

    network.register_forward_pre_hook(take, with_kwargs=True)


def test_the_command_line_names_the_remedy(
    run_cli: RunCli, demo_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(0)
    monkeypatch.setattr(segment_anything, "decode_masks", lambda decoder, image, tokens, *_: memory.take(len(tokens)))
    outcome = run_cli(
        *("test", "--config", demo_config, "--data.size=1", "--trainer.accelerator=cpu", "--output_dir"),
        *(tmp_path / "out", "--model.variants=[box]"),
    )
    assert outcome.code == 2
    line = outcome.err.splitlines()[-1]
    assert line.startswith("lit-samseg: error: ")
    assert "does not fit into the device's memory, not even one of its prompts at once" in line
    assert "Traceback" not in outcome.err


@pytest.mark.gpu
def test_a_card_that_is_nearly_full() -> None:
    sam = SegmentAnything("demo").cuda()
    image = torch.randint(256, (3, 96, 128), dtype=torch.uint8).cuda()
    # What is found takes half of the room, all at once several times as much.
    prompts = some_prompts() * 20
    embedding = sam.encode([image])[0]
    expected = sam.decode(embedding, prompts)
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    room = 2**25
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + room) / total)
    try:
        found = sam.decode(embedding, prompts)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert sam.prompts_fitting.most is not None
    torch.testing.assert_close(found.low_res_logits, expected.low_res_logits, atol=1e-3, rtol=0)
