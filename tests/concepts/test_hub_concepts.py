"""SAM 3, SAM 3 Lite-Text and CLIPSeg against the library, called one by one with its own processor."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from PIL import Image
from torch.nn import functional as F

from lit_samseg.concepts import HubConcepts
from lit_samseg.concepts.families import FAMILIES as FAMILIES_BY_TYPE
from lit_samseg.errors import InputError
from lit_samseg.refine.cells import cells_to_image
from tests.concepts import tiny_text_prompted as tiny

FAMILIES = ["sam3", "sam3_lite_text", "clipseg"]
PHRASES = ["cat", "a dog", "thing 7", "Cat", "zebra crossing"]
LEAST = 0.3


@pytest.fixture(scope="module", params=FAMILIES)
def model_type(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(model_type: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(model_type, tmp_path_factory.mktemp(model_type))


@pytest.fixture(scope="module")
def concepts(folder: Path) -> HubConcepts:
    return HubConcepts(str(folder))


@pytest.fixture(scope="module")
def library(model_type: str, folder: Path) -> tuple[Any, Any]:
    return load_library(model_type, folder)


def load_library(model_type: str, folder: Path) -> tuple[Any, Any]:
    _, model, processor = tiny.MODELS[model_type]
    return model.from_pretrained(folder).eval(), processor.from_pretrained(folder)


def ask_library(library: tuple[Any, Any], image: torch.Tensor, phrase: str) -> Any:
    model, processor = library
    picture = Image.fromarray(image.permute(1, 2, 0).numpy())
    inputs = dict(processor(text=[phrase], images=[picture], return_tensors="pt"))
    inputs.pop("original_sizes", None)
    with torch.no_grad():
        return model(**inputs)


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def count_calls(module: torch.nn.Module, calls: list[int]) -> Any:
    return module.register_forward_hook(lambda *_: calls.append(1))


@pytest.mark.parametrize(("height", "width"), [(40, 61), (97, 50), (1, 1), (5, 3), (1, 90), (3, 3)])
def test_answers_are_the_librarys(
    concepts: HubConcepts, library: tuple[Any, Any], model_type: str, height: int, width: int
) -> None:
    image = tiny.picture(height, width)
    seen = concepts.encode(image)
    side = tiny.MASK_SIDE[model_type]
    assert (seen.frame.height, seen.frame.width, seen.frame.size) == (height, width, tiny.SIDE[model_type])
    assert seen.frame == concepts.frame(image)
    said = concepts.segment(seen, PHRASES)
    assert said.semantic is not None
    assert said.semantic.shape == (len(PHRASES), side, side)
    assert said.semantic.dtype == said.presence.dtype == torch.float32
    for n, phrase in enumerate(PHRASES):
        expected = ask_library(library, image, phrase)
        if model_type == "clipseg":
            close(said.semantic[n], expected.logits.reshape(side, side))
            continue
        close(said.semantic[n], expected.semantic_seg[0, 0])
        close(said.presence[n], expected.presence_logits[0, 0].sigmoid())
        assert said.instances is not None
        check_instances(said.instances[n], said.presence[n], expected, library[1])
    if model_type == "clipseg":
        assert said.instances is None
        assert torch.equal(said.presence, torch.ones(len(PHRASES)))
        assert torch.equal(said.evidence(), said.semantic.sigmoid())


def check_instances(own: Any, presence: torch.Tensor, expected: Any, processor: Any) -> None:
    (kept,) = processor.image_processor.post_process_instance_segmentation(expected, threshold=LEAST)
    products, order = kept["scores"].sort(descending=True)
    close(own.scores * presence, products)
    assert len(own.masks) == len(products)
    # Near the decision, rounding decides.
    assert int(((own.masks > 0) != kept["masks"][order].bool()).sum()) <= 1e-3 * own.masks.numel()
    raw, order = expected.pred_logits[0].sigmoid().sort(descending=True)
    close(own.scores, raw[: len(products)])
    close(own.masks, expected.pred_masks[0][order[: len(products)]])


def test_answers_depend_on_image_and_phrase(concepts: HubConcepts, model_type: str) -> None:
    """A comparison of equal answers would show nothing. Letters' cases are one to the tokenizer."""
    said = [concepts.segment(concepts.encode(tiny.picture(*size)), PHRASES) for size in ((40, 61), (97, 50))]
    first, second = (one.semantic for one in said)
    assert first is not None
    assert second is not None
    assert float((first - second).abs().flatten(1).max(1).values.min()) > 1e-2
    flat = first.flatten(1)
    apart = torch.cdist(flat, flat) / flat.shape[1] ** 0.5
    assert torch.equal(first[0], first[PHRASES.index("Cat")])
    different = [0, 1, 2, 4]
    assert float(apart[different][:, different].fill_diagonal_(9).min()) > 1e-3
    if model_type != "clipseg":
        assert len({round(float(p), 6) for p in said[0].presence}) == len(PHRASES) - 1
        assert said[0].instances is not None
        assert max(len(own.scores) for own in said[0].instances) > 1


def test_the_published_sam_3_is_read(tmp_path: Path) -> None:
    """It calls itself a video model, whose detector is the part for images; names of its weights have a prefix."""
    folder = tiny.save("sam3_video", tmp_path)
    library = load_library("sam3_video", folder)
    concepts = HubConcepts(str(folder))
    image = tiny.picture(40, 61)
    said = concepts.segment(concepts.encode(image), PHRASES)
    assert said.semantic is not None
    assert said.instances is not None
    for n, phrase in enumerate(PHRASES):
        expected = ask_library(library, image, phrase)
        close(said.semantic[n], expected.semantic_seg[0, 0])
        check_instances(said.instances[n], said.presence[n], expected, library[1])
    assert not any("tracker" in name for name in concepts.state_dict())


@pytest.mark.parametrize("count", [1, 20, 150])
def test_any_number_of_phrases_needs_one_look_at_the_image(
    folder: Path, library: tuple[Any, Any], model_type: str, count: int
) -> None:
    concepts = HubConcepts(str(folder), phrases_at_once=64)
    looks: list[int] = []
    reads: list[int] = []
    encoder = concepts.model.clip.vision_model if model_type == "clipseg" else concepts.model.vision_encoder
    reader = concepts.model.clip.text_model if model_type == "clipseg" else concepts.model.text_encoder
    count_calls(encoder, looks)
    count_calls(reader, reads)
    phrases = [f"thing {n}" for n in range(count)]
    image = tiny.picture(33, 47)
    said = concepts.segment(concepts.encode(image), phrases)
    assert (len(looks), len(reads)) == (1, count)
    assert len(said) == count
    concepts.segment(concepts.encode(tiny.picture(20, 30)), phrases[::-1])
    assert (len(looks), len(reads)) == (2, count)
    assert said.semantic is not None
    for n in {0, count // 2, count - 1}:
        expected = ask_library(library, image, phrases[n])
        own = (
            expected.logits.reshape(said.semantic[n].shape) if model_type == "clipseg" else expected.semantic_seg[0, 0]
        )
        close(said.semantic[n], own)


def test_chunks_make_no_difference(folder: Path) -> None:
    phrases = [*PHRASES, *(f"thing {n}" for n in range(4))]
    image = tiny.picture(40, 61)
    concepts, said = HubConcepts(str(folder)), []
    for concepts.phrases_at_once in (None, 1, 2, 4, 100):
        said.append(concepts.segment(concepts.encode(image), phrases))
    alone = said[0]
    for other in said[1:]:
        close(other.presence, alone.presence)
        assert other.semantic is not None
        assert alone.semantic is not None
        close(other.semantic, alone.semantic)
        for own, expected in zip(other.instances or (), alone.instances or (), strict=True):
            close(own.scores, expected.scores)
            close(own.masks, expected.masks)


def test_fewer_at_once_where_memory_is_short(folder: Path, model_type: str) -> None:
    concepts = HubConcepts(str(folder), phrases_at_once=8)
    seen = concepts.encode(tiny.picture(40, 61))
    expected = concepts.segment(seen, PHRASES)
    decoder = concepts.model.decoder if model_type == "clipseg" else concepts.model.detr_decoder

    def refuse(module: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        batch = len(args[1]) if model_type == "clipseg" else len(kwargs["vision_features"])
        if batch > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")

    most = 2
    decoder.register_forward_pre_hook(refuse, with_kwargs=True)
    said = concepts.segment(seen, PHRASES)
    assert concepts.fitting.most == 2
    assert said.semantic is not None
    assert expected.semantic is not None
    close(said.semantic, expected.semantic)
    close(said.presence, expected.presence)
    most = 0
    with pytest.raises(InputError, match=r"^text-prompted .* not even one of its phrases at once; set precision: bf16"):
        concepts.segment(seen, PHRASES)


def test_no_phrases(concepts: HubConcepts, model_type: str) -> None:
    said = concepts.segment(concepts.encode(tiny.picture(9, 9)), [])
    side = tiny.MASK_SIDE[model_type]
    assert len(said) == 0
    assert said.evidence().shape == (0, side, side)
    assert (said.instances is None) == (model_type == "clipseg")


def test_the_best_instances_are_kept(folder: Path, model_type: str) -> None:
    image = tiny.picture(40, 61)

    concepts = HubConcepts(str(folder), least_score=0.0)

    def ask() -> Sequence[Any] | None:
        return concepts.segment(concepts.encode(image), PHRASES).instances

    every = ask()
    concepts.most_instances = 2
    best = ask()
    concepts.least_score = 1.0
    none = ask()
    if model_type == "clipseg":
        assert every is best is none is None
        return
    assert every is not None
    assert best is not None
    assert none is not None
    for one, two, zero in zip(every, best, none, strict=True):
        assert len(one.scores) == 9
        assert (one.scores.diff() <= 0).all()
        assert torch.equal(two.scores, one.scores[:2])
        assert torch.equal(two.masks, one.masks[:2])
        assert zero.masks.shape == (0, *one.masks.shape[1:])


def test_evidence_comes_to_the_image_as_masks_do(concepts: HubConcepts) -> None:
    """The library brings a square's logits to the image's size in one linear step."""
    image = tiny.picture(40, 61)
    said = concepts.segment(concepts.encode(image), PHRASES[:2])
    assert said.semantic is not None
    expected = F.interpolate(said.semantic[None], (40, 61), mode="bilinear")[0]
    close(cells_to_image(said.semantic, said.frame), expected)
    close(said.frame.to_image(said.semantic), expected)


def test_half_precision_is_near(folder: Path, concepts: HubConcepts) -> None:
    image = tiny.picture(40, 61)
    said = concepts.segment(concepts.encode(image), PHRASES)
    half = HubConcepts(str(folder), precision="bf16")
    rough = half.segment(half.encode(image), PHRASES)
    assert rough.semantic is not None
    assert said.semantic is not None
    assert rough.semantic.dtype == rough.presence.dtype == torch.float32
    assert 0 < float((rough.semantic - said.semantic).abs().mean()) < 0.1
    assert all(own.masks.dtype == own.scores.dtype == torch.float32 for own in rough.instances or ())


def test_sizes_of_the_published_networks() -> None:
    """288 and 352, as their configurations give them; texts of SAM 3 have 32 tokens, however its encoder is made."""
    sam3, lite = hf.Sam3Config(), hf.Sam3LiteTextConfig()
    assert FAMILIES_BY_TYPE["sam3"].mask_size(sam3, 1008) == 288
    assert FAMILIES_BY_TYPE["sam3_lite_text"].mask_size(lite, 1008) == 288
    assert [FAMILIES_BY_TYPE["sam3"].text_length(sam3), FAMILIES_BY_TYPE["sam3_lite_text"].text_length(lite)] == [
        32,
        32,
    ]
    for complex_decoder in (False, True):
        config = hf.CLIPSegConfig(vision_config={"patch_size": 16}, use_complex_transposed_convolution=complex_decoder)
        assert FAMILIES_BY_TYPE["clipseg"].mask_size(config, 352) == 352
    assert FAMILIES_BY_TYPE["clipseg"].text_length(hf.CLIPSegConfig()) == 77


def test_nothing_is_trained(concepts: HubConcepts) -> None:
    assert not concepts.training
    assert not any(parameter.requires_grad for parameter in concepts.parameters())


def test_what_decides_an_answer_is_its_identity(folder: Path) -> None:
    class Other(HubConcepts):
        pass

    concepts = HubConcepts(str(folder))
    own = concepts.identity
    assert own is not None
    concepts.phrases_at_once = 3
    assert concepts.identity == own
    concepts.least_score = 0.5
    stricter = concepts.identity
    concepts.most_instances = 3
    assert len({own, stricter, concepts.identity}) == 3
    assert Other(str(folder)).identity is None
