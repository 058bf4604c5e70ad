"""What a text-prompted segmenter said is kept for each image and phrase."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.cache import CachedConcepts, TensorStore, cache_concepts, cache_use
from lit_samseg.concepts import BoxesByText, Concepts, ConceptSegmenter, HubConcepts, Instances, SeenImage, ShortList
from lit_samseg.errors import InputError
from lit_samseg.sam import Frame, HubSam, SegmentAnything, SquareFrame
from tests.concepts import tiny_text_prompted as tiny
from tests.sam import tiny_hub

PHRASES = ["cat", "a dog", "thing 7"]


class CountingConcepts(ConceptSegmenter):
    """Random answers of the image's sum and the phrase; as many instances as the phrase has letters beyond three."""

    name, checkpoint = "counting", "nowhere"

    def __init__(self, sha256: str = "a", kinds: str = "semantic instances", scale: float = 1.0) -> None:
        super().__init__()
        self.sha256, self.kinds, self.scale = sha256, kinds, scale
        self.looks: list[int] = []
        self.asked: list[str] = []

    @property
    def identity(self) -> str | None:
        return f"{self.sha256} {self.kinds} {self.scale}"

    def frame(self, image: Tensor) -> Frame:
        return SquareFrame(image.shape[1], image.shape[2], 16, 4)

    def encode(self, image: Tensor, target: Tensor | None = None) -> SeenImage:
        self.looks.append(int(image.sum()))
        return SeenImage(self.frame(image), int(image.sum()))

    def segment(self, seen: SeenImage, phrases: Sequence[str]) -> Concepts:
        self.asked += phrases
        presence, semantic, instances = [], [], []
        for phrase in phrases:
            numbers = torch.Generator().manual_seed(seen.content + sum(map(ord, phrase)))
            presence.append(torch.rand((), generator=numbers))
            semantic.append(self.scale * torch.randn(4, 4, generator=numbers))
            count = max(0, len(phrase) - 3)
            masks = self.scale * torch.randn(count, 4, 4, generator=numbers)
            instances.append(Instances(masks, torch.rand(count, generator=numbers)))
        return Concepts(
            seen.frame,
            torch.stack(presence),
            torch.stack(semantic) if "semantic" in self.kinds else None,
            tuple(instances) if "instances" in self.kinds else None,
        )


def image_of(number: int) -> Tensor:
    return torch.randint(0, 256, (3, 9, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(number))


def same(one: Concepts, other: Concepts) -> None:
    assert one.frame == other.frame
    assert torch.equal(one.presence, other.presence)
    assert (one.semantic is None) == (other.semantic is None)
    if one.semantic is not None and other.semantic is not None:
        assert torch.equal(one.semantic, other.semantic)
    assert (one.instances is None) == (other.instances is None)
    for own, expected in zip(one.instances or (), other.instances or (), strict=True):
        assert torch.equal(own.masks, expected.masks)
        assert torch.equal(own.scores, expected.scores)
        assert own.masks.dtype == own.scores.dtype == torch.float32


def cached(folder: Path, concepts: ConceptSegmenter, stored_type: str = "fp32") -> CachedConcepts:
    found = cache_concepts(concepts, str(folder), stored_type)  # type: ignore[arg-type]
    assert isinstance(found, CachedConcepts)
    return found


@pytest.mark.parametrize("kinds", ["semantic", "instances", "semantic instances"])
def test_what_comes_back_is_what_was_said(tmp_path: Path, kinds: str) -> None:
    image = image_of(1)
    plain = CountingConcepts(kinds=kinds)
    expected = plain.segment(plain.encode(image), PHRASES)
    for hits in (0, 3):
        concepts = cached(tmp_path, CountingConcepts(kinds=kinds))
        assert concepts.identity == plain.identity
        seen = concepts.encode(image)
        assert seen.frame == plain.frame(image)
        same(concepts.segment(seen, PHRASES), expected)
        assert (concepts.hits, concepts.misses) == (hits, 3 - hits)
        assert isinstance(concepts.concepts, CountingConcepts)
        assert len(concepts.concepts.looks) == (1 if hits == 0 else 0)


def test_only_missing_phrases_are_asked_and_the_image_is_seen_once(tmp_path: Path) -> None:
    own = CountingConcepts()
    concepts = cached(tmp_path, own)
    image = image_of(1)
    concepts.segment(concepts.encode(image), ["cat", "dog"])
    seen = concepts.encode(image)
    assert own.looks == [int(image.sum())]
    said = concepts.segment(seen, ["dog", "zebra", "cat", "zebra", "horse"])
    assert own.asked == ["cat", "dog", "zebra", "horse"]
    concepts.segment(seen, ["owl"])
    assert len(own.looks) == 2
    assert (concepts.hits, concepts.misses) == (2, 5)
    plain = CountingConcepts()
    same(said, plain.segment(plain.encode(image), ["dog", "zebra", "cat", "zebra", "horse"]))
    nothing = concepts.segment(concepts.encode(image_of(2)), [])
    assert nothing.evidence().shape == (0, 4, 4)
    assert len(own.looks) == 2


def test_what_decides_an_answer_decides_the_entry(tmp_path: Path) -> None:
    def misses(concepts: ConceptSegmenter, image: Tensor, phrase: str = "cat", stored_type: str = "fp32") -> int:
        found = cached(tmp_path, concepts, stored_type)
        found.segment(found.encode(image), [phrase])
        return found.misses

    rough = CountingConcepts()
    rough.precision = "bf16"
    assert misses(CountingConcepts(), image_of(1)) == 1
    assert misses(CountingConcepts(), image_of(1)) == 0
    assert misses(CountingConcepts(), image_of(2)) == 1
    assert misses(CountingConcepts(), image_of(1), "Cat") == 1
    assert misses(CountingConcepts("b"), image_of(1)) == 1
    assert misses(CountingConcepts(scale=2.0), image_of(1)) == 1
    assert misses(rough, image_of(1)) == 1
    assert misses(CountingConcepts(), image_of(1), stored_type="fp16") == 1


def test_half_the_size_is_rounded_whether_found_or_computed(tmp_path: Path) -> None:
    image = image_of(1)
    plain = CountingConcepts()
    exact = plain.segment(plain.encode(image), PHRASES)
    computed, found = (
        concepts.segment(concepts.encode(image), PHRASES)
        for concepts in (cached(tmp_path, CountingConcepts(), "fp16") for _ in range(2))
    )
    same(computed, found)
    assert exact.semantic is not None
    assert found.semantic is not None
    assert torch.equal(found.semantic, exact.semantic.half().float())
    assert not torch.equal(found.semantic, exact.semantic)
    assert torch.equal(found.presence, exact.presence)
    # Beyond fp16's range nothing is rounded.
    large = [CountingConcepts(scale=1e6), cached(tmp_path, CountingConcepts(scale=1e6), "fp16")]
    same(*(concepts.segment(concepts.encode(image), PHRASES) for concepts in large))


def test_damaged_entries_are_computed_again(tmp_path: Path) -> None:
    image = image_of(1)
    first = cached(tmp_path, CountingConcepts())
    expected = first.segment(first.encode(image), PHRASES)
    files = sorted(tmp_path.rglob("*.safetensors"))
    assert len(files) == 3
    files[0].write_bytes(files[0].read_bytes()[:-3])
    again = cached(tmp_path, CountingConcepts())
    same(again.segment(again.encode(image), PHRASES), expected)
    assert (again.hits, again.misses) == (2, 1)


def test_segmenters_that_are_not_cached(tmp_path: Path) -> None:
    class Unknown(CountingConcepts):
        @property
        def identity(self) -> str | None:
            return None

    knowing = CountingConcepts()
    knowing.needs_truth = True
    for concepts in (Unknown(), knowing):
        assert cache_concepts(concepts, str(tmp_path)) is concepts
    with pytest.raises(InputError, match=r"cache_dtype is 'fp8'; it is fp32 or fp16"):
        cached(tmp_path, CountingConcepts(), "fp8")
    with pytest.raises(InputError, match=r"cache_max_gb is 0; give a number above 0"):
        cache_concepts(CountingConcepts(), str(tmp_path), max_gb=0)


def test_phrases_are_checked_as_without_a_cache(tmp_path: Path) -> None:
    concepts = CachedConcepts(CountingConcepts(), TensorStore(tmp_path, 10**6))
    concepts.check_phrases(["cat"])
    with pytest.raises(InputError, match="an empty phrase"):
        concepts.check_phrases([""])


def test_networks_of_the_hub(tmp_path: Path) -> None:
    tiny_hub.save("sam", tmp_path / "sam")
    sam = HubSam(str(tmp_path / "sam"))
    made = [
        HubConcepts(str(tiny.save("sam3", tmp_path / "sam3"))),
        HubConcepts(str(tiny.save("clipseg", tmp_path / "clipseg"))),
        BoxesByText(str(tiny.save("owlv2", tmp_path / "owlv2")), sam, most_instances=2),
    ]
    image = tiny.picture(40, 61)
    for concepts in made:
        expected = concepts.segment(concepts.encode(image), PHRASES)
        for misses in (3, 0):
            kept = cached(tmp_path / "cache", concepts)
            same(kept.segment(kept.encode(image), PHRASES), expected)
            assert kept.misses == misses


def test_answers_of_both_segmenters_of_a_short_list_are_counted(tmp_path: Path) -> None:
    networks = MobileNetV2DeepLab("demo"), SegmentAnything("demo")
    use = []
    for _ in range(2):
        concepts = cache_concepts(ShortList(CountingConcepts(), CountingConcepts("b"), keep=2), str(tmp_path))
        assert cache_use(*networks, concepts) == {"dtype": "fp32", "phrases": {"hits": 0, "misses": 0}}
        concepts.segment(concepts.encode(image_of(1)), PHRASES)
        use.append(cache_use(*networks, concepts))
    assert use == [{"dtype": "fp32", "phrases": {"hits": hits, "misses": 5 - hits}} for hits in (0, 5)]
    assert cache_use(*networks, ShortList(CountingConcepts(), CountingConcepts("b"))) is None
