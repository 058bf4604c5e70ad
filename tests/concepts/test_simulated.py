"""A text-prompted segmenter with chosen errors: its rates, what it depends on, and that its scores are on no scale."""

from pathlib import Path

import numpy as np
import pytest
import torch
from jsonargparse import ArgumentParser
from scipy.stats import binomtest
from torch import Tensor

from lit_samseg.concepts import Concepts, ConceptSegmenter, SimulatedConcepts
from lit_samseg.errors import InputError
from lit_samseg.ontologies import shipped_phrases
from lit_samseg.sam.frame import Frame

PHRASES = ("ball", "ring", "crate", "lamp", "cart", "tripod", "plant", "fish")
"""One for each class of the built-in world, whose ids are 1 to 8."""


def fabricated(number: int, height: int = 48, width: int = 64) -> tuple[Tensor, Tensor]:
    """Return an image of noise and a truth with up to three rectangles on a background, and a strip of void."""
    draws = np.random.default_rng(number)
    image = torch.from_numpy(draws.integers(0, 256, (3, height, width), dtype=np.uint8))
    target = torch.zeros(height, width, dtype=torch.uint8)
    for class_id in draws.choice(np.arange(1, 9), 3, replace=False):
        y, x = int(draws.integers(0, height - 16)), int(draws.integers(0, width - 20))
        target[y : y + 16, x : x + 20] = int(class_id)
    target[:, -2:] = 255
    return image, target


def answer(source: SimulatedConcepts, number: int, phrases: tuple[str, ...] = PHRASES) -> Concepts:
    return source.segment(source.encode(*fabricated(number)), phrases)


def claims(found: Concepts) -> Tensor:
    """Tell which phrases have any cell: nothing else has a logit above what noise gives."""
    assert found.semantic is not None
    return found.semantic.flatten(1).max(1).values > 0


def equal(one: Concepts, other: Concepts) -> bool:
    assert one.semantic is not None
    assert other.semantic is not None
    return torch.equal(one.presence, other.presence) and torch.equal(one.semantic, other.semantic)


@pytest.mark.parametrize(("misses", "false_alarms"), [(0.2, 0.2), (0.5, 0.8)])
def test_rates_are_those_asked_for(misses: float, false_alarms: float) -> None:
    source = SimulatedConcepts("scenes", misses, false_alarms)
    there, claimed = [], []
    for number in range(200):
        found = claims(answer(source, number))
        present = set(fabricated(number)[1].unique().tolist())
        there += [class_id in present for class_id in range(1, 9)]
        claimed += found.tolist()
    of_there = [c for c, t in zip(claimed, there, strict=True) if t]
    of_others = [c for c, t in zip(claimed, there, strict=True) if not t]
    assert min(len(of_there), len(of_others)) > 400
    for outcomes, rate in ((of_there, 1 - misses), (of_others, false_alarms)):
        # The exact two-sided test; these seeds are fixed, so it says the same every time.
        assert binomtest(sum(outcomes), len(outcomes), rate).pvalue > 0.01


@pytest.mark.parametrize(("misses", "false_alarms"), [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0)])
def test_no_errors_of_a_kind_or_nothing_else(misses: float, false_alarms: float) -> None:
    source = SimulatedConcepts("scenes", misses, false_alarms)
    for number in range(10):
        present = set(fabricated(number)[1].unique().tolist())
        expected = [misses == 0 if class_id in present else false_alarms == 1 for class_id in range(1, 9)]
        assert claims(answer(source, number)).tolist() == expected


def test_claims_of_different_classes_and_images_are_independent() -> None:
    source = SimulatedConcepts("scenes", 0.5, 0.5)
    found = torch.stack([claims(answer(source, number)) for number in range(200)]).float()
    across = torch.corrcoef(found.T)
    assert across[~torch.eye(8, dtype=torch.bool)].abs().max() < 0.3
    along = torch.corrcoef(torch.stack([found[:-1].flatten(), found[1:].flatten()]))
    assert abs(along[0, 1]) < 0.1


def test_scores_are_uncalibrated_and_overlap() -> None:
    """Most of what is claimed falsely, or not claimed at all, is thought to be there: 0.5 parts nothing."""
    source = SimulatedConcepts("scenes", 0.3, 0.3)
    kinds: dict[str, list[float]] = {"true": [], "false": [], "none": []}
    for number in range(200):
        found = answer(source, number)
        present = set(fabricated(number)[1].unique().tolist())
        for n, (claimed, presence) in enumerate(zip(claims(found).tolist(), found.presence.tolist(), strict=True)):
            kinds["none" if not claimed else "true" if n + 1 in present else "false"].append(presence)
    true, false, none = (np.array(kinds[kind]) for kind in ("true", "false", "none"))
    assert all(((kind >= 0) & (kind <= 1)).all() for kind in (true, false, none))
    assert np.median(true) > np.median(false) > np.median(none) > 0.5
    assert (false > 0.5).mean() > 0.95
    assert (none > 0.5).mean() > 0.6
    # They overlap: chosen pairs are in the wrong order, though not as often as by chance.
    assert 0.05 < (true[:, None] < false[None]).mean() < 0.4
    assert 0.01 < (true[:, None] < none[None]).mean() < 0.2


def test_answers_are_repeated() -> None:
    again = SimulatedConcepts("scenes")
    assert equal(answer(SimulatedConcepts("scenes"), 3), answer(again, 3))


def test_answers_depend_on_image_phrase_and_seed() -> None:
    source = SimulatedConcepts("scenes", 0.0, 1.0)
    image, target = fabricated(3)
    whole = source.segment(source.encode(image, target), PHRASES)
    assert whole.semantic is not None
    for n in (6, 0, 3):
        alone = source.segment(source.encode(image, target), PHRASES[n : n + 1])
        assert alone.semantic is not None
        assert torch.equal(alone.presence[0], whole.presence[n])
        assert torch.equal(alone.semantic[0], whole.semantic[n])
    other = image.clone()
    other[0, 0, 0] ^= 1
    assert not equal(source.segment(source.encode(other, target), PHRASES), whole)
    reseeded = SimulatedConcepts("scenes", 0.0, 1.0, seed=1)
    assert not equal(reseeded.segment(reseeded.encode(image, target), PHRASES), whole)


def test_fewer_errors_are_some_of_the_more() -> None:
    few, many = SimulatedConcepts("scenes", 0.2, 0.2), SimulatedConcepts("scenes", 0.8, 0.8)
    wrong = []
    for source in (few, many):
        found = torch.stack([claims(answer(source, number)) for number in range(50)])
        truth = torch.tensor([[c in fabricated(n)[1].unique().tolist() for c in range(1, 9)] for n in range(50)])
        wrong.append(found != truth)
    assert (wrong[1] | ~wrong[0]).all()
    assert wrong[1].sum() > 2 * wrong[0].sum()


def test_synonyms_are_found_together_with_scores_of_their_own() -> None:
    source = SimulatedConcepts("scenes", 0.5, 0.5)
    some = 0
    for number in range(30):
        found = answer(source, number, ("ball", "Sphere", "lamp", "desk lamp"))
        claimed = claims(found)
        assert claimed[0] == claimed[1]
        assert claimed[2] == claimed[3]
        assert found.presence[0] != found.presence[1]
        some += int(claimed.sum())
    assert 20 < some < 100


def test_what_is_found_is_the_true_region_with_another_outline() -> None:
    source = SimulatedConcepts("scenes", 0.0, 0.0)
    ious = []
    for number in range(30):
        image, target = fabricated(number, 300, 400)
        big = torch.zeros_like(target)
        big[40:220, 60:300] = 3
        big[100:120, 100:120] = 255
        found = source.segment(source.encode(image, big), ("crate",))
        assert found.semantic is not None
        mask = found.frame.to_image(found.semantic)[0] > 0
        counts = big != 255
        ious.append(float((mask & (big == 3)).sum() / ((mask | (big == 3)) & counts).sum()))
    assert 0.8 < np.mean(ious) < 0.97
    exact = SimulatedConcepts("scenes", 0.0, 0.0, roughness=0.0)
    found = exact.segment(exact.encode(image, big), ("crate",))
    assert found.semantic is not None
    mask = found.frame.to_image(found.semantic)[0] > 0
    assert float((mask & (big == 3)).sum() / ((mask | (big == 3)) & counts).sum()) > max(ious)


def test_a_single_pixel_is_found() -> None:
    source = SimulatedConcepts("scenes", 0.0, 0.0)
    image, _ = fabricated(0, 900, 1200)
    target = torch.zeros(900, 1200, dtype=torch.uint8)
    target[500, 800] = 8
    found = source.segment(source.encode(image, target), ("fish",))
    assert claims(found).all()
    assert found.semantic is not None
    y, x = divmod(int(found.semantic[0].argmax()), 256)
    assert abs(y - 500 * 256 / 1200) < 3
    assert abs(x - 800 * 256 / 1200) < 3


def test_a_class_that_fills_the_image() -> None:
    source = SimulatedConcepts("scenes", 0.0, 0.0)
    image = fabricated(0, 64, 64)[0]
    found = source.segment(source.encode(image, torch.full((64, 64), 2)), ("ring", "ball"))
    assert found.semantic is not None
    assert (found.semantic[0] > 0).all()
    assert (found.semantic[1] < 0).all()


def test_false_alarms_lie_where_others_are_or_anywhere() -> None:
    source = SimulatedConcepts("scenes", 0.0, 1.0, roughness=0.0)
    on_another, elsewhere = 0, 0
    for number in range(60):
        image, target = fabricated(number, 96, 128)
        there = [c for c in target.unique().tolist() if c not in (0, 255)]
        phrases = tuple(PHRASES[c - 1] for c in range(1, 9) if c not in there)
        found = source.segment(source.encode(image, target), phrases)
        assert claims(found).all()
        assert found.semantic is not None
        for mask in found.frame.to_image(found.semantic) > 0:
            inside = max(float((mask & (target == c)).sum() / mask.sum()) for c in there)
            on_another, elsewhere = on_another + (inside > 0.85), elsewhere + (inside < 0.5)
    assert 0.4 < on_another / (on_another + elsewhere) < 0.75


def test_nothing_else_is_in_the_image() -> None:
    """A false alarm needs no other class."""
    source = SimulatedConcepts("scenes", 0.0, 1.0)
    image = fabricated(0)[0]
    for target in (torch.zeros(48, 64), torch.full((48, 64), 255)):
        assert claims(source.segment(source.encode(image, target.long()), PHRASES)).all()


def test_the_interface() -> None:
    source = SimulatedConcepts("scenes")
    assert source.needs_truth
    assert source.identity is None
    assert source.sha256 is None
    image, target = fabricated(1)
    assert source.frame(image) == Frame(48, 64, 1024, 256)
    seen = source.encode(image, target.to(torch.int32))
    nothing = source.segment(seen, ())
    assert (len(nothing), nothing.evidence().shape) == (0, (0, 256, 256))
    found = source.segment(seen, PHRASES)
    assert found.presence.dtype == torch.float32
    assert found.evidence().shape == (8, 256, 256)
    assert "20 % missed" in source.name


def test_it_is_given_the_truth() -> None:
    source = SimulatedConcepts("scenes")
    image, target = fabricated(1)
    with pytest.raises(ValueError, match="simulated concepts need the ground truth"):
        source.encode(image)
    with pytest.raises(ValueError, match="the ground truth is"):
        source.encode(image, target[:-1])
    with pytest.raises(InputError, match="class 9, but the ontology scenes has 9 classes"):
        source.encode(image, target.masked_fill(target == 255, 9))
    wide = SimulatedConcepts("scenes", ignore_index=65535)
    with pytest.raises(InputError, match="class 255"):
        wide.encode(image, target)
    seen = wide.encode(image, torch.where(target == 255, 65535, target.int()))
    assert len(wide.segment(seen, PHRASES)) == 8


def test_phrases_that_nobody_knows() -> None:
    source = SimulatedConcepts("scenes")
    with pytest.raises(InputError, match="'zeppelin' is no phrase of the ontology scenes"):
        source.check_phrases(("ball", "zeppelin"))
    with pytest.raises(InputError, match="an empty phrase means nothing"):
        source.check_phrases((" ",))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"misses": 1.5}, "concepts.misses is 1.5; it is a probability, from 0 to 1"),
        ({"false_alarms": -0.1}, "concepts.false_alarms is -0.1"),
        ({"misses": float("nan")}, "concepts.misses is nan"),
        ({"roughness": -1.0}, "concepts.roughness is -1.0"),
        ({"classes": "voc2021"}, "did you mean voc2012?"),
    ],
)
def test_options_that_cannot_be(options: dict[str, float], complaint: str) -> None:
    with pytest.raises(InputError) as refused:
        SimulatedConcepts(**options)  # type: ignore[arg-type]
    assert complaint in str(refused.value)


def test_places_in_a_file_are_ids(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("ground: null\nfish: carp\ncat: [cat, kitten]\n")
    source = SimulatedConcepts(str(path), 0.0, 0.0)
    image, target = fabricated(1)
    target = torch.where(target > 0, 2, 0)
    assert claims(source.segment(source.encode(image, target), ("carp", "kitten"))).tolist() == [False, True]
    voc = SimulatedConcepts()
    assert voc.num_classes == len(shipped_phrases("voc2012")) == 21


def test_options_on_the_command_line() -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--concepts", type=ConceptSegmenter)
    words = ["--concepts=lit_samseg.concepts.SimulatedConcepts", "--concepts.misses=0.5", "--concepts.classes=camvid"]
    made = parser.instantiate_classes(parser.parse_args(words)).concepts
    assert isinstance(made, SimulatedConcepts)
    assert (made.misses, made.false_alarms, made.num_classes) == (0.5, 0.2, 11)
