"""The image that a report's first screen shows: baseline and best row, beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from lit_samseg.report.cards import Card
from lit_samseg.report.verdict import Verdict
from lit_samseg.results.run_tables import count


@dataclass(frozen=True)
class Example:
    """An image and why it is shown.

    Attributes:
        number: The place of its card.
        row: The place of the row that is shown beside the baseline.
        reason: What it is among the images, in words.
    """

    number: int
    row: int
    reason: str


def find_example(cards: Sequence[Card], row: int, verdict: Verdict) -> Example | None:
    """Choose the image that shows the answer: it is no proof of it, and the page says which one it is.

    "Yes" shows the largest gain, "No" the largest harm, and anything else the image in the middle.

    Args:
        cards: Of all images.
        row: The place of the row to show; 0, the baseline, shows none.
        verdict: The run's.

    Returns:
        None where no image has both pictures and scores.
    """
    changes = [(card.rows[row]["difference"], n) for n, card in enumerate(cards) if row and card.pictures]
    # Of equal changes the first image.
    ordered = sorted(((change, -n) for change, n in changes if change is not None), reverse=True)
    if not ordered:
        return None
    images = count(len(ordered), "image")
    if len(ordered) == 1:
        return Example(-ordered[0][1], row, "the only image")
    if verdict.answer == "Yes" and ordered[0][0] > 0:
        return Example(-ordered[0][1], row, f"the largest gain of {images}")
    if verdict.answer == "No" and ordered[-1][0] < 0:
        return Example(-ordered[-1][1], row, f"the largest harm of {images}")
    return Example(-ordered[len(ordered) // 2][1], row, f"the change in the middle of {images}")
