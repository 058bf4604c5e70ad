"""NaN and infinity are refused by name, wherever they come from; empty masks are masks like any other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lit_samseg import Refiner
from lit_samseg.baselines import MobileNetV2DeepLab, load_baseline
from lit_samseg.baselines.bands import Stored, argmax_in_bands
from lit_samseg.baselines.finite import NotFiniteError
from lit_samseg.baselines.interface import LogitBaseline
from lit_samseg.errors import InputError
from lit_samseg.refine import Decision, parse_variants, refine
from lit_samseg.sam import Candidates, Embedding, Prompt, SegmentAnything
from tests.baselines import tiny_segmenters
from tests.baselines.tiny_oneformer import save_oneformer
from tests.conftest import RunCli
from tests.refine.contexts import context_of
from tests.refine.fake_sam import BoxFillingSam, FullSize

NAN, INF = float("nan"), float("inf")


class Given(LogitBaseline):
    """A baseline of given logits ``[C, H, W]``."""

    name, checkpoint, sha256 = "given", "weights.pt", None

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = values

    def logits(self, image: Tensor) -> Tensor:
        return self.values


def some_logits() -> Tensor:
    return torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(0))


def argmaxes(logits: Tensor) -> list[Tensor]:
    """Both ways to the largest."""
    given = Given(logits).label_map(torch.zeros(3, 5, 7), "a")
    return [given, argmax_in_bands(Stored(logits)), argmax_in_bands(Stored(logits), band_bytes=1)]


@pytest.mark.parametrize("value", [NAN, INF])
def test_one_bad_logit_is_refused(value: float) -> None:
    logits = some_logits()
    logits[1, 3, 2] = value
    with pytest.raises(InputError, match=r"^baseline weights\.pt gives image a scores that are NaN or infinite; "):
        Given(logits).label_map(torch.zeros(3, 5, 7), "a")
    for band_bytes in (1, 2**20):
        with pytest.raises(NotFiniteError):
            argmax_in_bands(Stored(logits), band_bytes)


def test_a_pixel_without_any_class_is_refused() -> None:
    logits = some_logits()
    logits[:, 4, 6] = -INF
    with pytest.raises(InputError, match="image a"):
        Given(logits).label_map(torch.zeros(3, 5, 7), "a")


def test_a_class_that_is_ruled_out_is_never_taken() -> None:
    logits = some_logits()
    logits[2] = -INF
    for labels in argmaxes(logits):
        assert torch.equal(labels, logits[:2].argmax(0))


def spoil(output: Any, name: str, value: float) -> None:
    output[name].flatten()[output[name].numel() // 2] = value


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("segformer", "logits", NAN),
        ("segformer", "logits", INF),
        ("mask2former", "masks_queries_logits", NAN),
        ("mask2former", "class_queries_logits", INF),
        ("eomt", "masks_queries_logits", NAN),
        # The quicker ones are those of the other networks of queries, which share `argmax_in_bands`.
        pytest.param("oneformer", "class_queries_logits", NAN, marks=pytest.mark.slow),
    ],
)
def test_networks_of_the_hub(kind: str, name: str, value: float, tmp_path: Path) -> None:
    folder = save_oneformer(tmp_path) if kind == "oneformer" else tiny_segmenters.save(kind, tmp_path)
    baseline: Any = load_baseline(str(folder))
    image = tiny_segmenters.random_image(60, 90)
    baseline.label_map(image, "fine")
    baseline.model.register_forward_hook(lambda module, args, output: spoil(output, name, value))
    with pytest.raises(InputError, match=rf"^baseline {folder} gives image b scores that are NaN or infinite; "):
        baseline.label_map(image, "b")


# The quicker one is that of networks of the hub, whose error names both; the command line says errors as that of SAM.
@pytest.mark.slow
def test_the_command_line_names_image_and_baseline(
    run_cli: RunCli, demo_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MobileNetV2DeepLab, "logits", lambda self, image: torch.full((8, *image.shape[1:]), NAN))
    outcome = run_cli(
        *("test", "--config", demo_config, "--data.size=1", "--trainer.accelerator=cpu", "--output_dir"),
        *(tmp_path / "out", "--model.variants=[box]", "--model.analysis=false"),
    )
    assert outcome.code == 2
    (line,) = [line for line in outcome.err.splitlines() if line.startswith("lit-samseg: error:")]
    assert "baseline demo gives image scene_" in line
    assert not (tmp_path / "out/results.json").exists()


# The quicker one is that with an analysis, which asks SAM the same and more.
@pytest.mark.parametrize("analysis", ["true", pytest.param("false", marks=pytest.mark.slow)])
def test_the_command_line_names_image_and_sam(
    analysis: str, run_cli: RunCli, demo_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = SegmentAnything.decode

    def spoil(sam: SegmentAnything, *arguments: Any) -> Candidates:
        answer = decode(sam, *arguments)
        return Candidates(answer.low_res_logits, answer.scores * NAN, answer.frame)

    monkeypatch.setattr(SegmentAnything, "decode", spoil)
    outcome = run_cli(
        *("test", "--config", demo_config, "--data.size=1", "--trainer.accelerator=cpu", "--output_dir"),
        *(tmp_path / "out", "--model.variants=[box]", f"--model.analysis={analysis}"),
    )
    assert outcome.code == 2
    assert "error: image scene_00000: SAM demo answers in fp32 with NaN or infinity" in outcome.err


class Spoilt(BoxFillingSam):
    """Gives one prompt's answer with one number changed."""

    checkpoint = "weights.pt"

    def __init__(self, part: str, prompt: int, candidate: int, value: float) -> None:
        super().__init__()
        self.where = part, prompt, candidate, value

    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        answer = super().decode(embedding, prompts, multimask)
        part, prompt, candidate, value = self.where
        spoilt = {"low_res_logits": answer.low_res_logits, "scores": answer.scores.clone()}
        spoilt[part][prompt].view(answer.scores.shape[1], -1)[min(candidate, answer.scores.shape[1] - 1), -1] = value
        return FullSize(spoilt["low_res_logits"], spoilt["scores"], answer.frame)


LABELS = torch.tensor([[1, 1, 0, 2, 2, 2, 0, 3]] * 6)


@pytest.mark.parametrize("selection", ["iou", "score", "single", "oracle"])
@pytest.mark.parametrize("part", ["low_res_logits", "scores"])
@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_what_sam_answers(selection: str, part: str, value: float) -> None:
    (variant,) = parse_variants([f"box@class/{selection}"], has_background=True)
    for prompt in range(3):
        sam = Spoilt(part, prompt, 2, value)
        seen: list[Decision] = []
        with pytest.raises(InputError, match=r"^SAM weights\.pt answers in fp32 with NaN or infinity; use another ch"):
            refine(context_of(LABELS, sam, target=LABELS), variant, seen.append)
        # An index that is none would end a GPU's process without a word.
        assert all(0 <= int(decision.chosen) < len(decision.scores) for decision in seen)


def test_half_precision_is_named_as_a_cause() -> None:
    sam = SegmentAnything("demo", precision="fp16")
    with torch.no_grad():
        sam.model.mask_decoder.iou_prediction_head.layers[-1].bias.fill_(1e5)  # above fp16's largest number
    with pytest.raises(
        InputError, match=r"^SAM demo answers in fp16 with NaN or infinity; .*--model\.sam\.precision bf16 or fp32$"
    ):
        Refiner(sam, background=0, device="cpu").refine(torch.zeros(3, 40, 60, dtype=torch.uint8), square(40, 60))


def square(height: int, width: int) -> Tensor:
    labels = torch.zeros(height, width, dtype=torch.int64)
    labels[10:30, 10:30] = 1
    return labels


def test_an_embedding_of_nan_is_noticed() -> None:
    sam = SegmentAnything("demo")
    sam.model.image_encoder.register_forward_hook(lambda module, args, output: output * NAN)
    with pytest.raises(InputError, match="SAM demo answers"):
        Refiner(sam, background=0, device="cpu").refine(torch.zeros(3, 40, 60, dtype=torch.uint8), square(40, 60))


@pytest.mark.parametrize("multimask", [True, False])
def test_an_empty_mask_prompt_is_all_outside(multimask: bool) -> None:
    sam = SegmentAnything("demo")
    image = torch.randint(256, (3, 40, 60), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    embedding = sam.encode([image])[0]
    empty = Prompt(box=torch.tensor([5.0, 5, 20, 20], dtype=torch.float64), mask=torch.zeros(40, 60, dtype=torch.bool))
    whole = Prompt(box=empty.box, mask=~torch.zeros(40, 60, dtype=torch.bool))
    # The prompt is -10 everywhere, in the padding too.
    assert torch.equal(embedding.frame.mask_prompt(empty.mask.float() * 2 - 1).unique(), torch.tensor([-1.0]))  # type: ignore[union-attr]
    alone = sam.decode(embedding, [empty], multimask)
    assert alone.low_res_logits.isfinite().all()
    assert alone.scores.isfinite().all()
    beside = sam.decode(embedding, [whole, empty, whole], multimask)
    assert torch.equal(beside.low_res_logits[1], alone.low_res_logits[0])
    assert torch.equal(beside.scores[1], alone.scores[0])
    assert not torch.equal(beside.low_res_logits[0], alone.low_res_logits[0])


class Empty(SegmentAnything):
    """Sets no pixel, for no prompt."""

    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        answer = super().decode(embedding, prompts, multimask)
        return Candidates(-answer.low_res_logits.abs() - 1, answer.scores, answer.frame)


@pytest.fixture(scope="module")
def empty_sam() -> Empty:
    return Empty("demo")


@pytest.mark.parametrize("recipe", ["box", "points+box+mask"])
@pytest.mark.parametrize("selection", ["iou", "score", "single", "oracle"])
def test_without_any_mask_every_pixel_is_filled(recipe: str, selection: str, empty_sam: Empty) -> None:
    for region in ("class", "component"):
        for fill, expected in (("background", torch.zeros_like(LABELS)), ("baseline", LABELS)):
            (variant,) = parse_variants([f"{recipe}@{region}/{selection}/{fill}"], has_background=True)
            assert torch.equal(refine(context_of(LABELS, empty_sam, target=LABELS), variant), expected)
