"""A cheap segmenter's short list, asked of a costly one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from jsonargparse import ArgumentParser
from torch import Tensor

from lit_samseg.cache import CachedConcepts, cache_concepts
from lit_samseg.concepts import Concepts, ConceptSegmenter, Instances, SeenImage, ShortList, SimulatedConcepts
from lit_samseg.errors import InputError
from lit_samseg.sam.frame import Frame, SquareFrame
from tests.cache.test_concepts import CountingConcepts, same

PHRASES = ("cat", "a dog", "thing 7", "fox", "zebra", "horse")


class Says(ConceptSegmenter):
    """Says of each phrase a presence and a probability everywhere in the image; in its padding all is sure."""

    name, checkpoint, sha256 = "says", "nowhere", None

    def __init__(self, said: Mapping[str, tuple[float, float]]) -> None:
        super().__init__()
        self.said = said
        self.looks: list[Tensor | None] = []
        self.asked: list[tuple[str, ...]] = []

    def frame(self, image: Tensor) -> Frame:
        return Frame(image.shape[1], image.shape[2], 32, 8)

    def encode(self, image: Tensor, target: Tensor | None = None) -> SeenImage:
        self.looks.append(target)
        return SeenImage(self.frame(image), None)

    def segment(self, seen: SeenImage, phrases: Sequence[str]) -> Concepts:
        self.asked.append(tuple(phrases))
        presence, there = torch.tensor([self.said[phrase] for phrase in phrases]).T
        semantic = there.logit()[:, None, None].expand(-1, 8, 8).clone()
        semantic[:, 5:] = 30.0
        return Concepts(seen.frame, presence, semantic)


SAID = {
    "cat": (0.9, 0.2),  # evidence 0.18
    "a dog": (0.5, 0.9),  # 0.45
    "thing 7": (1.0, 0.1),  # 0.1
    "fox": (0.3, 0.99),  # 0.297
    "zebra": (0.0, 0.99),  # 0
    "horse": (0.5, 0.9),  # 0.45
}


def image_of(height: int = 10, width: int = 20) -> Tensor:
    return torch.arange(3 * height * width, dtype=torch.uint8).reshape(3, height, width)


@pytest.mark.parametrize(
    ("keep", "least", "expected"),
    [
        (1, 0.0, ("a dog",)),  # of equal ones the first
        (2, 0.0, ("a dog", "horse")),
        (3, 0.0, ("a dog", "fox", "horse")),
        (5, 0.0, ("cat", "a dog", "thing 7", "fox", "horse")),
        (20, 0.0, ("cat", "a dog", "thing 7", "fox", "horse")),  # zebra is not there at all
        (20, 0.15, ("cat", "a dog", "fox", "horse")),
        (2, 0.4, ("a dog", "horse")),
    ],
)
def test_which_phrases_are_left(keep: int, least: float, expected: tuple[str, ...]) -> None:
    first, then = Says(SAID), Says(SAID)
    both = ShortList(first, then, keep, least)
    both.segment(both.encode(image_of()), PHRASES)
    assert first.asked == [PHRASES]
    assert then.asked == [expected]


def test_evidence_in_the_padding_is_none() -> None:
    """Rows 5 to 7 are below an image of 10 x 20, and sure of everything."""
    found = Says(SAID).segment(Says(SAID).encode(image_of()), PHRASES)
    assert found.evidence()[0].max() > 0.89
    then = Says(SAID)
    both = ShortList(Says(SAID), then, 6, 0.15)
    both.segment(both.encode(image_of()), PHRASES)
    assert then.asked == [("cat", "a dog", "fox", "horse")]


@pytest.mark.parametrize("kinds", ["semantic", "instances", "semantic instances"])
@pytest.mark.parametrize("keep", [1, 3, 6])
def test_answers_are_the_costly_one_s_own(kinds: str, keep: int) -> None:
    first, then = Says(SAID), CountingConcepts(kinds=kinds)
    both = ShortList(first, then, keep)
    image = image_of()
    said = both.segment(both.encode(image), PHRASES)
    alone = then.segment(then.encode(image), PHRASES)
    order = sorted(range(6), key=lambda n: -SAID[PHRASES[n]][0] * SAID[PHRASES[n]][1])
    left = [n for n in order[:keep] if SAID[PHRASES[n]][0] > 0]
    assert said.frame == SquareFrame(10, 20, 16, 4) == both.frame(image)
    assert (said.semantic is None, said.instances is None) == ("semantic" not in kinds, "instances" not in kinds)
    for n in range(6):
        if n in left:
            same(phrase(said, n), phrase(alone, n))
        else:
            assert said.presence[n] == 0
            assert phrase(said, n).evidence().max() == 0
            assert said.semantic is None or (said.semantic[n] < -10).all()
            assert said.instances is None or said.instances[n].masks.shape == (0, 4, 4)


def phrase(said: Concepts, n: int) -> Concepts:
    semantic = None if said.semantic is None else said.semantic[n : n + 1]
    instances = None if said.instances is None else said.instances[n : n + 1]
    return Concepts(said.frame, said.presence[n : n + 1], semantic, instances)


def test_an_image_is_encoded_only_where_it_is_asked_about() -> None:
    first, then = Says(SAID), CountingConcepts()
    both = ShortList(first, then, 2)
    image, target = image_of(), torch.zeros(10, 20)
    seen = both.encode(image, target)
    nothing = both.segment(seen, ())
    assert (len(nothing), nothing.evidence().shape) == (0, (0, 4, 4))
    assert (first.looks, then.looks) == ([], [])
    absent = both.segment(seen, ("zebra", "zebra"))
    assert absent.evidence().shape == (2, 4, 4)
    assert absent.evidence().max() == 0
    assert len(first.looks) == 1
    assert first.looks[0] is target
    assert then.looks == []
    both.segment(seen, ("cat", "zebra"))
    both.segment(seen, ("fox",))
    assert len(first.looks) == len(then.looks) == 1
    assert then.asked == ["cat", "fox"]


def test_what_is_found_without_a_map() -> None:
    """A detector's evidence is that of its instances."""

    class Finds(Says):
        def segment(self, seen: SeenImage, phrases: Sequence[str]) -> Concepts:
            said = super().segment(seen, phrases)
            found = Instances(torch.full((1, 8, 8), 20.0), torch.ones(1))
            none = Instances(torch.zeros(0, 8, 8), torch.zeros(0))
            instances = tuple(found if "o" in phrase else none for phrase in phrases)
            return Concepts(said.frame, said.presence, None, instances)

    then = CountingConcepts()
    both = ShortList(Finds(SAID), then)
    both.segment(both.encode(image_of()), PHRASES)
    assert then.asked == ["a dog", "fox", "horse"]


def test_what_it_is() -> None:
    truth = SimulatedConcepts("scenes")
    assert ShortList(Says(SAID), CountingConcepts()).identity is None
    assert not ShortList(Says(SAID), CountingConcepts()).needs_truth
    assert ShortList(truth, CountingConcepts()).needs_truth
    assert ShortList(CountingConcepts(), truth).needs_truth
    both = ShortList(Says(SAID), CountingConcepts(), 7)
    assert (both.name, both.checkpoint, both.sha256) == ("counting, 7 phrases by says", "nowhere", "a")


def test_phrases_are_checked_by_both() -> None:
    class Short(CountingConcepts):
        def check_phrases(self, phrases: Sequence[str]) -> None:
            super().check_phrases(phrases)
            if "thing 7" in phrases:
                raise InputError("too long")

    for both in (ShortList(Short(), Says(SAID)), ShortList(Says(SAID), Short())):
        both.check_phrases(("cat",))
        with pytest.raises(InputError, match="too long"):
            both.check_phrases(PHRASES)


@pytest.mark.parametrize(
    ("keep", "least", "complaint"),
    [
        (0, 0.0, r"concepts\.keep is 0; leave at least 1 phrase"),
        (5, 1.0, r"concepts\.least_evidence is 1\.0"),
        (5, -0.1, r"concepts\.least_evidence is -0\.1"),
    ],
)
def test_options_that_cannot_be(keep: int, least: float, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        ShortList(Says(SAID), CountingConcepts(), keep, least)


def test_its_segmenters_are_cached_and_it_is_not(tmp_path: Path) -> None:
    """Another list of phrases may leave others: what was kept must not answer for it."""
    image = image_of()

    def ask(*phrases: str) -> tuple[Concepts, CountingConcepts, CountingConcepts]:
        first, then = CountingConcepts("b"), CountingConcepts()
        both = cache_concepts(ShortList(first, then, 2), str(tmp_path))
        assert isinstance(both, ShortList)
        assert isinstance(both.first, CachedConcepts)
        assert isinstance(both.then, CachedConcepts)
        return both.segment(both.encode(image), phrases), first, then

    plain = ShortList(CountingConcepts("b"), CountingConcepts(), 2)
    cold, first, then = ask(*PHRASES)
    assert (first.asked, len(then.asked)) == (list(PHRASES), 2)
    same(cold, plain.segment(plain.encode(image), PHRASES))
    warm, first, then = ask(*PHRASES)
    assert first.asked == then.asked == first.looks == then.looks == []
    same(warm, cold)
    others = tuple(phrase for phrase in PHRASES if phrase not in ("cat", "zebra"))
    same(ask(*others)[0], plain.segment(plain.encode(image), others))


def test_a_short_list_with_the_truth() -> None:
    """Two simulated ones: without misses the first never loses what is there, as long as there is room."""
    first = SimulatedConcepts("scenes", 0.0, 0.0)
    then = SimulatedConcepts("scenes", 0.0, 1.0, seed=5)
    both = ShortList(first, then, 3)
    phrases = ("ball", "ring", "crate", "lamp", "cart")
    draws = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (3, 40, 60), dtype=torch.uint8, generator=draws)
    target = torch.zeros(40, 60, dtype=torch.uint8)
    target[5:25, 10:30], target[20:40, 35:60] = 2, 5
    said = both.segment(both.encode(image, target), phrases)
    assert (said.presence > 0)[[1, 4]].all()
    assert int((said.presence > 0).sum()) == 3
    alone = then.segment(then.encode(image, target), phrases)
    assert torch.equal(said.presence[[1, 4]], alone.presence[[1, 4]])


def test_options_on_the_command_line() -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--concepts", type=ConceptSegmenter)
    simulated = "lit_samseg.concepts.SimulatedConcepts"
    words = ["--concepts=lit_samseg.concepts.ShortList", "--concepts.keep=5", f"--concepts.first={simulated}"]
    words += ["--concepts.first.misses=0.5", f"--concepts.then={simulated}", "--concepts.then.seed=3"]
    made = parser.instantiate_classes(parser.parse_args(words)).concepts
    assert isinstance(made, ShortList)
    assert isinstance(made.first, SimulatedConcepts)
    assert isinstance(made.then, SimulatedConcepts)
    assert (made.keep, made.first.misses, made.then.seed) == (5, 0.5, 3)
