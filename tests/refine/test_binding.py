"""SAM's masks that bind cells, and SAM asked in two ways, against the same steps taken by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from lit_samseg.crf import Cliques, mean_field
from lit_samseg.errors import InputError
from lit_samseg.refine import Decision, Grid, parse_variant, refine, refine_by_all
from lit_samseg.refine.binding import Clique
from lit_samseg.refine.fields import GridField
from lit_samseg.refine.fusion import Fuse, FusedScores
from lit_samseg.refine.gates import Twice
from lit_samseg.sam import Prompt, SegmentAnything
from tests.refine.contexts import context_of
from tests.refine.test_asking import case
from tests.refine.test_fusion import answered, answers, grid, image_of

__all__ = ["grid"]


@pytest.fixture(scope="module")
def sam() -> SegmentAnything:
    return SegmentAnything("demo")


def several(class_id: int, seed: int) -> Decision:
    """A decision among three candidates."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, 32, 32, generator=generator) * 5
    return replace(answered(class_id, logits[0]), logits=logits, scores=torch.tensor([0.9, 1.2, 0.4]))


def agreement(one: Tensor, two: Tensor) -> float:
    """How far two masks agree."""
    first, second = (1 / (1 + np.exp(-logits.double().numpy())) for logits in (one, two))
    return float(np.minimum(first, second).sum() / np.maximum(first, second).sum())


def test_all_candidates_bind_their_cells_in_the_field(grid: Grid) -> None:
    context, field = image_of(grid), GridField(strength=0.5)
    decisions = [several(1, 1), several(4, 2)]
    scores = FusedScores(context, [Clique(2.0)], field)
    for decision in decisions:
        scores.add(decision)
    height, width = grid.shape
    masks = torch.cat([d.logits[:, :height, :width].sigmoid().flatten(1) for d in decisions])
    trust = torch.tensor([0.9, 1.0, 0.4] * 2)
    kernels = [replace(kernel, weight=kernel.weight / 2) for kernel in field.kernels(context)]
    expected = mean_field(grid.log_probabilities, [*kernels, Cliques(masks, trust, 2.0)], field.iterations)
    assert torch.equal(scores.finish(), grid.label_map(expected))
    assert not torch.equal(scores.finish(), FusedScores(context, [], field).finish())


def test_without_an_answer_the_field_is_alone(grid: Grid) -> None:
    context = image_of(grid)
    bound = FusedScores(context, [Clique()], GridField()).finish()
    assert torch.equal(bound, FusedScores(context, [], GridField()).finish())


@pytest.mark.parametrize("row", ["box@clique", "box@fuse/clique"])
def test_cliques_need_a_field(row: str) -> None:
    with pytest.raises(InputError, match="'clique' binds cells in a random field; add /crf or /samcrf"):
        parse_variant(row, has_background=True)


def test_evidence_counts_as_far_as_two_answers_agree(grid: Grid) -> None:
    one, two = answers(2)
    decision = replace(answered(2, one), other=answered(2, two))
    scores = FusedScores(image_of(grid), [Fuse(weight=0.5)], None)
    scores.add(decision)
    height, width = grid.shape
    trust = agreement(one[:height, :width], two[:height, :width])
    mean = ((one + two) / 2)[:height, :width].clamp(-10, 10)
    expected = grid.log_probabilities.clone()
    expected[grid.classes.tolist().index(2)] += 0.5 * trust * mean
    torch.testing.assert_close(scores.scores().probabilities, grid.class_scores(expected).probabilities)


def test_both_answers_bind_and_are_trusted_as_far_as_they_agree(grid: Grid) -> None:
    context, field = image_of(grid), GridField()
    decision = replace(several(1, 1), other=several(1, 2))
    scores = FusedScores(context, [Clique()], field)
    scores.add(decision)
    assert decision.other is not None
    height, width = grid.shape
    both = [one.logits[:, :height, :width] for one in (decision, decision.other)]
    trust = torch.tensor([0.9, 1.0, 0.4] * 2) * agreement(both[0][0], both[1][0])
    cliques = Cliques(torch.cat(both).sigmoid().flatten(1), trust, 3.0)
    expected = mean_field(grid.log_probabilities, [*field.kernels(context), cliques], field.iterations)
    torch.testing.assert_close(scores.scores().probabilities, grid.class_scores(expected).probabilities)


def test_sam_is_asked_about_a_wider_box_without_points(sam: SegmentAnything) -> None:
    image, _, labels = case(3)
    context = context_of(labels, sam, image=image)
    seen: list[Decision] = []
    refine(context, parse_variant("point+box+margin@component/twice=0.1/fuse", has_background=True), seen.append)
    height, width = labels.shape
    assert seen
    for decision in seen:
        left, top, right, bottom = decision.region.box.tolist()
        across, down = 0.1 * (right - left + 1), 0.1 * (bottom - top + 1)
        wider = [
            max(0, left - across),
            max(0, top - down),
            min(width - 1, right + across),
            min(height - 1, bottom + down),
        ]
        prompt = Prompt(box=torch.tensor(wider, dtype=torch.float64), mask_logits=decision.prompt.mask_logits)
        answer = sam.decode(context.embedding, [prompt])
        ious = [
            float((mask & decision.region.mask).sum() / (mask | decision.region.mask).sum()) for mask in answer.masks(0)
        ]
        assert decision.other is not None
        torch.testing.assert_close(decision.other.logits, answer.low_res_logits[0])
        assert int(decision.other.chosen) == ious.index(max(ious))
        assert decision.prompt.points is not None
        assert decision.first_prompt is None


def test_rows_that_ask_once_and_twice_go_together(sam: SegmentAnything) -> None:
    image, _, labels = case(3)
    texts = ["point+box@component/fuse", "point+box@component/twice/fuse", "box@component/rounds=2"]
    rows = [parse_variant(text, has_background=True) for text in texts]
    together = refine_by_all(context_of(labels, sam, image=image), rows)
    for row in rows:
        assert torch.equal(together[row.name], refine(context_of(labels, sam, image=image), row))


def test_a_row_says_how_else_sam_is_asked() -> None:
    parts = parse_variant("box@twice=0.2/fuse", has_background=True).describe()
    assert parts["rounds"] == 1
    assert parts["again"]["word"] == "twice"
    assert parts["again"]["options"] == Twice(0.2).options()
    assert "again" not in parse_variant("box@rounds", has_background=True).describe()
