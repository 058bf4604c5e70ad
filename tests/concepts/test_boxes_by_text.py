"""Grounding DINO and OWLv2 against the library, called one by one with its own processor, in front of a SAM."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers.image_utils import SizeDict

from lit_samseg.concepts import BoxesByText
from lit_samseg.errors import InputError
from lit_samseg.sam import HubSam, Prompt
from tests.concepts import tiny_text_prompted as tiny
from tests.sam import tiny_hub

PHRASES = ["cat", "A dog", "thing 7", "xyz", "zebra crossing"]
# About the middle of what random networks say.
THRESHOLD = {"grounding-dino": 0.97, "owlv2": 0.8}


@pytest.fixture(scope="module", params=["grounding-dino", "owlv2"])
def model_type(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(model_type: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(model_type, tmp_path_factory.mktemp(model_type))


@pytest.fixture(scope="module")
def sam(tmp_path_factory: pytest.TempPathFactory) -> HubSam:
    folder = tmp_path_factory.mktemp("sam")
    tiny_hub.save("sam", folder)
    return HubSam(str(folder))


@pytest.fixture(scope="module")
def concepts(folder: Path, model_type: str, sam: HubSam) -> BoxesByText:
    return BoxesByText(str(folder), sam, THRESHOLD[model_type], most_instances=50)


@pytest.fixture(scope="module")
def library(model_type: str, folder: Path) -> tuple[Any, Any]:
    _, model, processor = tiny.MODELS[model_type]
    return model.from_pretrained(folder).eval(), processor.from_pretrained(folder)


def ask_library(library: tuple[Any, Any], image: torch.Tensor, phrase: str, threshold: float) -> Any:
    """Boxes in pixels and their scores, best first, from the library's own post-processing."""
    model, processor = library
    picture = Image.fromarray(image.permute(1, 2, 0).numpy())
    inputs = processor(text=[[phrase]], images=[picture], return_tensors="pt")
    with torch.no_grad():
        output = model(**inputs)
    sizes = [(picture.height, picture.width)]
    (found,) = processor.post_process_grounded_object_detection(output, threshold=threshold, target_sizes=sizes)
    scores, order = found["scores"].sort(descending=True)
    return found["boxes"][order], scores


def close(found: torch.Tensor, expected: torch.Tensor, atol: float = 1e-5) -> None:
    torch.testing.assert_close(found, expected, atol=atol, rtol=0)


@pytest.mark.parametrize(("height", "width"), [(40, 61), (97, 50), (3, 3), (1, 1)])
def test_answers_are_the_librarys_boxes_given_to_sam(
    concepts: BoxesByText, library: tuple[Any, Any], sam: HubSam, height: int, width: int
) -> None:
    image = tiny.picture(height, width)
    seen = concepts.encode(image)
    assert seen.frame == concepts.frame(image) == sam.frame(image)
    (embedding,) = sam.encode([image])
    said = concepts.segment(seen, PHRASES)
    assert said.semantic is None
    assert said.instances is not None
    for n, phrase in enumerate(PHRASES):
        boxes, scores = ask_library(library, image, phrase, concepts.threshold)
        # OWLv2 finds things in the padding, too.
        inside = (boxes[:, :2] < torch.tensor([width, height])).all(1) & (boxes[:, 2:] > 0).all(1)
        boxes, scores = boxes[inside], scores[inside]
        own = said.instances[n]
        close(said.presence[n], scores.max() if len(scores) else torch.tensor(0.0))
        close(own.scores * said.presence[n], scores)
        assert len(own.masks) == len(scores)
        for mask, box in zip(own.masks, boxes.double(), strict=True):
            edges = torch.minimum(box.clamp(min=0), torch.tensor([width, height, width, height]))
            # Edges are a pixel apart where its middle is the only one between them.
            corners = torch.cat([edges[:2], torch.maximum(edges[2:] - 1, edges[:2])])
            candidates = sam.decode(embedding, [Prompt(box=corners)])
            # Rounding of corners goes through SAM; masks of other boxes are apart by more than 0.01.
            close(mask, candidates.low_res_logits[0, candidates.scores[0].argmax()], atol=1e-3)
    assert said.evidence().shape == (len(PHRASES), 32, 32)


def test_boxes_depend_on_image_and_phrase(concepts: BoxesByText, model_type: str) -> None:
    """A comparison of equal answers, or of none, would show nothing."""
    first, second = (concepts.segment(concepts.encode(tiny.picture(*size)), PHRASES) for size in ((40, 61), (97, 50)))
    assert (first.presence != second.presence).all()
    assert len(set(first.presence.tolist())) == len(PHRASES)
    assert first.instances is not None
    counts = [len(own.scores) for own in first.instances]
    queries = {"grounding-dino": 10, "owlv2": 36}[model_type]
    assert 0 < min(counts) < queries
    assert len(set(counts)) > 1


def test_boxes_of_owl_lie_in_the_padded_square(tmp_path: Path, sam: HubSam) -> None:
    """Of an image of 20 x 80, three quarters of the square are padding: boxes are cut, and those outside left out."""
    concepts = BoxesByText(str(tiny.save("owlv2", tmp_path)), sam, threshold=0.0, most_instances=36)
    boxes = concepts._find(concepts.encode(tiny.picture(20, 80)).content[1], ["cat"], (20, 80))[0]
    assert 0 < len(boxes.scores) < 36
    assert (boxes.corners >= 0).all()
    assert (boxes.corners <= torch.tensor([80, 20, 80, 20])).all()
    assert (boxes.corners[:, 2:] > boxes.corners[:, :2]).all()
    # Patches lie 80 / 6 pixels apart on both axes, and a box's middle near its patch: some reach the lower edge.
    assert float(boxes.corners[:, 3].max()) == 20


def test_images_are_seen_once(folder: Path, sam: HubSam, model_type: str) -> None:
    concepts = BoxesByText(str(folder), sam, most_instances=2, phrases_at_once=16)
    model = concepts.model
    looks: list[int] = []
    backbone = model.model.backbone.backbone if model_type == "grounding-dino" else model.owlv2.vision_model
    for module in (backbone, sam.model.vision_encoder):
        module.register_forward_hook(lambda *_: looks.append(1))
    phrases = [f"thing {n}" for n in range(20)]
    said = concepts.segment(concepts.encode(tiny.picture(33, 47)), phrases)
    assert len(looks) == 2
    assert len(said) == 20
    if model_type == "owlv2":
        reads: list[int] = []
        model.owlv2.text_model.register_forward_hook(lambda *_: reads.append(1))
        concepts.segment(concepts.encode(tiny.picture(20, 30)), [*phrases, "new"])
        assert len(reads) == 1


def test_chunks_make_no_difference(folder: Path, sam: HubSam, model_type: str) -> None:
    """Texts of Grounding DINO have different lengths, and are never padded to each other's."""
    concepts = BoxesByText(str(folder), sam, THRESHOLD[model_type], most_instances=3)
    seen = concepts.encode(tiny.picture(40, 61))
    alone = concepts.segment(seen, PHRASES)
    for concepts.phrases_at_once in (1, 2, 100):
        said = concepts.segment(seen, PHRASES)
        close(said.presence, alone.presence)
        for own, expected in zip(said.instances or (), alone.instances or (), strict=True):
            close(own.scores, expected.scores)
            close(own.masks, expected.masks, atol=1e-3)
    turned = concepts.segment(seen, PHRASES[::-1])
    close(turned.presence.flip(0), alone.presence)


@pytest.mark.parametrize(("height", "width"), [(1, 400), (400, 2)])
def test_thin_images_have_answers(concepts: BoxesByText, model_type: str, height: int, width: int) -> None:
    """Grounding DINO's own size would have no pixel across; nearly all of OWLv2's square is padding."""
    said = concepts.segment(concepts.encode(tiny.picture(height, width)), PHRASES)
    assert ((said.presence >= 0) & (said.presence <= 1)).all()
    if model_type == "grounding-dino":
        assert (said.presence > 0).all()


def test_images_are_not_padded_whatever_the_settings_say(tmp_path: Path, sam: HubSam) -> None:
    """The network would be told of no mask."""
    concepts = BoxesByText(str(tiny.save("grounding-dino", tmp_path)), sam, most_instances=2)
    image = tiny.picture(40, 61)
    expected = concepts.segment(concepts.encode(image), PHRASES)
    concepts.processor.pad_size = SizeDict(height=200, width=200)
    said = concepts.segment(concepts.encode(image), PHRASES)
    assert torch.equal(said.presence, expected.presence)


def test_nothing_found(folder: Path, sam: HubSam) -> None:
    concepts = BoxesByText(str(folder), sam, threshold=1.0)
    seen = concepts.encode(tiny.picture(40, 61))
    said = concepts.segment(seen, PHRASES[:2])
    assert said.presence.tolist() == [0, 0]
    assert [own.masks.shape for own in said.instances or ()] == [(0, 32, 32)] * 2
    assert not said.evidence().any()
    nothing = concepts.segment(seen, [])
    assert len(nothing) == 0
    assert nothing.evidence().shape == (0, 32, 32)


def test_defaults_are_the_authors(folder: Path, sam: HubSam, model_type: str) -> None:
    concepts = BoxesByText(str(folder), sam)
    assert concepts.threshold == {"grounding-dino": 0.25, "owlv2": 0.1}[model_type]
    assert concepts.precision == sam.precision
    assert concepts.name == f"{folder.name}+{sam.name}"


def test_half_precision_is_near(folder: Path, sam: HubSam) -> None:
    """The detector computes in SAM's precision, and says in fp32 what it found."""
    said = []
    for precision in ("fp32", "bf16"):
        concepts = BoxesByText(str(folder), HubSam(sam.checkpoint, precision=precision), 0.0, most_instances=2)
        assert concepts.precision == precision
        said.append(concepts.segment(concepts.encode(tiny.picture(40, 61)), PHRASES[:2]))
    exact, rough = said
    assert rough.presence.dtype == torch.float32
    assert 0 < float((exact.presence - rough.presence).abs().max()) < 0.05
    assert all(own.masks.dtype == own.scores.dtype == torch.float32 for own in rough.instances or ())


def test_what_decides_an_answer_is_its_identity(folder: Path, sam: HubSam) -> None:
    class OtherSam(HubSam):
        pass

    class Other(BoxesByText):
        pass

    concepts = BoxesByText(str(folder), sam)
    own = concepts.identity
    assert own is not None
    concepts.phrases_at_once = 3
    assert concepts.identity == own
    concepts.threshold = 0.6
    stricter = concepts.identity
    concepts.most_instances = 3
    assert len({own, stricter, concepts.identity}) == 3
    assert Other(str(folder), sam).identity is None
    assert BoxesByText(str(folder), OtherSam(sam.checkpoint)).identity is None


def test_full_stops_within_a_phrase(tmp_path: Path, sam: HubSam) -> None:
    concepts = BoxesByText(str(tiny.save("grounding-dino", tmp_path)), sam)
    concepts.check_phrases(["a cat.", "Dog ."])
    seen = concepts.encode(tiny.picture(9, 9))
    same = concepts.segment(seen, ["a cat", "a cat.", " A CAT "]).presence
    assert same[0] == same[1] == same[2]
    with pytest.raises(InputError, match=r"^the phrase 'st. bernard' has a '\.' or '\?', which ends a phrase to"):
        concepts.segment(seen, ["st. bernard"])
    with pytest.raises(InputError, match=r"^the phrase '\.' has no word; give one$"):
        concepts.check_phrases(["."])
