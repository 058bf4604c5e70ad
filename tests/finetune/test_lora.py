"""LoRA, and whole decoders, of three generations of SAM through the real command line, on the built-in scenes."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from lit_samseg.checkpoints.adapter import read_adapter
from lit_samseg.errors import InputError
from lit_samseg.finetune.learning_parts import LearningParts
from lit_samseg.finetune.lora import Lora, add_lora
from lit_samseg.sam import Embedding, HubSam, Prompt, SegmentAnything, TrainableSegmenter
from tests.conftest import PROJECT, RunCli, made_once, refuses, run_quietly
from tests.finetune.snapshots import SNAPSHOT, put_back
from tests.sam import tiny_hub
from tests.sam.tiny_official import save_official

# Of Lightning's, where a training goes on in another folder.
elsewhere = pytest.mark.filterwarnings("ignore:The dirpath has changed")
KINDS = ["official", "sam2_video", "sam_hq"]
BOTH: Any = ["mask_decoder", "image_encoder"]
# No noise and no corruption: the same questions in each epoch, so that the loss says what was learnt.
FIT: tuple[object, ...] = (
    *("fit", "--config", PROJECT / "configs/demo_finetune.yaml", "--data.subset", 1, "--data.training.subset", 2),
    *("--data.training.batch_size", 1, "--data.training.views", 1, "--trainer.max_epochs", 3, "--model.lr", 0.004),
    *("--model.noise", 0, "--model.truth", 0, "--model.jitter", 0, "--trainer.num_sanity_val_steps", 0),
    *("--trainer.check_val_every_n_epoch", 3, "--model.seed", 0, "--data.training.seed", 0),
)
LORA = ("--model.lora.rank", 4, "--model.lora.alpha", 8, "--model.lora.parts", "[mask_decoder, image_encoder]")


def save(kind: str, path: Path) -> Path:
    if kind == "official":
        return save_official(path.with_suffix(".safetensors"))
    tiny_hub.save(kind, path)
    return path


def sam_words(kind: str, checkpoint: Path) -> tuple[object, ...]:
    name = "SegmentAnything" if kind == "official" else "HubSam"
    return "--model.sam", f"lit_samseg.sam.{name}", "--model.sam.checkpoint", checkpoint


class Fitted(NamedTuple):
    """What a test needs of a training."""

    kind: str
    words: tuple[object, ...]
    checkpoint: Path
    folder: Path

    def load(self, adapter: str | Path | None = None) -> TrainableSegmenter:
        """Load the SAM, with an adapter of the folder."""
        file = None if adapter is None else str(self.folder / adapter)
        if self.kind == "official":
            return SegmentAnything(str(self.checkpoint), adapter=file)
        return HubSam(str(self.checkpoint), adapter=file)


def fit_once(factory: pytest.TempPathFactory, kind: str, name: str, *words: object) -> Fitted:
    root = made_once(factory, f"{name}-{kind}", lambda folder: fit(folder, kind, *words))
    checkpoint = root / "sam.safetensors" if kind == "official" else root / "sam"
    return Fitted(kind, (*FIT, *sam_words(kind, checkpoint), *words), checkpoint, root / "whole")


def fit(folder: Path, kind: str, *words: object) -> None:
    folder.mkdir()
    checkpoint = save(kind, folder / "sam")
    run_quietly(*FIT, *sam_words(kind, checkpoint), *words, *SNAPSHOT, "--output_dir", folder / "out")
    put_back(folder / "out")


# By default gradients reach all of SAM-HQ and its answers are its decodes, below.
@pytest.fixture(scope="module", params=[*KINDS[:2], pytest.param(KINDS[2], marks=pytest.mark.slow)])
def adapted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """Three epochs of LoRA in both parts, as a whole, and in a sister ``out`` as they were after the first."""
    return fit_once(tmp_path_factory, request.param, "lora", *LORA)


# By default LoRA trains the decoders of the other families too, and gradients reach all of each, below.
@pytest.fixture(scope="module", params=[KINDS[0], *(pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS[1:])])
def decoded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """The same of the whole mask decoder, without LoRA."""
    return fit_once(tmp_path_factory, request.param, "decoder")


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "curve.csv").open() as file:
        return list(csv.DictReader(file))


def check_learnt(folder: Path) -> None:
    losses = [float(row["train/loss"]) for row in curve(folder)]
    assert len(losses) == 3
    assert losses[-1] < 0.9 * losses[0]


def evaluate(run_cli: RunCli, fitted: Fitted, adapter: str, out: Path) -> tuple[float, dict[str, np.ndarray]]:
    outcome = run_cli(
        *("test", "--config", PROJECT / "configs/demo.yaml", "--data.split", "val", "--data.size", 30),
        *("--data.subset", 1, "--model.variants", "[point+box+margin@component/single/fuse=1.0]"),
        *sam_words(fitted.kind, fitted.checkpoint),
        *("--model.sam.adapter", fitted.folder / adapter, "--model.save_predictions", True),
        *("--model.analysis", False, "--report", False, "--gallery", False, "--output_dir", out),
    )
    assert outcome.code == 0, outcome.err
    miou: float = json.loads((out / "results.json").read_text())["rows"][1]["miou"]
    files = sorted((out / "predictions").rglob("*.png"))
    return miou, {str(path.relative_to(out)): np.array(Image.open(path)) for path in files}


def check_round_trip(run_cli: RunCli, fitted: Fitted, folder: Path, tolerance: float) -> None:
    """The validation's scores are those of the files, and both files draw the same maps."""
    miou, maps = evaluate(run_cli, fitted, "adapter.safetensors", folder / "adapter")
    other_miou, other_maps = evaluate(run_cli, fitted, "checkpoints/last.ckpt", folder / "checkpoint")
    assert miou == other_miou
    assert maps.keys() == other_maps.keys()
    assert len(maps) == 2
    assert all(np.array_equal(label_map, other_maps[name]) for name, label_map in maps.items())
    assert miou == pytest.approx(float(curve(fitted.folder)[-1]["val/miou"]), abs=tolerance)


def test_lora_learns_little_and_is_read_again(adapted: Fitted, run_cli: RunCli, tmp_path: Path) -> None:
    check_learnt(adapted.folder)
    state = load_file(adapted.folder / "adapter.safetensors")
    parts = {"mask_decoder", "image_encoder" if adapted.kind == "official" else "vision_encoder"}
    assert {name.split(".")[0] for name in state} == parts
    assert all(name.endswith((".lora_A.weight", ".lora_B.weight")) for name in state)
    assert all(4 in tensor.shape for tensor in state.values())
    checkpoint = torch.load(adapted.folder / "checkpoints/last.ckpt", weights_only=True)
    assert len(checkpoint["state_dict"]) == len(state)
    assert read_adapter(adapted.folder / "adapter.safetensors").facts["lora_alpha"] == "8.0"
    # An encoder that learns is validated as it is, and not from the cache.
    check_round_trip(run_cli, adapted, tmp_path, 1e-9)


def test_a_whole_decoder_learns_and_is_read_again(decoded: Fitted, run_cli: RunCli, tmp_path: Path) -> None:
    check_learnt(decoded.folder)
    state = load_file(decoded.folder / "adapter.safetensors")
    whole = {name for name, _ in decoded.load().model.named_parameters() if name.startswith("mask_decoder.")}
    early = {name for name in whole if ".conv_s" in name}
    assert set(state) == whole - early
    assert len(early) == (4 if decoded.kind == "sam2_video" else 0)
    # Embeddings are kept in half precision while something learns.
    check_round_trip(run_cli, decoded, tmp_path, 2e-3)
    # Its embeddings are the frozen SAM's.
    frozen, tuned = decoded.load(), decoded.load("adapter.safetensors")
    assert (tuned.identity, tuned.embeddings_sha256) == (frozen.identity, frozen.sha256)
    assert (tuned.features_sha256 == frozen.sha256) == (not tuned.has_pixel_features)
    assert tuned.tuned_sha256 != frozen.sha256


def go_on(run_cli: RunCli, fitted: Fitted, out: Path, *more: object) -> dict[str, torch.Tensor]:
    last = fitted.folder.parent / "out/checkpoints/last.ckpt"
    outcome = run_cli(*fitted.words, "--ckpt_path", last, "--output_dir", out, *more)
    assert outcome.code == 0, outcome.err
    half = torch.load(last, weights_only=True)
    assert half["epoch"] == 0
    return load_file(out / "adapter.safetensors")


def check_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@elsewhere
def test_lora_goes_on_as_an_unbroken_run(adapted: Fitted, run_cli: RunCli, tmp_path: Path) -> None:
    parts = go_on(run_cli, adapted, tmp_path / "parts")
    check_equal(parts, load_file(adapted.folder / "adapter.safetensors"))


# By default those of LoRA go on, and segment-anything's decoder in test_fit.py.
@pytest.mark.slow
@elsewhere
def test_a_decoder_goes_on_as_an_unbroken_run(decoded: Fitted, run_cli: RunCli, tmp_path: Path) -> None:
    parts = go_on(run_cli, decoded, tmp_path / "parts")
    check_equal(parts, load_file(decoded.folder / "adapter.safetensors"))


IMAGE = torch.randint(0, 256, (3, 45, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
MASK = torch.zeros(45, 64, dtype=torch.bool)
MASK[10:30, 12:40] = True
PROMPTS = [
    Prompt(points=torch.tensor([[20.0, 15.0]], dtype=torch.float64)),
    Prompt(box=torch.tensor([5.0, 6, 50, 40], dtype=torch.float64)),
    Prompt(points=torch.tensor([[20.0, 15.0], [30, 20]], dtype=torch.float64), mask=MASK),
]


def largest_difference(one: TrainableSegmenter, other: TrainableSegmenter) -> float:
    found = []
    for multimask in (True, False):
        ours, theirs = (sam.decode(sam.encode([IMAGE])[0], PROMPTS, multimask) for sam in (one, other))
        found.append((ours.low_res_logits - theirs.low_res_logits).abs().max() / theirs.low_res_logits.abs().max())
        found.append((ours.scores - theirs.scores).abs().max() / theirs.scores.abs().max())
    return float(torch.stack(found).max())


@elsewhere
def test_merged_weights_answer_as_the_small_matrices_do(adapted: Fitted, run_cli: RunCli, tmp_path: Path) -> None:
    """The training is at its end, so nothing but the file is made anew."""
    last = adapted.folder / "checkpoints/last.ckpt"
    words = (*adapted.words, "--model.merged", True, "--ckpt_path", last, "--output_dir", tmp_path / "merged")
    outcome = run_cli(*words)
    assert outcome.code == 0, outcome.err
    path = tmp_path / "merged/adapter.safetensors"
    state = load_file(path)
    assert not any("lora" in name for name in state)
    assert {name.rpartition(".")[0] for name in state} == {
        name.partition(".lora_")[0] for name in load_file(adapted.folder / "adapter.safetensors")
    }
    small, merged, frozen = adapted.load("adapter.safetensors"), adapted.load(path), adapted.load()
    assert largest_difference(small, merged) < 1e-5
    assert largest_difference(small, frozen) > 1e-3
    # Embeddings of the three are not each other's: not for a cache, and not for a memory of features.
    assert len({small.identity, merged.identity, frozen.identity}) == 3
    assert len({small.features_sha256, merged.features_sha256, frozen.features_sha256}) == 3
    assert frozen.features_sha256 == frozen.sha256 == small.sha256
    assert small.adapter is not None
    assert merged.adapter is not None
    assert small.adapter.trained_on == merged.adapter.trained_on
    assert len(small.adapter.trained_on) == 2


def test_a_learning_sam_answers_as_peft_merges_it(adapted: Fitted) -> None:
    """The layers while they learn, peft's own merging, and ours from the file are one network."""
    files, learning, merged = adapted.load("adapter.safetensors"), adapted.load(), adapted.load()
    state = torch.load(adapted.folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    for sam in (learning, merged):
        LearningParts(sam, [], Lora(4, 8.0, BOTH))
        own = dict(sam.named_parameters(prefix="sam"))
        assert {name for name, weight in own.items() if weight.requires_grad} == set(state)
        with torch.no_grad():
            for name, weight in state.items():
                own[name].copy_(weight)
    for module in merged.modules():
        if hasattr(module, "get_delta_weight"):
            module.merge()  # type: ignore[operator]
    for name, weight in merged.model.named_parameters():
        if ".base_layer.weight" in name:
            ours = files.model.get_parameter(name.replace(".base_layer", ""))
            assert torch.allclose(weight, ours, rtol=0, atol=1e-6), name
    assert largest_difference(learning, files) < 1e-5


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


def test_an_adapter_of_another_sam(adapted: Fitted) -> None:
    with pytest.raises(InputError, match="was trained on another SAM"):
        SegmentAnything("demo", adapter=str(adapted.folder / "adapter.safetensors"))
