"""A fault of outlines alone is put right by true regions alone, and boxes say of them what masks give away."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from lit_samseg.analysis import LADDER, Analysis, Recognition
from lit_samseg.metrics import ImageFacts, ImageRows, count_pixels, score
from lit_samseg.refine import parse_variants
from lit_samseg.sam import Candidates, Embedding, Prompt
from tests.refine.contexts import context_of
from tests.refine.fake_sam import BoxFillingSam, FullSize

CLASSES, VOID = 4, 255


class Copying(BoxFillingSam):
    """Answers a mask prompt with the mask itself, and other prompts by filling their boxes."""

    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        answer = super().decode(embedding, prompts, multimask)
        logits = answer.low_res_logits.clone()
        for n, prompt in enumerate(prompts):
            if prompt.mask is not None:
                logits[n] = prompt.mask.float()
        return FullSize(logits, answer.scores, answer.frame)


def things(margin: int, notched: bool = False) -> Tensor:
    """Two rectangles of a class and one of another, smaller by a margin on each side; or with a corner left out."""
    labels = torch.zeros(90, 120, dtype=torch.int64)
    for class_id, top, left, bottom, right in ((1, 10, 10, 40, 50), (1, 50, 10, 80, 50), (2, 20, 70, 70, 110)):
        labels[top + margin : bottom - margin, left + margin : right - margin] = class_id
        if notched:
            labels[top + margin : (top + bottom) // 2, left + margin : (left + right) // 2] = 0
    return labels


def gains_of(row: str, labels: Tensor, target: Tensor) -> dict[str, float]:
    """The score of each step of a row, in per cent, and of the baseline."""
    (variant,) = parse_variants([row], has_background=True)
    analysis = Analysis([variant], CLASSES, 0, VOID)
    _, found = analysis.refine(context_of(labels, Copying(), target=target), 0)
    scores = {
        step: score(counts[:, None].numpy()).miou_gt_present for step, counts in zip(LADDER, found.steps, strict=True)
    }
    return scores | {"baseline": score(count_pixels(labels, target, CLASSES, VOID)[:, None].numpy()).miou_gt_present}


@pytest.mark.parametrize("row", ["box@component", "points+box+mask@component"])
def test_eroded_borders_are_put_right_by_true_regions_alone(row: str) -> None:
    target, labels = things(0), things(2)
    scores = gains_of(row, labels, target)
    assert scores["baseline"] < 1
    right = {step for step, value in scores.items() if value == 1}
    assert right == {"true boxes", "true prompts"}
    others = {step: value for step, value in scores.items() if step not in right and step != "score"}
    # Its score prefers the candidate that is empty.
    assert set(others.values()) == {scores["baseline"]}
    image = ImageRows(ImageFacts("x", CLASSES, VOID), labels[None], target)
    own = image.pixels_on_host[0][[0, 2]]
    for rung in Recognition(0).count_rows(image)["rungs"][0]:
        assert (rung == own).all()


def test_a_box_does_not_give_the_outline_away() -> None:
    """A SAM that copies its mask prompt knows nothing: asked by true masks it is perfect, by true boxes it is not."""
    target, labels = things(0, notched=True), things(2, notched=True)
    scores = gains_of("points+box+mask@component", labels, target)
    assert scores["true prompts"] == 1
    assert scores["refined"] == scores["baseline"]
    boxes = gains_of("box@component", labels, target)
    assert scores["true boxes"] == boxes["true boxes"] == boxes["true prompts"] < 1
