"""What words say, and the rows that listen to it, against the same steps taken by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from lit_samseg.concepts import ConceptSegmenter
from lit_samseg.errors import InputError
from lit_samseg.refine import (
    CalibratedWords,
    Grid,
    ImageContext,
    Told,
    WordSource,
    parse_variant,
    refine,
)
from lit_samseg.refine.calibrated_words import BINS, LARGEST, kept_features, logit_of, ratios_of
from lit_samseg.refine.missed_objects import missed_objects
from lit_samseg.refine.regions import Region
from lit_samseg.refine.word_parts import Add, Remove, Text, TextMask, TextOnly
from tests.concepts.said import Says, ontology_of
from tests.refine.contexts import context_of, regions_of

SIZE = (48, 64)
CELLS = (48, 64)
"""Of `Says` and the box-filling SAM alike: 64 along the longer side."""


def map_of(*boxes: tuple[int, int, int, int], inside: float = 0.99, outside: float = 0.001) -> Tensor:
    """Probabilities that are high in boxes y0, x0, y1, x1."""
    found = torch.full(CELLS, outside)
    for y0, x0, y1, x1 in boxes:
        found[y0:y1, x0:x1] = inside
    return found


def labels_of(*boxes: tuple[int, int, int, int, int]) -> Tensor:
    """A label map of boxes: class, y0, x0, y1, x1."""
    labels = torch.zeros(SIZE, dtype=torch.int64)
    for class_id, y0, x0, y1, x1 in boxes:
        labels[y0:y1, x0:x1] = class_id
    return labels


def hearing(
    labels: Tensor,
    maps: Mapping[str, Tensor],
    phrases: Mapping[int, Sequence[str]],
    presence: Mapping[str, float] | None = None,
    **others: object,
) -> tuple[ImageContext, Says]:
    """An image of which words say something."""
    says = Says(maps, presence)
    context = context_of(labels, words=WordSource(says, ontology_of(phrases, 5)), **others)  # type: ignore[arg-type]
    return context, says


def at_cells(context: ImageContext, values: Tensor) -> Tensor:
    """The cell of `Says` under each of the image's grid: both have one for each pixel here."""
    assert context.grid.shape == values.shape[-2:]
    return values


def test_evidence_is_the_largest_of_a_classs_phrases_and_counts_what_was_asked() -> None:
    maps = {"cat": map_of((4, 4, 20, 20)), "kitten": map_of((10, 10, 40, 30), inside=0.6)}
    context, says = hearing(labels_of(), maps, {1: ["cat", "kitten"], 3: ["dog"]}, {"kitten": 0.5})
    told = context.told
    assert told.classes.tolist() == [1, 3]
    assert told.phrases == 3
    assert says.images == 1
    expected = torch.maximum(maps["cat"], 0.5 * maps["kitten"])
    # Away from borders, which are interpolated.
    for y, x in [(10, 8), (15, 15), (30, 25), (45, 60)]:
        assert float(told.evidence[0, y, x]) == pytest.approx(float(expected[y, x]), abs=1e-4)
    assert float(told.evidence[1].max()) < 1e-8
    assert told.strongest.tolist() == pytest.approx([0.99, 0.0], abs=1e-3)
    assert context.told is told


@pytest.mark.parametrize("count", [1, 20, 150])
def test_many_phrases_are_asked_in_order_and_once(count: int) -> None:
    says = Says({f"p{n}": map_of((0, 0, 1 + n % 40, 64)) for n in range(count)})
    source = WordSource(says, ontology_of({n + 1: [f"p{n}"] for n in range(count)}, count + 1))
    context = context_of(labels_of(), words=source)
    told = context.told
    assert says.phrases == [f"p{n}" for n in range(count)]
    assert says.images == 1
    rows = (told.evidence[:, :, 32] > 0.5).sum(1)
    assert rows.tolist() == [1 + n % 40 for n in range(count)]


def test_candidates_are_the_classes_that_scores_find_likeliest() -> None:
    logits = torch.zeros(5, *SIZE)
    logits[2, 10:20], logits[3, :5], logits[1, 30:] = 9.0, 3.0, 1.0
    says = Says({})
    source = WordSource(says, ontology_of({1: ["a"], 2: ["b"], 3: ["c"], 4: ["d"]}, 5), candidates=2)
    context = context_of(logits.argmax(0), words=source, logits=logits)
    assert context.told.classes.tolist() == [2, 3]
    assert says.phrases == ["b", "c"]
    # A label map alone does not say what else is likely.
    assert context_of(logits.argmax(0), words=source).told.classes.tolist() == [1, 2, 3, 4]
    with pytest.raises(InputError, match=r"model\.candidates is 0"):
        WordSource(says, source.ontology, 0)


def test_answers_that_are_no_numbers_are_refused() -> None:
    context, _ = hearing(labels_of(), {"a": map_of()}, {1: ["a"]}, {"a": float("nan")})
    with pytest.raises(InputError, match="says answers with NaN or infinity"):
        _ = context.told


def test_evidence_is_added_to_what_is_believed() -> None:
    labels = labels_of((1, 5, 5, 30, 30), (2, 20, 40, 40, 60))
    maps = {"a": map_of((5, 5, 20, 30), inside=0.7, outside=0.2), "b": map_of(inside=0.5, outside=0.5)}
    context, _ = hearing(labels, maps, {1: ["a"], 2: ["b"]})
    revised = Text(weight=0.5).revise(context.grid, context)
    before = context.grid.log_probabilities.double().numpy()
    evidence = context.told.evidence.double().numpy()
    added = np.zeros_like(before)
    added[1:] = 0.5 * np.log(evidence / (1 - evidence)).clip(-6, 6)
    scores = before + added
    expected = scores - np.log(np.exp(scores).sum(0))
    assert revised.classes.tolist() == [0, 1, 2]
    assert np.abs(revised.log_probabilities.numpy() - expected).max() < 1e-5


def test_a_class_that_nobody_thought_of_joins_where_words_are_sure() -> None:
    maps = {"a": map_of((10, 10, 30, 30), inside=0.99999), "b": map_of((10, 40, 30, 60), inside=0.3)}
    context, _ = hearing(labels_of((2, 40, 0, 48, 64)), maps, {3: ["a"], 4: ["b"]})
    revised = Text().revise(context.grid, context)
    assert revised.classes.tolist() == [0, 2, 3]
    sure = Text(weight=2.0).revise(context.grid, context)
    assert sure.label_map(sure.log_probabilities)[20, 20] == 3
    assert refine(context, parse_variant("none@text=2", has_background=True))[20, 20] == 3


def calibrated(**changed: Tensor) -> CalibratedWords:
    words = CalibratedWords(tuple(f"thing {n}" for n in range(5)))
    for name, value in changed.items():
        getattr(words, name).data.copy_(value)
    return words


def test_calibration_decides_what_evidence_is_worth() -> None:
    slope = torch.linspace(-2, 3, BINS).expand(5, -1) * torch.arange(5)[:, None]
    words = calibrated(ratios=slope, weight=torch.tensor(0.7))
    context, _ = hearing(
        labels_of((1, 0, 0, 9, 9)), {"a": map_of(inside=0.4, outside=0.4)}, {3: ["a"]}, calibration=words
    )
    logit = np.log(0.4 / 0.6)
    expected = 3 * np.interp(logit, np.linspace(-LARGEST, LARGEST, BINS), np.linspace(-2, 3, BINS))
    assert float(ratios_of(context.told, words)[0, 20, 20]) == pytest.approx(expected, abs=1e-4)
    # A calibration that has seen nothing says nothing.
    fresh, _ = hearing(labels_of((1, 0, 0, 9, 9)), {"a": map_of((5, 5, 30, 30))}, {1: ["a"]}, calibration=calibrated())
    for row in ("none@text", "none@add", "none@remove"):
        assert torch.equal(refine(fresh, parse_variant(row, has_background=True)), fresh.label_map)


def test_a_class_that_words_do_not_find_leaves_and_what_scores_rate_next_comes() -> None:
    logits = torch.zeros(4, *SIZE)
    logits[1], logits[2, 10:30, 10:30], logits[3, 10:30, 10:20] = 4.0, 8.0, 6.0
    logits[3, 40:, 40:] = 9.0
    # Nobody sees the ground, which is likelier than the first class there and was never in the label map.
    logits[0, 10:30, 20:30] = 5.0
    labels = logits.argmax(0)
    maps = {"one": map_of(outside=0.9), "two": map_of(outside=0.01), "three": map_of(outside=0.5)}
    context, _ = hearing(labels, maps, {1: ["one"], 2: ["two"], 3: ["three"]}, logits=logits, background=None)
    revised = Remove().revise(context.grid, context)
    found = revised.label_map(revised.log_probabilities)
    assert not (found == 2).any()
    assert (found[12:28, 12:18] == 3).all()
    assert (found[12:28, 22:28] == 1).all()
    # With a lower bar it stays.
    assert Remove(least=0.005).revise(context.grid, context) is context.grid


def test_a_calibrated_judgement_decides_what_leaves_and_what_is_added() -> None:
    labels = labels_of((1, 4, 4, 20, 20), (2, 30, 30, 46, 60))
    maps = {"one": map_of(inside=0.3, outside=0.3), "two": map_of(outside=0.9), "three": map_of((4, 40, 20, 60))}
    phrases = {1: ["one"], 2: ["two"], 3: ["three"]}
    # Sure where evidence is: a class with little of it leaves, one with much stays.
    sure = torch.tensor([4.0, 0.0, 0.0, 0.0])
    shares = torch.linspace(0, 1, BINS).expand(5, -1)
    words = calibrated(kept=sure, added=sure, shares=shares)
    context, _ = hearing(labels, maps, phrases, calibration=words)
    places, features = kept_features(context.told, context.grid)
    assert places.tolist() == [0, 1]
    believed = context.grid.log_probabilities.exp()
    for place, (evidence, class_id) in enumerate(((0.3, 1), (0.9, 2))):
        odds = float(believed[class_id].max().logit().clamp(max=6))
        share = float((context.grid.labels == class_id).float().mean())
        expected = [np.log(evidence / (1 - evidence)), odds, np.log(share)]
        assert features[place].tolist() == pytest.approx(expected, abs=1e-3)
    removed = refine(context, parse_variant("none@remove", has_background=True))
    assert removed.unique().tolist() == [0, 2]
    added = refine(context, parse_variant("none@add", has_background=True))
    assert (added[6:18, 42:58] == 3).all()
    # The same the other way round: the other class leaves, and nothing is added.
    against, _ = hearing(labels, maps, phrases, calibration=calibrated(kept=-sure, added=-sure, shares=shares))
    assert refine(against, parse_variant("none@remove", has_background=True)).unique().tolist() == [0, 1]
    assert torch.equal(refine(against, parse_variant("none@add", has_background=True)), labels)


def test_without_scores_what_is_around_comes() -> None:
    labels = labels_of((1, 0, 0, 48, 32), (2, 0, 32, 48, 64), (3, 20, 10, 26, 16))
    maps = {"one": map_of(outside=0.9), "two": map_of(outside=0.9), "three": map_of()}
    context, _ = hearing(labels, maps, {1: ["one"], 2: ["two"], 3: ["three"]}, background=None)
    row = refine(context, parse_variant("none@remove", has_background=False))
    assert torch.equal(row, torch.where(labels == 3, 1, labels))


def test_where_everything_would_leave_nothing_does() -> None:
    labels = torch.ones(SIZE, dtype=torch.int64)
    context, _ = hearing(labels, {}, {1: ["one"]}, background=None)
    assert Remove().revise(context.grid, context) is context.grid


def test_a_missed_object_is_added_and_known_small_or_doubtful_ones_are_not() -> None:
    labels = labels_of((1, 4, 4, 20, 20))
    maps = {
        "one": map_of((4, 4, 22, 22), (30, 4, 44, 18), (30, 30, 32, 32)),
        "two": map_of((4, 40, 16, 60), inside=0.55),
    }
    context, _ = hearing(labels, maps, {1: ["one"], 2: ["two"]})
    found = list(missed_objects(context.told, context.told.evidence, context.grid))
    assert [(one.place, one.cells.nonzero().min(0).values.tolist()) for one in found] == [(0, [30, 4]), (1, [4, 40])]
    logit, odds, share = found[0].features.tolist()
    assert logit == pytest.approx(float(logit_of(context.told.evidence[0][found[0].cells].mean())), abs=1e-5)
    assert share == pytest.approx(np.log(int(found[0].cells.sum()) / (48 * 64)), abs=1e-5)
    assert odds == pytest.approx(float(context.grid.log_probabilities[1, 35, 10].exp().logit()), abs=1e-4)
    row = refine(context, parse_variant("none@add", has_background=True))
    expected = labels.clone()
    expected[30:44, 4:18] = 1
    inner = torch.ones(SIZE, dtype=torch.bool)
    inner[29:45, 3:19] = False
    inner[31:43, 5:17] = True
    assert torch.equal(row[inner], expected[inner])
    # A lower bar lets the doubtful one in, and it is then likelier than what the label map says.
    lower = refine(context, parse_variant("none@add=0.5", has_background=True))
    assert lower[10, 50] == 2


def test_what_is_asked_anew_knows_nothing_of_the_baseline() -> None:
    maps = {"one": map_of((4, 4, 20, 20)), "three": map_of((20, 30, 44, 60))}
    rows = []
    for labels in (labels_of(), labels_of((2, 0, 0, 30, 64), (3, 30, 0, 48, 64))):
        context, _ = hearing(labels, maps, {1: ["one"], 3: ["three"]})
        rows.append(refine(context, parse_variant("none@textonly", has_background=True)))
    assert torch.equal(rows[0], rows[1])
    assert set(rows[0].unique().tolist()) == {0, 1, 3}
    assert (rows[0][6:18, 6:18] == 1).all()
    assert (rows[0][24:40, 36:56] == 3).all()


def test_a_mask_prompt_is_what_words_say_of_the_class() -> None:
    labels = labels_of((1, 4, 4, 20, 20), (2, 30, 30, 40, 50))
    context, _ = hearing(labels, {"one": map_of((4, 4, 30, 30), inside=0.8)}, {1: ["one"]})
    known, unknown = regions_of(labels, "component", min_area=1)
    asked = TextMask(strength=2.0).ask(known, context)
    assert asked.mask_logits is not None
    assert asked.mask_logits.shape == (context.frame.mask_size, context.frame.mask_size)
    assert float(asked.mask_logits[25, 25]) == pytest.approx(np.log(4), abs=1e-3)
    assert float(asked.mask_logits[40, 50]) == -2.0
    assert float(asked.mask_logits[60, 10]) == -2.0
    other = TextMask().ask(unknown, context)
    assert isinstance(unknown, Region)
    assert other.mask is not None
    assert torch.equal(other.mask, unknown.mask)
    assert parse_variant("box+textmask@component", has_background=True).needs_words


def test_rows_with_words_are_made_with_sam_too() -> None:
    maps = {"one": map_of((4, 4, 20, 20)), "three": map_of((20, 30, 44, 60))}
    context, says = hearing(labels_of((1, 4, 4, 20, 20)), maps, {1: ["one"], 3: ["three"]})
    variant = parse_variant("box@component/fuse/add/remove/text=0.5", has_background=True)
    assert variant.name == "box@component/add/remove/text=0.5/fuse"
    assert variant.needs_words
    assert variant.needs_grid
    seen: list[int] = []
    refine(context, variant, lambda decision: seen.append(decision.region.class_id))
    # SAM is asked about what words found.
    assert seen == [1, 3]
    assert says.images == 1


def test_without_anybody_to_ask_rows_are_refused() -> None:
    context = context_of(labels_of())
    with pytest.raises(ValueError, match="rows with words need a text-prompted segmenter"):
        refine(context, parse_variant("none@text", has_background=True))


def test_kept_label_maps_and_told_go_with_a_context() -> None:
    context, says = hearing(labels_of((1, 4, 4, 20, 20)), {"one": map_of((4, 4, 20, 20))}, {1: ["one"]})
    _ = context.told
    other = context.on(labels_of((2, 0, 0, 9, 9)))
    assert other.told is context.told
    assert says.images == 1
    assert isinstance(other.told, Told)
    assert isinstance(says, ConceptSegmenter)
    assert isinstance(replace(context.grid), Grid)
    assert TextOnly.anew
    assert Add().least == 0.6


def test_a_hundred_objects_of_as_many_classes_take_little_memory() -> None:
    count = 100
    maps = {f"p{n}": map_of((4 * (n // 10), 6 * (n % 10), 4 * (n // 10) + 4, 6 * (n % 10) + 5)) for n in range(count)}
    source = WordSource(Says(maps), ontology_of({n + 1: [f"p{n}"] for n in range(count)}, count + 1))
    context = context_of(labels_of(), words=source)
    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal largest
            found = func(*args, **(kwargs or {}))
            if isinstance(found, Tensor):
                largest = max(largest, found.numel())
            return found

    _ = context.told
    with Watch():
        revised = Add().revise(context.grid, context)
    assert len(revised.classes) == count + 1
    assert largest <= (count + 1) * CELLS[0] * CELLS[1]
