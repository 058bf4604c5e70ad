"""A class that occurs nowhere while much is void: it may be what the masks' void is."""

import math
from typing import Any

import pytest
import torch

from lit_samseg.metrics import VoidShare
from lit_samseg.results.truth import missing_in_truth, notes_on_truth


def results(share: float | None, *areas: int, **dataset: object) -> dict[str, Any]:
    classes = [{"class": f"c{n}", "gt_area": area} for n, area in enumerate(areas)]
    known: dict[str, Any] = {"class_names": [own["class"] for own in classes], **dataset}
    return {"dataset": known | ({} if share is None else {"void_share": share}), "rows": [{"per_class": classes}]}


@pytest.mark.parametrize(
    ("share", "areas", "names"),
    [
        (0.3, (90, 0), "c1 occurs"),
        (0.02, (90, 8, 0), "c2 occurs"),
        # One class and void, whatever the others were to be.
        (0.03, (90, 0, 0, 0, 0), "c1, c2, c3 and 1 more occur"),
        (0.2, (90, 1, 0, 0), "c2, c3 occur"),
        (1.0, (0, 0), "c0, c1 occur"),
    ],
)
def test_said(share: float, areas: tuple[int, ...], names: str) -> None:
    text = missing_in_truth(results(share, *areas))
    assert text is not None
    assert text.startswith(f"{100 * share:.1f} % of the ground truth is void, and {names} nowhere in it")
    assert notes_on_truth(results(share, *areas)) == [text]


@pytest.mark.parametrize(
    ("share", "areas"),
    [
        (0.9, (5, 5)),
        (0.01, (90, 8, 0)),
        # A few images of VOC.
        (0.05, (90, 1, 0, 0, 1, 0)),
        # Runs of earlier releases; none of the images could be read.
        (None, (90, 0)),
    ],
)
def test_nothing_to_say(share: float | None, areas: tuple[int, ...]) -> None:
    assert missing_in_truth(results(share, *areas)) is None


def test_how_masks_were_read() -> None:
    assert notes_on_truth(results(0.0, 1, 1, label_values="auto")) == []
    assert notes_on_truth(results(0.0, 1, 1, label_values="colours")) == ["Masks were read by their colours."]
    (note,) = notes_on_truth(results(0.0, 1, 1, label_values="binary"))
    assert note == "Masks were read as binary: 0 is c0, 255 or 1 is c1."


def test_the_share_is_exact_and_forgotten() -> None:
    share = VoidShare()
    for void, pixels in ((1, 4), (2**40, 2**40)):
        share.update(torch.tensor(void), torch.tensor(pixels))
    assert share.compute() == (2**40 + 1) / (2**40 + 4)
    share.reset()
    share.begin()
    assert math.isnan(share.compute())
