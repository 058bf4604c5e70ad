"""Spaces of recipes and what is proposed of them; nothing is run."""

from pathlib import Path

import pytest

from lit_samseg.errors import InputError
from lit_samseg.search.proposals import Grid, Tpe, make_proposals
from lit_samseg.search.space import DEFAULT_SPACE, Space, read_space
from lit_samseg.search.trials import Trial, best_of, front_of

SMALL = Space(
    {
        "recipes": ("none", "box", "box+margin"),
        "regions": ("component", "class"),
        "selections": ("iou",),
        "fuse": ("none", "0.3", "0.5"),
        "crf": ("none", "crf", "samcrf"),
    }
)


def test_rows_are_what_means_something_in_its_shortest_form() -> None:
    rows = SMALL.rows(has_background=True, has_features=False)
    names = set(rows.values())
    assert {"none@crf", "box", "box@component", "box@fuse", "box@component/fuse=0.5/crf"} <= names
    # A margin needs scores that are added up, features a SAM that gives them, and nothing at all is no row.
    assert not {"box+margin", "none", "none@samcrf", "box@fuse/samcrf"} & names
    assert list(rows.values()).count("none@crf") == 2
    assert "none@samcrf" in SMALL.rows(has_background=True, has_features=True).values()


def test_a_grid_is_all_rows_once() -> None:
    rows = SMALL.rows(True, True)
    grid = make_proposals(SMALL, rows, 1000, seed=0)
    assert isinstance(grid, Grid)
    proposed = grid.propose(3) + grid.propose(1000)
    assert sorted(proposed) == sorted(set(rows.values()))
    assert grid.propose(1) == []


# The quicker one is that of the small space.
@pytest.mark.parametrize(
    "space", [SMALL, pytest.param(DEFAULT_SPACE, marks=pytest.mark.slow)], ids=["small", "default"]
)
def test_the_sampler_is_repeatable_and_never_repeats_itself(space: Space) -> None:
    pytest.importorskip("optuna")
    rows = space.rows(True, True)

    def propose(seed: int, trials: int) -> list[str]:
        sampler = Tpe(list(space.dimensions), rows, seed)
        names: list[str] = []
        while len(names) < trials and (batch := sampler.propose(8)):
            for name in batch:
                sampler.learn(name, float(len(name)))
            names += batch
        return names

    names = propose(0, 48)
    assert len(names) == len(set(names)) == min(48, len(set(rows.values())))
    assert propose(0, 48) == names
    assert propose(1, 48) != names


def test_the_sampler_learns() -> None:
    pytest.importorskip("optuna")
    rows = DEFAULT_SPACE.rows(True, True)
    names = sorted(set(rows.values()))
    wanted = ("samcrf", "margin", "fuse", "vote=0.15", "component")
    good = {name for name in names if sum(word in name for word in wanted) >= 4}
    found = 0
    for seed in range(3):
        sampler = make_proposals(DEFAULT_SPACE, rows, 64, seed)
        assert isinstance(sampler, Tpe)
        for _ in range(8):
            for name in sampler.propose(8):
                sampler.learn(name, float(sum(word in name for word in wanted)))
                found += name in good
    by_chance = 3 * 64 * len(good) / len(names)
    assert found > 2 * by_chance


def test_a_space_goes_through_its_file(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(DEFAULT_SPACE.yaml(), encoding="utf-8")
    assert read_space(path) == DEFAULT_SPACE
    path.write_text("recipes: [box]\nwords: {field: [null, crf, fuse=0.4]}\n", encoding="utf-8")
    assert set(read_space(path).rows(True, True).values()) == {"box", "box@fuse=0.4"}
    # Numbers in per cent, as earlier releases had them.
    path.write_text("recipes: [box]\nwords: {fuse: [none, 30, 40]}\n", encoding="utf-8")
    assert set(read_space(path).rows(True, True).values()) == {"box", "box@fuse", "box@fuse=0.4"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("recipies: [box]", "unknown key 'recipies'"),
        ("recipes: [bx]", "part 'bx' of recipe 'bx'"),
        ("recipes: [box]\nregions: [comp]", "region 'comp'"),
        ("recipes: [box]\nselections: [oracle]", "selection 'oracle'"),
        ("recipes: [box]\nwords: {fusee: [30]}", "unknown word 'fusee'"),
        ("recipes: [box]\nwords: {gate: [none, learned]}", "a search has no gate file, so it cannot be tried"),
        ("recipes: [box]\nwords: {learned: [none, 3]}", "a search has no gate file, so it cannot be tried"),
        ("recipes: [box]\nwords: {crf: [none, scrf]}", "'scrf' is no choice for 'crf'"),
        ("recipes: [box]\nwords: {fuse: [30, 0]}", "'0' is no choice for 'fuse'"),
        ("recipes: [box]\nwords: {fuse: [30, 30]}", "'fuse' lists '30' twice"),
        ("recipes: [box]\nwords: {fuse: 30}", "'fuse' must be a list"),
        ("recipes: []", "'recipes' must be a list"),
        ("regions: [class]", "'recipes' is missing"),
        ("[box]", "expected a mapping"),
        ("recipes: [box", "is not YAML"),
        ("", "expected a mapping"),
        (f"recipes: [box]\nwords: {{fuse: {list(range(1, 500))}, vote: {list(range(1, 500))}}}", "249001 combinations"),
    ],
)
def test_a_typo_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="space") as caught:
        read_space(path)
    assert named in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_space_without_any_row_says_why() -> None:
    with pytest.raises(InputError, match=r"no recipe that can be tried: .*margin"):
        Space({"recipes": ("margin",), "regions": ("class",), "selections": ("iou",)}).rows(True, True)


def trial(number: int, difference: float, seconds: float) -> Trial:
    return Trial(number, f"row {number}", 0.5, 0.5, difference, 0.5, seconds, "trials/x")


def test_the_front_and_the_best() -> None:
    trials = [
        trial(0, 0.0, 0.0),
        trial(1, -0.1, 0.1),
        trial(2, 0.2, 0.3),
        trial(3, 0.1, 0.2),
        trial(4, 0.2, 0.4),
        trial(5, 0.15, 0.35),
    ]
    assert [t.number for t in front_of(trials)] == [0, 3, 2]
    assert best_of(trials).number == 2
