"""Which images: recomputed from the counts with exact fractions."""

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from lit_samseg.errors import InputError
from lit_samseg.figures.choice import check_ids, differences, pick_images
from lit_samseg.results.evidence import Evidence
from tests.figures.conftest import RunFigure


def exact_differences(run: Path, row: str) -> dict[str, Fraction]:
    counts = np.load(run / "counts.npz")
    place = counts["rows"].tolist().index(row)

    def score(r: int, n: int) -> Fraction:
        triples = zip(*(counts[key][r, n].tolist() for key in ("intersection", "gt_area", "pred_area")), strict=True)
        ious = [Fraction(inter, truth + guess - inter) for inter, truth, guess in triples if truth]
        return sum(ious, Fraction()) / len(ious)

    return {str(i): score(place, n) - score(0, n) for n, i in enumerate(counts["ids"])}


def chosen(out: str) -> list[str]:
    return out.splitlines()[0].partition("): ")[2].split(", ")


@pytest.mark.parametrize("row", ["box", "points+box+mask"])
@pytest.mark.parametrize(("pick", "sign"), [("best", -1), ("worst", 1)])
def test_best_and_worst(pick: Literal["best", "worst"], sign: int, row: str, pictured_run: Path) -> None:
    exact = exact_differences(pictured_run, row)
    expected = sorted(exact, key=lambda i: (sign * exact[i], i))
    evidence = Evidence.read(pictured_run)
    # There are no more than six.
    for count in (2, 4, 9):
        assert pick_images(evidence, row, pick, count, 0) == expected[:count]


def test_the_pick_is_drawn_and_said(pictured_run: Path, figure: RunFigure, tmp_path: Path) -> None:
    exact = exact_differences(pictured_run, "box")
    words = ("--pick=worst", "--row=box", "--count=2", "--output", tmp_path / "figure.svg")
    outcome = figure(pictured_run, "1", *words)
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("Images (worst of box): ")
    assert chosen(outcome.out) == sorted(exact, key=lambda i: (exact[i], i))[:2]


def test_the_best_four_are_the_default(pictured_run: Path, figure: RunFigure, tmp_path: Path) -> None:
    out = tmp_path / "figure.svg"
    best = figure(pictured_run, "4", "--output", out).out
    assert exact_sum(pictured_run, "points+box+mask") > exact_sum(pictured_run, "box")
    assert best.startswith("Images (best of points+box+mask): ")
    assert chosen(best) == pick_images(Evidence.read(pictured_run), "points+box+mask", "best", 4, 0)


def exact_sum(run: Path, row: str) -> Fraction:
    return sum(exact_differences(run, row).values(), Fraction())


def test_random_images_follow_the_seed(pictured_run: Path, figure: RunFigure, tmp_path: Path) -> None:
    words = (pictured_run, "1", "--pick=random", "--count=3", "--output", tmp_path / "figure.svg")
    evidence = Evidence.read(pictured_run)
    draws = [pick_images(evidence, None, "random", 3, seed) for seed in range(3)]
    assert chosen(figure(*words).out) == draws[0] != draws[1]
    # Written out here, so that no release changes a published figure.
    keys = sorted(range(6), key=lambda n: hashlib.sha256(f"0:{n}".encode()).hexdigest())
    assert draws[0] == [f"scene_{n:05d}" for n in sorted(keys[:3])]
    for draw in draws:
        assert len(set(draw)) == 3
    out = figure(*words, "--seed=2").out
    assert "random, seed 2" in out
    assert chosen(out) == draws[2]


def make_evidence(*differences_in_pixels: int | None) -> Evidence:
    """One class of 100 pixels an image, of which the baseline has 50 and the row so many more; None: no class."""
    counts = np.zeros((2, 3, len(differences_in_pixels), 1), np.int64)
    for n, pixels in enumerate(differences_in_pixels):
        if pixels is not None:
            counts[:, 1, n] = 100
            counts[0, [0, 2], n] = 50
            counts[1, [0, 2], n] = 50 + pixels
    return Evidence(["baseline", "box"], [f"i{n}" for n in range(len(differences_in_pixels))], counts)


def test_ties_go_by_id_and_images_without_a_class_are_left_out() -> None:
    evidence = make_evidence(1, None, 5, 1, -3, 0, -3)
    assert pick_images(evidence, "box", "best", 7, 0) == ["i2", "i0", "i3", "i5", "i4", "i6"]
    assert pick_images(evidence, "box", "worst", 7, 0) == ["i4", "i6", "i5", "i0", "i3", "i2"]
    assert differences(evidence, "box")[[0, 4]].tolist() == [0.01, -0.03]
    assert np.isnan(differences(evidence, "box")[1])


def test_random_needs_no_row_and_takes_any_image() -> None:
    evidence = make_evidence(None, None, None)
    assert pick_images(evidence, None, "random", 5, 0) == ["i0", "i1", "i2"]
    with pytest.raises(InputError, match="no image of the run has a class"):
        pick_images(evidence, "box", "best", 1, 0)
    with pytest.raises(InputError, match="no row with SAM to pick images by; give --ids or --pick random"):
        pick_images(evidence, None, "worst", 1, 0)


@pytest.mark.parametrize("count", [0, -1, 41])
def test_counts_out_of_range(count: int) -> None:
    with pytest.raises(InputError, match=rf"--count is {count}; a figure shows 1 to 40 images"):
        pick_images(make_evidence(1), "box", "random", count, 0)


def test_given_ids_are_the_run_s() -> None:
    evidence = make_evidence(*range(50))
    assert check_ids(evidence, ["i9", "i3"]) == ["i9", "i3"]
    with pytest.raises(InputError, match="no image 'i50'"):
        check_ids(evidence, ["i0", "i50"])
    with pytest.raises(InputError, match="41 images; a figure shows 1 to 40"):
        check_ids(evidence, evidence.ids[:41])
