"""A study's answer, by hand."""

from typing import Any

import pytest

from lit_samseg.pooling.contents import StudyResults
from lit_samseg.report.study_contents import because, warnings
from lit_samseg.report.study_verdict import StudyVerdict, asks_sam, find_study_verdict
from tests.made_study import made_row, made_slopes, made_study

Gain = tuple[float, float, float]


def verdict_on(rows: dict[str, list[Gain]]) -> StudyVerdict:
    pairs = max((len(gains) for gains in rows.values()), default=0)
    made: Any = [made_row(row, {f"pair {n}": gain for n, gain in enumerate(gains)}) for row, gains in rows.items()]
    results: StudyResults = made_study(pairs, [])
    return find_study_verdict({**results, "rows": made})


HELPS = [(1.0, 0.8, 1.2), (1.1, 0.9, 1.3), (0.9, 0.7, 1.1), (1.0, -0.1, 2.1)]
HARMS = [(-one, -high, -low) for one, low, high in HELPS]
EITHER = [(1.0, 0.8, 1.2), (-1.1, -1.3, -0.9), (0.1, -0.2, 0.4), (-0.2, -0.9, 0.5)]


@pytest.mark.parametrize(
    ("rows", "answer", "best"),
    [
        ({"box": HARMS, "auto": HELPS}, "Yes", "auto"),
        ({"box": HARMS, "point": HARMS}, "No", "box"),
        ({"box": HARMS, "auto": EITHER}, "No evidence", "auto"),
        # A larger gain that is not told from chance is not the answer.
        ({"auto": HELPS, "box": [(5.0, -1.0, 11.0), (6.0, 5.0, 7.0), (-2.0, -3.0, -1.0)]}, "Yes", "auto"),
        ({"auto": HELPS[:2]}, "Too few pairs", "auto"),
        ({"auto": HELPS[:1]}, "Too few pairs", "auto"),
        ({"none@densecrf": HELPS, "box@component/oracle": HELPS}, "Not asked", None),
        ({}, "Not asked", None),
    ],
)
def test_the_answer(rows: dict[str, list[Gain]], answer: str, best: str | None) -> None:
    verdict = verdict_on(rows)
    assert verdict.answer == answer
    assert (verdict.best["name"] if verdict.best else None) == best


def test_yes_says_of_what_how_much_where_and_what_to_expect() -> None:
    verdict = verdict_on({"auto": HELPS, "none@crf": EITHER})
    assert verdict.best is not None
    pooled = verdict.best["pooled"]
    mean, low, high = (100 * (pooled[key] or 0) for key in ("mean", "low", "high"))
    assert verdict.sentence == (
        f"auto gains {mean:+.2f} [{low:+.2f}, {high:+.2f}] points of mIoU* on average of 4 pairs (p < 0.001): "
        "better on 3, no evidence on 1."
    )
    assert "it should help there too" in verdict.expectation
    assert f"{100 * (pooled['predicted_low'] or 0):+.2f}" in verdict.expectation
    assert list(verdict.effects) == ["better", "no evidence"]
    assert [effect["pair"] for effect in verdict.effects["better"]] == ["pair 1", "pair 0", "pair 2"]
    assert verdict.control.startswith("Without asking SAM for masks, none@crf gains ")


def test_the_p_value_is_corrected_for_the_rows_that_ask_sam() -> None:
    alone = verdict_on({"auto": EITHER[:1] + HELPS[:2] + [(0.2, -0.5, 0.9)]})
    beside = verdict_on({"auto": EITHER[:1] + HELPS[:2] + [(0.2, -0.5, 0.9)], "box": EITHER, "none@crf": EITHER})
    assert "after correction" not in alone.sentence
    assert "after correction for 2 rows" in beside.sentence
    p = [float(one.sentence.partition("(p = ")[2][:5]) for one in (alone, beside)]
    assert p[1] == pytest.approx(2 * p[0], abs=0.002)


def test_an_uncertain_next_pair_is_said() -> None:
    wide = [(3.0, 2.8, 3.2), (0.5, 0.4, 0.6), (2.0, 1.9, 2.1), (1.0, 0.9, 1.1), (1.5, 1.4, 1.6)]
    verdict = verdict_on({"auto": wide})
    assert verdict.answer == "Yes"
    assert verdict.sentence.endswith("better on all of them.")
    assert "it may help there, and it may harm" in verdict.expectation
    assert verdict_on({"auto": HELPS[:2]}).expectation == ""


def test_what_a_row_gains_above_the_control() -> None:
    study = made_study(rows=["none@densecrf", "auto"])
    pooled = study["rows"][0]["pooled"]
    study["rows"][1]["above"] = {"row": "none@densecrf", "effects": [], "pooled": pooled}
    assert "more than none@densecrf on the same images" in find_study_verdict(study).control


@pytest.mark.parametrize(
    ("row", "asks"),
    [("auto", True), ("box@component/crf", True), ("none@crf", False), ("none", False), ("box@class/oracle", False)],
)
def test_controls_and_analyses_have_no_say(row: str, asks: bool) -> None:
    assert asks_sam(row) == asks


def test_what_the_gain_depends_on_is_said_without_luck() -> None:
    row = made_study(rows=["auto"], slopes=True)["rows"][0]
    # The slope on the baseline's score is clear, that on the mean of both scores has the other sign.
    assert because(row) == (
        "auto gains more on images where the share of pixels near borders is larger, and where the number of regions "
        "is larger."
    )
    slopes: Any = made_slopes()
    slopes[1] |= {"per_unit": -0.04, "low": -0.06, "high": -0.02, "standardised": -0.2}
    assert "the baseline's score is smaller" in because({**row, "depends_on": slopes})
    # With the others kept as they are, borders alone are left.
    kept = [slope | {"together": True, "low": -0.1, "high": 0.1} for slope in slopes[2:3]]
    assert "number of regions" not in because({**row, "depends_on": slopes + kept})
    assert because({**row, "depends_on": []}) == ""


def test_pairs_that_were_run_differently_are_named() -> None:
    study = made_study(3, ["auto"])
    assert warnings(study) == []
    study["pairs"][1]["versions"] = {"lit_samseg": "0.1.0", "torch": "2.15.0"}
    study["pairs"][2]["device"] = "cuda"
    torch, device = warnings(study)
    assert torch.startswith("Pairs were run with different versions of torch: 2.14.1 (2 pairs); 2.15.0 (VOC x the same")
    assert "on different devices: cpu (2 pairs); cuda (ADE20K" in device
