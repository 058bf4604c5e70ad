import numpy as np
import pytest

from lit_samseg.results.causes import ladder_of_row, tags_of_row


def test_gains_are_against_the_baseline_and_then_against_the_row() -> None:
    counts = np.zeros((3, 3, 1, 2), np.int64)
    counts[:, 1] = counts[:, 2] = 100
    # Intersections of 60, 70 and 90 of 100: IoUs 60/140, 70/130, 90/110 of both classes.
    for step, right in enumerate((60, 70, 90)):
        counts[step, 0] = right
    ladder = ladder_of_row(counts[1], {"oracle": counts[2]}, counts[0])
    assert [step["step"] for step in ladder] == ["refined", "oracle"]
    assert ladder[0]["miou"] == pytest.approx(70 / 130)
    assert ladder[0]["gain"] == pytest.approx(70 / 130 - 60 / 140)
    assert ladder[1]["gain"] == pytest.approx(90 / 110 - 70 / 130)
    # The baseline is not refined.
    assert ladder_of_row(counts[1], {"oracle": counts[2]}) == ladder[1:]


def test_tags_share_losses_and_gains() -> None:
    regions = [
        {"tags": ["tiny", "incomplete"], "before": 0.5, "after": 0.2},
        {"tags": ["tiny"], "before": 0.5, "after": 0.4},
        {"tags": ["clean"], "before": 0.5, "after": 0.7},
    ]
    tiny, incomplete, clean, absent = tags_of_row(["tiny", "incomplete", "clean", "multiple"], regions)
    assert (tiny["count"], incomplete["count"], clean["count"], absent["count"]) == (2, 1, 1, 0)
    assert tiny["before"] == pytest.approx(0.5)
    assert tiny["after"] == pytest.approx(0.3)
    assert tiny["of_loss"] == pytest.approx(1)
    assert incomplete["of_loss"] == pytest.approx(0.75)
    assert (clean["of_loss"], clean["of_gain"]) == (0, 1)
    assert (absent["before"], absent["of_gain"]) == (None, 0)
    assert tags_of_row(["tiny"], []) == [
        {"tag": "tiny", "count": 0, "before": None, "after": None, "of_loss": None, "of_gain": None}
    ]
