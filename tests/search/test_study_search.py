"""``lit-samseg search --study`` on the built-in world, by the real command."""

import csv
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from lit_samseg.refine import parse_variant
from lit_samseg.refine.variant import RECOMMENDED
from lit_samseg.results.run_tables import points
from lit_samseg.search.candidates import Setting, candidates, settings_of
from lit_samseg.search.chooser import Choice
from lit_samseg.search.pair_images import PairImages, check_parted, images_of, without_tuned
from lit_samseg.search.space import DEFAULT_SPACE, Space
from lit_samseg.search.study_outcome import Chosen, verdict
from lit_samseg.study.plan import Pair, read_plan
from tests.conftest import RunCli, made_once, refuses, run_quietly
from tests.forked import Forked
from tests.recomputation import results_of
from tests.study.conftest import fork_pairs, small_study, write_study

SPACE = "recipes: [box]\nregions: [component]\nwords:\n  fuse: [0.3]\n  crf: [none, crf]\n"
PAIRS: list[dict[str, Any]] = [
    {"name": "test x DeepLab", "data": {"init_args": {"split": "test"}}},
    {"name": "val x DeepLab", "data": {"init_args": {"split": "val"}}, "search": {"group": "val", "report": 3}},
]
CHANGES: dict[str, Any] = {"rows": ["none@crf"], "pairs": PAIRS, "search": {"tune": 2, "report": 2}}


class Searched(NamedTuple):
    """A finished search over pairs and what was printed."""

    root: Path
    out: str

    @property
    def folder(self) -> Path:
        return self.root / "search"

    def words(self, folder: Path | None = None) -> list[object]:
        options = ["--space", self.root / "space.yaml", "--probe", "0"]
        return ["search", "--study", self.root / "study.yaml", "--output_dir", folder or self.folder, *options]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    def make(root: Path) -> None:
        root.mkdir()
        write_study(root / "study.yaml", small_study(**CHANGES))
        (root / "space.yaml").write_text(SPACE)
        with pytest.MonkeyPatch.context() as patch:
            fork_pairs(patch)
            (root / "out.txt").write_text(run_quietly(*Searched(root, "").words()), encoding="utf-8")

    root = made_once(tmp_path_factory, "searched_pairs", make)
    return Searched(root, (root / "out.txt").read_text(encoding="utf-8"))


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    fork_pairs(monkeypatch)


def gain(row: Mapping[str, Any]) -> float:
    value: float = row["difference"]["miou_gt_present"]["value"]
    return value


def test_each_pair_is_reported_by_the_recipe_that_the_other_chose(searched: Searched) -> None:
    with (searched.folder / "tuning.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["recipe"] for line in lines] == ["auto", "none@crf", "box@component/fuse", "box@component/fuse/crf"]
    plan = read_plan(searched.folder / "report/study.yaml")
    for pair, other in zip(plan.pairs, reversed(plan.pairs), strict=True):
        tuned = results_of(searched.folder / "tuning/pairs" / other.folder)
        assert [float(line[other.name]) for line in lines] == [gain(row) for row in tuned["rows"][1:]]
        best = max(lines, key=lambda line: float(line[other.name]))["recipe"]
        assert pair.options["model"]["init_args"]["variants"] == [{"tuned": best}, "none@crf", {"auto": "auto"}]
        assert f"| {pair.name} | 2 / {2 if other is plan.pairs[1] else 3} | {best} " in summary(searched.folder)
    for line in lines:
        assert float(line["mean"]) == pytest.approx(sum(float(line[pair.name]) for pair in plan.pairs) / 2)
    best = max(lines, key=lambda line: float(line["mean"]))["recipe"]
    config = yaml.safe_load((searched.folder / "best.yaml").read_text())
    assert config == {"model": {"init_args": {"variants": [best]}}}
    assert f"Best over all pairs: {best}, {100 * max(float(line['mean']) for line in lines):+.2f}" in searched.out


def summary(folder: Path) -> str:
    return (folder / "summary.md").read_text(encoding="utf-8")


def test_the_report_is_a_study(searched: Searched) -> None:
    study = json.loads((searched.folder / "report/study.json").read_text())
    assert [row["name"] for row in study["rows"]] == ["tuned", "none@crf", "auto"]
    tuned, _, auto = study["rows"]
    assert tuned["above"]["row"] == "auto"
    for pair, one, other, above in zip(
        study["pairs"], tuned["effects"], auto["effects"], tuned["above"]["effects"], strict=True
    ):
        rows = results_of(searched.folder / "report" / pair["folder"])["rows"]
        assert (one["value"], other["value"]) == (gain(rows[1]), gain(rows[3]))
        assert above["value"] == pytest.approx(one["value"] - other["value"], abs=1e-12)
        cells = next(line for line in summary(searched.folder).splitlines() if line.startswith(f"| {pair['name']} "))
        for effect in (one, other, above):
            assert f"{points(effect['value'])} [{points(effect['low'])}, {points(effect['high'])}]" in cells
    assert (searched.folder / "report/study.html").is_file()
    chosen = {line.split(" | ")[2] for line in summary(searched.folder).splitlines() if line.startswith("| test x ")}
    chosen |= {line.split(" | ")[2] for line in summary(searched.folder).splitlines() if line.startswith("| val x ")}
    # What was made on images of a data set is not free of them.
    assert ("auto was made before this search" in summary(searched.folder)) is ("auto" in chosen)
    said = " ".join(searched.out.split())
    assert "Tuning is that number, which is optimistic" in said


def test_images_are_drawn_and_embeddings_shared(searched: Searched) -> None:
    for name, reported in (("test_x_DeepLab", 2), ("val_x_DeepLab", 3)):
        tuned, told = (results_of(searched.folder / part / "pairs" / name) for part in ("tuning", "report"))
        assert len(tuned["dataset"]["ids"]) == 2
        assert len(told["dataset"]["ids"]) == reported
        # A smaller draw of one seed is part of a larger one.
        assert set(tuned["dataset"]["ids"]) <= set(told["dataset"]["ids"])
        assert (tuned["cache"]["embeddings"]["misses"], told["cache"]["embeddings"]["misses"]) == (2, reported - 2)


@pytest.mark.usefixtures("forked")
def test_the_recipe_for_use_is_one_that_test_takes(searched: Searched, run_cli: RunCli) -> None:
    config = searched.folder / "report/configs/test_x_DeepLab.yaml"
    outcome = run_cli("test", "--config", config, "--config", searched.folder / "best.yaml", "--print_config")
    assert outcome.code == 0
    best = yaml.safe_load((searched.folder / "best.yaml").read_text())["model"]["init_args"]["variants"]
    assert yaml.safe_load(outcome.out)["model"]["init_args"]["variants"] == best


@pytest.mark.usefixtures("forked")
def test_a_killed_search_goes_on_to_the_same_answer(searched: Searched, run_cli: RunCli, tmp_path: Path) -> None:
    folder = tmp_path / "search"
    for done in ("tuning/pairs/test_x_DeepLab", "report/pairs/test_x_DeepLab"):
        command = Forked(searched.words(folder))
        while command.poll() is None and not (folder / done / "results.json").exists():
            time.sleep(0.02)
        command.kill()
        command.communicate(timeout=60)
    outcome = run_cli(*searched.words(folder))
    assert outcome.code == 0, outcome.err
    for name in ("summary.md", "best.yaml", "tuning.csv"):
        assert (folder / name).read_bytes() == (searched.folder / name).read_bytes()
    # Once more: nothing is left to do.
    made = {path: path.stat().st_mtime_ns for path in folder.glob("*/pairs/*/results.json")}
    assert run_cli(*searched.words(folder)).code == 0
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*/pairs/*/results.json")} == made
    # What the recipes are tuned on is what they were tuned on.
    outcome = run_cli(*searched.words(folder), "--seed", "2")
    assert outcome.code == 2
    assert "was run with other options: data.init_args.ids" in outcome.err


@pytest.mark.usefixtures("forked")
def test_a_pair_that_fails_is_named(searched: Searched, run_cli: RunCli, tmp_path: Path) -> None:
    missing = {"class_path": "lit_samseg.baselines.Precomputed", "init_args": {"root": str(tmp_path / "none")}}
    study = small_study(**{**CHANGES, "pairs": [PAIRS[0], PAIRS[1] | {"baseline": missing}]})
    path = write_study(tmp_path / "study.yaml", study)
    outcome = run_cli(*searched.words(tmp_path / "search"), "--study", path)
    assert outcome.code == 2
    (line,) = outcome.err.splitlines()
    assert "1 pair failed, val x DeepLab: " in line
    assert "go on by the same command" in line
    assert not (tmp_path / "search/best.yaml").exists()


@pytest.mark.parametrize(
    ("changes", "extra", "named"),
    [
        ({"pairs": [{"name": "a"}, {"name": "b"}]}, [], "one data set, scenes, and"),
        ({"pairs": [{"name": "a"}]}, ["--leave", "pair"], "the study has one pair"),
        ({"rows": ["bx"]}, [], "pair 'test x DeepLab': variant 'bx'"),
        ({"rows": [{"tuned": "box"}]}, [], "another name"),
        ({"search": {"tune": 0}}, [], "pair 'test x DeepLab': search.tune is 0; give a number of images, or a file"),
        ({"search": {"tune": "none.txt"}}, [], "none.txt cannot be read"),
        ({"search": {"tunes": 3}}, [], "search has 'tunes'; it may have tune, report, group"),
        ({"search": 3}, [], "search is no mapping"),
        ({}, ["--trials", "0"], "--trials is 0"),
        ({}, ["--objective", "best"], "invalid choice: 'best'"),
        ({}, ["--space", "missing.yaml"], "missing.yaml cannot be read"),
        ({}, ["--tune", "tune.txt"], "unrecognized arguments"),
    ],
)
def test_faults_are_named(
    changes: dict[str, Any], extra: list[str], named: str, searched: Searched, run_cli: RunCli, tmp_path: Path
) -> None:
    path = write_study(tmp_path / "study.yaml", small_study(**{**CHANGES, **changes}))
    outcome = run_cli(*searched.words(tmp_path / "search"), "--study", path, *extra)
    assert outcome.code == 2
    assert named in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "search").exists()


def test_a_folder_with_something_else_stays(searched: Searched, run_cli: RunCli, tmp_path: Path) -> None:
    outcome = run_cli(*searched.words(searched.folder / "report"))
    assert outcome.code == 2
    assert "holds a study; give another" in outcome.err


def test_help_says_what_there_is(run_cli: RunCli) -> None:
    outcome = run_cli("search", "--study", "FILE", "--help")
    assert outcome.code == 0
    for word in ("--objective", "--leave", "--trials", "--seed", "--jobs", "best.yaml", "tuning.csv", "group:"):
        assert word in outcome.out
    assert "search --study FILE" in run_cli("search", "--help").out


def images(name: str, search: dict[str, Any], **data: Any) -> PairImages:
    options = {"data": {"class_path": "lit_samseg.data.Scenes", "init_args": {"size": 9, **data}}}
    return images_of(Pair(name, name, small_options(small_study()) | options, search), seed=0)


def small_options(study: dict[str, Any], rows: list[Any] | None = None) -> dict[str, Any]:
    return {"data": study["data"], "model": {"init_args": {"sam": study["sam"], "variants": rows or ["box"]}}}


def test_pairs_over_one_data_set_draw_the_same_images(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("scene_00003\nscene_00001\n")
    (tmp_path / "b.txt").write_text("scene_00003\nscene_00002\n")
    one, other = images("a", {"tune": 4}), images("b", {"tune": 4, "group": "mine"})
    assert one.tune == other.tune != one.report
    assert (len(one.tune), len(one.report), one.group, other.group) == (4, 9, "scenes", "mine")
    assert images("a", {"tune": 100}).tune == one.report
    assert images("a", {}, subset=3).tune == images("a", {}, subset=3).report
    listed = images("a", {"tune": [str(tmp_path / "a.txt"), str(tmp_path / "b.txt")]})
    assert listed.tune == ["scene_00001", "scene_00002", "scene_00003"]


def test_no_image_is_reported_on_that_the_recipe_was_tuned_on() -> None:
    pairs = [images("a", {"tune": 4}), images("b", {"tune": 2}), images("c", {"tune": 9}, split="val")]
    # The recipe of a is tuned on two of its images by way of b, that of b on four by way of a; those of c are others.
    told = without_tuned(pairs, "pair")
    assert [(len(own.report), own.dropped) for own in told] == [(7, 2), (5, 4), (9, 0)]
    assert not set(told[0].report) & set(pairs[1].tune)
    assert without_tuned(pairs[:2], "dataset") == pairs[:2]
    refuses(lambda: without_tuned([images("a", {}), images("b", {})], "pair"), "pair 'a'", "9 images", "tune: N")


def test_what_cannot_be_parted_is_refused() -> None:
    pairs = [images("a", {}), images("b", {})]
    refuses(lambda: check_parted(pairs, "dataset"), "scenes", "group: NAME", "--leave pair")
    check_parted(pairs, "pair")
    check_parted([*pairs, images("c", {"group": "c"})], "dataset")


BOTH = [Setting(False, True), Setting(True, True)]


def rows_of(rows: list[Any], space: Space, settings: list[Setting], trials: int = 99, seed: int = 0) -> dict[str, Any]:
    pair = Pair("a", "a", small_options(small_study(), rows))
    return candidates([pair], settings, space, trials, seed)


def test_candidates_are_auto_the_own_rows_and_the_space() -> None:
    space = Space(
        {"recipes": ("none", "box"), "regions": ("class",), "selections": ("iou",), "field": ("none", "crf", "samcrf")}
    )
    own = ["baseline", RECOMMENDED, {"mine": {"row": "auto", "fuse": {"weight": 0.5}}}, "box@oracle", "box@class/iou"]
    # What has two names is one row; what looks at the truth is none.
    assert list(rows_of(own, space, BOTH)) == ["auto", "mine", "box@class/iou", "none@crf", "none@samcrf"]
    assert "none@samcrf" not in rows_of(own, space, [Setting(True, False)])
    assert rows_of(own, space, BOTH)["mine"] == {"mine": own[2]["mine"]}
    two = [
        Pair(name, name, small_options(small_study(), [{"mine": row}])) for name, row in (("a", "box"), ("b", "auto"))
    ]
    refuses(lambda: candidates(two, BOTH, space, 9, 0), "'mine' is not the same in all pairs")


def test_so_many_of_a_space_are_drawn() -> None:
    space = Space({**DEFAULT_SPACE.dimensions, "recipes": ("none", "box"), "gate": ("none",), "vote": ("none",)})
    drawn = rows_of(["box"], space, BOTH, trials=12)
    assert list(drawn)[:2] == ["auto", "box"]
    assert 12 <= len(drawn) <= 14
    assert drawn == rows_of(["box"], space, BOTH, trials=12)
    assert drawn != rows_of(["box"], space, BOTH, trials=12, seed=1)
    for setting in BOTH:
        for text in list(drawn)[1:]:
            parse_variant(text, setting.has_background)


def test_settings_are_those_of_the_pairs() -> None:
    assert settings_of([images("a", {}), images("b", {})]) == [Setting(True, True)]


def pooled(mean: float, low: float | None, high: float | None) -> dict[str, Any]:
    return {"rows": [{"name": "tuned", "above": {"pooled": {"mean": mean, "low": low, "high": high}}}]}


@pytest.mark.parametrize(
    ("recipe", "interval", "said"),
    [
        ("box", (0.01, 0.002, 0.018), "Evidence that recipes tuned on other pairs gain more than auto, +1.00 [+0.20, "),
        ("box", (-0.01, -0.018, -0.002), "gain less than auto, -1.00 [-1.80, -0.20] points: auto stays"),
        ("box", (0.01, -0.002, 0.022), "No evidence that recipes tuned on other pairs gain more than auto, +1.00 ["),
        ("box", (0.01, None, None), "So few pairs"),
        ("auto", (0, None, None), "No other recipe was better"),
    ],
)
def test_the_verdict_is_that_of_the_interval(recipe: str, interval: tuple[Any, Any, Any], said: str) -> None:
    choice = Choice(recipe, 0.1)
    chosen = Chosen([choice], choice, 3, "mean", "dataset")
    assert said in verdict(pooled(*interval), chosen)  # type: ignore[arg-type]
