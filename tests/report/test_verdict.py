from typing import Any

import pytest

from lit_samseg.report.verdict import find_verdict


def results(*rows: tuple[str, float | None, str], images: int = 3) -> dict[str, Any]:
    listed: list[dict[str, Any]] = [{"name": "baseline", "miou_gt_present": 0.5}]
    for name, value, verdict in rows:
        ends = (None, None) if value is None else (value - 0.01, value + 0.01)
        test = {"value": value, "low": ends[0], "high": ends[1], "p_holm": 0.0123, "verdict": verdict, "enough": 8}
        listed.append({"name": name, "difference": {"miou_gt_present": test}})
    return {"dataset": {"ids": ["x"] * images}, "rows": listed}


@pytest.mark.parametrize(
    ("rows", "answer", "best", "part"),
    [
        ([("box", -0.05, "worse"), ("point", -0.02, "worse")], "No", "point", "changes mIoU* from 50.00 by -2.00"),
        (
            [("box", -0.05, "worse"), ("point", 0.02, "no evidence")],
            "No evidence",
            "point",
            "None of 2 rows with SAM is better than the",
        ),
        (
            [("box", 0.01, "better"), ("point", -0.02, "worse")],
            "Yes",
            "box",
            "1 of 2 rows with SAM is better",
        ),
        # The larger difference is not told from chance; the smaller one is.
        ([("box", 0.05, "no evidence"), ("point", 0.02, "better")], "Yes", "point", "by +2.00 points [+1.00, +3.00]"),
        # Chosen by the ground truth: no answer.
        (
            [("box@class/oracle", 0.2, "better"), ("box", -0.1, "worse")],
            "No",
            "box",
            "(p = 0.012 after correction for 2 rows)",
        ),
        ([("box@component/oracle", 0.2, "better")], "Not asked", None, "baseline has 50.00 mIoU* on 3 images"),
        (
            [("box", None, "no evidence")],
            "Not asked",
            None,
            "No row with SAM was scored without the ground truth's help",
        ),
        ([], "Not asked", None, "No row with SAM was scored without the ground truth's help"),
    ],
)
def test_answers(rows: list[tuple[str, float | None, str]], answer: str, best: str | None, part: str) -> None:
    verdict = find_verdict(results(*rows))
    assert (verdict.answer, verdict.best) == (answer, best)
    assert part in verdict.sentence


@pytest.mark.parametrize(
    ("rows", "tally"),
    [
        # All that matters: who loses is named, told from chance or not.
        (
            [("a", 0.01, "better"), ("b", -0.12, "no evidence"), ("c", -0.05, "no evidence"), ("d", -0.071, "worse")],
            "1 of 4 rows with SAM is better than the baseline; d loses 7.1 points (worse); b and c lose 5.0 to 12.0 "
            "points (not significant with 12 images).",
        ),
        (
            [("a", 0.01, "no evidence"), ("b", 0.02, "no evidence"), ("c", -0.0004, "no evidence")],
            "None of 3 rows with SAM is better than the baseline; a and b gain 1.0 to 2.0 points (not significant with "
            "12 images); c is as good within 0.1 points.",
        ),
        (
            [(letter, -0.01 * n, "worse") for n, letter in enumerate("abcde", 1)],
            "None of 5 rows with SAM is better than the baseline; 5 rows lose 1.0 to 5.0 points (worse).",
        ),
        ([("a", 0.01, "better")], "1 of 1 row with SAM is better than the baseline."),
    ],
)
def test_the_headline_says_all_that_matters(rows: list[tuple[str, float | None, str]], tally: str) -> None:
    sentence = find_verdict(results(*rows, images=12)).sentence
    assert sentence.endswith(f" {tally}")
    assert "none worse" not in sentence


def test_too_few_images_promise_nothing() -> None:
    few = "too few images"
    verdict = find_verdict(results(("a", 0.04, few), ("b", -0.12, few), images=6))
    assert (verdict.answer, verdict.best) == ("Too few images", "a")
    assert verdict.sentence == (
        "6 images cannot tell 2 rows from the baseline; it takes 8 at least. On these, a changes mIoU* from 50.00 by "
        "+4.00 points; b loses 12.0 points."
    )
    # One row of several: the others have their say.
    assert find_verdict(results(("a", 0.04, "better"), ("b", -0.12, few))).answer == "Yes"


def test_small_p_values_are_not_nought() -> None:
    found = results(("box", 0.01, "better"))
    found["rows"][1]["difference"]["miou_gt_present"]["p_holm"] = 0.0002
    assert "(p < 0.001 after correction for 1 row)" in find_verdict(found).sentence


def test_one_image_is_one_image() -> None:
    assert "on 1 image (p" in find_verdict(results(("box", 0.01, "better"), images=1)).sentence


def part(word: str, module: str = "word_parts") -> dict[str, Any]:
    return {"word": word, "class": f"lit_samseg.refine.{module}:{word.title()}", "options": {}}


def worded(simulated: bool) -> dict[str, Any]:
    """A run with a row of words, a row of SAM's, and one with both."""
    found = results(("none@text", 0.3, "better"), ("box", 0.1, "better"), ("box@text", 0.2, "better"))
    beliefs: list[list[dict[str, Any]]] = [[part("text")], [], [part("text")]]
    for row, belief in zip(found["rows"][1:], beliefs, strict=True):
        asks = row["name"].startswith("box")
        row["parts"] = {"prompt": [part("box", "prompt_parts") | {"slot": "box"}] if asks else [], "beliefs": belief}
    return found | {"text": {"needs_truth": simulated}}


def test_words_of_somebody_who_knows_the_truth_have_no_say() -> None:
    verdict = find_verdict(worded(simulated=True))  # type: ignore[arg-type]
    assert verdict.best == "box"
    assert verdict.sentence.endswith("1 of 1 row with SAM is better than the baseline.")


def test_rows_without_sam_are_not_called_sams() -> None:
    verdict = find_verdict(worded(simulated=False))  # type: ignore[arg-type]
    assert verdict.best == "none@text"
    assert verdict.sentence.endswith("3 of 3 rows are better than the baseline.")
