"""Which recipe is chosen over pairs, against brute force on made numbers."""

import math

import numpy as np
import pytest

from lit_samseg.search.chooser import Choice, TuningGains, choose, choose_without, objective_of
from tests.conftest import refuses

NAN = math.nan


def gains_of(values: list[list[float]], datasets: str, left_out: str = "") -> TuningGains:
    recipes = [f"recipe {number}" for number in range(len(values))]
    return TuningGains(recipes, list(datasets), list(left_out or datasets), np.array(values, dtype=float))


def by_brute_force(gains: TuningGains, objective: str, places: list[int]) -> str:
    """Choose in plain Python: every recipe in its order, one that is better takes the place."""
    places = [place for place in places if not all(math.isnan(own[place]) for own in gains.values)]
    best, reached = "", -math.inf
    for recipe, own in zip(gains.recipes, gains.values, strict=True):
        of_dataset: dict[str, list[float]] = {}
        for place in places:
            of_dataset.setdefault(gains.datasets[place], []).append(own[place])
        if objective == "worst":
            value = min(own[place] for place in places)
        else:
            value = sum(sum(found) / len(found) for found in of_dataset.values()) / len(of_dataset)
        if any(math.isnan(own[place]) for place in places):
            continue
        if value > reached + 1e-15:
            best, reached = recipe, value
    return best


@pytest.mark.parametrize("objective", ["mean", "worst"])
def test_choices_are_those_of_brute_force(objective: str) -> None:
    random, chosen = np.random.default_rng(0), set()
    for _ in range(200):
        values = random.normal(size=(5, 6))
        # Some recipe has no number on a pair, and now and then no recipe has.
        values[0, random.integers(6)] = NAN
        if random.random() < 0.3:
            values[:, random.integers(6)] = NAN
        gains = gains_of(values.tolist(), "aaabbc")
        for number, choice in enumerate(choose_without(gains, objective)):  # type: ignore[arg-type]
            others = [place for place in range(6) if gains.datasets[place] != gains.datasets[number]]
            assert choice.recipe == by_brute_force(gains, objective, others)
            chosen.add(choice.recipe)
        assert choose(gains, objective).recipe == by_brute_force(gains, objective, list(range(6)))  # type: ignore[arg-type]
    assert len(chosen) == 5


def test_pairs_of_one_data_set_do_not_outvote_another() -> None:
    # Four pairs of one data set like the first recipe a little, one pair of another the second one much.
    gains = gains_of([[1, 1, 1, 1, -2], [0, 0, 0, 0, 1]], "aaaab")
    assert objective_of(gains, "mean", range(5)).tolist() == [-0.5, 0.5]
    assert choose(gains, "mean") == Choice("recipe 1", 0.5)
    assert [choice.recipe for choice in choose_without(gains, "mean")] == ["recipe 1"] * 4 + ["recipe 0"]


def test_the_worst_pair_counts_alone() -> None:
    gains = gains_of([[5, 5, -1], [0, 0, 0]], "abc")
    assert choose(gains, "mean").recipe == "recipe 0"
    assert choose(gains, "worst") == Choice("recipe 1", 0)
    assert choose_without(gains, "worst")[2] == Choice("recipe 0", 5)


def test_by_pairs_a_data_set_has_a_say_about_its_own_pairs() -> None:
    values = [[9, 0, 0], [0, 1, 1]]
    assert [choice.recipe[-1] for choice in choose_without(gains_of(values, "aab"), "mean")] == ["1", "1", "0"]
    assert [choice.recipe[-1] for choice in choose_without(gains_of(values, "aab", "xyz"), "mean")] == ["1", "0", "0"]


@pytest.mark.parametrize("objective", ["mean", "worst"])
def test_of_equal_recipes_the_first_is_chosen(objective: str) -> None:
    gains = gains_of([[0, 0], [1, 1], [1, 1]], "ab")
    assert choose(gains, objective).recipe == "recipe 1"  # type: ignore[arg-type]


@pytest.mark.parametrize("objective", ["mean", "worst"])
def test_what_has_no_number_is_not_chosen(objective: str) -> None:
    # The second pair says nothing; the first recipe has no number where others have one.
    gains = gains_of([[9, NAN, NAN], [1, NAN, 2]], "abc")
    assert choose(gains, objective).recipe == "recipe 1"  # type: ignore[arg-type]
    nothing = gains_of([[NAN, 1], [NAN, 2]], "ab")
    refuses(lambda: choose_without(nothing, objective), "no recipe has a gain", "search: {tune: IDS_FILE}")  # type: ignore[arg-type]
