"""``lit-samseg search`` on the built-in world, by the real command."""

import csv
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from lit_samseg.cli.lightning_cli import SamSegCLI
from lit_samseg.search.configuration import Configuration
from lit_samseg.search.trials import Trial, front_of, read_trials
from tests.conftest import PROJECT, RunCli, made_once, run_quietly
from tests.recomputation import results_of

CONFIG = ["--config", PROJECT / "configs/demo.yaml", "--data.size=9", "--trainer.accelerator=cpu", "--gallery=false"]
CONFIG += ["--model.analysis=false"]
SPACE = "recipes: [none, box]\nregions: [component]\nwords:\n  fuse: [none, 30]\n  crf: [none, crf]\n"
ROWS = ["none@crf", "box@component", "box@component/fuse", "box@component/fuse/crf"]
LEFT_OUT = ["--report=false"]


class Searched(NamedTuple):
    """A finished search of all of ``SPACE`` and what was printed; tests that go on with it take a copy."""

    root: Path
    out: str

    @property
    def folder(self) -> Path:
        return self.root / "search"

    def words(self, folder: Path | None = None) -> list[object]:
        lists = ["--tune", self.root / "tune.txt", "--report", self.root / "report.txt"]
        space = ["--space", self.root / "space.yaml"]
        return ["search", *CONFIG, *lists, *space, "--output_dir", folder or self.folder]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    def make(root: Path) -> None:
        root.mkdir()
        (root / "tune.txt").write_text("".join(f"scene_{n:05d}\n" for n in range(2)))
        (root / "report.txt").write_text("".join(f"scene_{n:05d}\n" for n in range(4, 6)))
        (root / "space.yaml").write_text(SPACE)
        (root / "out.txt").write_text(run_quietly(*Searched(root, "").words()), encoding="utf-8")

    root = made_once(tmp_path_factory, "searched", make)
    return Searched(root, (root / "out.txt").read_text(encoding="utf-8"))


def figures(row: dict[str, Any]) -> dict[str, float]:
    """What a trial takes over of a row of ``results.json``."""
    return {
        "miou": row["miou"],
        "miou_gt_present": row["miou_gt_present"],
        "difference": row["difference"]["miou_gt_present"]["value"],
        "boundary_iou": row["boundary"]["iou_before"],
    }


def test_every_trial_is_written_with_the_numbers_of_a_test(searched: Searched, run_cli: RunCli, tmp_path: Path) -> None:
    with (searched.folder / "trials.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["name"] for line in lines[1:]] == ROWS
    assert [line["number"] for line in lines] == ["0", "1", "2", "3", "4"]
    variants = f"--model.variants=[{', '.join(ROWS)}]"
    words = ["test", *CONFIG, *LEFT_OUT, f"--data.ids={searched.root / 'tune.txt'}", variants]
    assert run_cli(*words, "--output_dir", tmp_path / "run").code == 0
    rows = {row["name"]: row for row in results_of(tmp_path / "run")["rows"]}
    for line in lines[1:]:
        assert {key: float(line[key]) for key in figures(rows[line["name"]])} == figures(rows[line["name"]])
        assert float(line["seconds"]) > 0
        assert line["name"] in [row["name"] for row in results_of(searched.folder / line["run"])["rows"]]
    assert float(lines[0]["miou"]) == rows["baseline"]["miou"]
    assert (float(lines[0]["difference"]), float(lines[0]["seconds"])) == (0, 0)


def test_the_winner_is_the_best_and_its_numbers_are_of_the_reporting_list(
    searched: Searched, run_cli: RunCli, tmp_path: Path
) -> None:
    trials = read_trials(searched.folder / "trials.csv")
    winner = max(trials[1:], key=lambda trial: trial.difference)
    config = yaml.safe_load((searched.folder / "best.yaml").read_text())
    assert config["model"]["init_args"]["variants"] == [winner.name]
    # The winner's configuration is one that test takes as it is.
    words = ["test", "--config", searched.folder / "best.yaml", *LEFT_OUT]
    outcome = run_cli(*words, f"--data.ids={searched.root / 'report.txt'}", "--output_dir", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    results = results_of(searched.folder / "report")
    assert results["dataset"]["ids"] == [f"scene_{n:05d}" for n in range(4, 6)]
    assert [row["name"] for row in results["rows"]] == list(dict.fromkeys(["baseline", winner.name, "none@crf"]))
    assert figures(results["rows"][1]) == figures(results_of(tmp_path / "run")["rows"][1])
    (_, *lines) = (searched.folder / "summary.md").read_text().splitlines()
    cells = next(line for line in lines if line.startswith(f"| {winner.name} ")).split(" | ")
    test = results["rows"][1]["difference"]["miou_gt_present"]
    assert cells[1] == f"{100 * winner.difference:+.2f}"
    assert cells[2] == f"{100 * test['value']:+.2f}"
    assert cells[3] == f"[{100 * test['low']:+.2f}, {100 * test['high']:+.2f}]"
    said = " ".join(searched.out.split())
    assert f"{winner.name} is the best of 4 recipes tried on the 2 tuning images" in said
    assert "optimistic" in said


def test_the_front_is_of_the_trials(searched: Searched) -> None:
    trials = read_trials(searched.folder / "trials.csv")
    front = read_trials(searched.folder / "front.csv")
    assert front == front_of(trials)

    def beaten(trial: Trial) -> bool:
        return any(t.seconds < trial.seconds and t.difference > trial.difference for t in trials)

    assert not any(map(beaten, front))
    assert all(beaten(trial) for trial in trials if trial not in front)
    assert all(trial.name in (searched.folder / "front.md").read_text() for trial in front)


def test_no_image_is_encoded_twice(searched: Searched) -> None:
    caches = [results_of(path.parent)["cache"] for path in searched.folder.glob("trials/*/results.json")]
    assert sum(cache["embeddings"]["misses"] for cache in caches) == 2
    assert results_of(searched.folder / "report")["cache"]["embeddings"] | {"hits": 0} == {"hits": 0, "misses": 2}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Words of each test that a search runs."""
    runs: list[tuple[str, ...]] = []
    test = Configuration.test

    def counting(configuration: Configuration, *words: str) -> SamSegCLI:
        runs.append(words)
        return test(configuration, *words)

    monkeypatch.setattr(Configuration, "test", counting)
    return runs


def test_a_finished_search_does_nothing_again(
    searched: Searched, run_cli: RunCli, counted: list[tuple[str, ...]], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(searched.folder, tmp_path / "search"))
    before = {path: path.read_bytes() for path in folder.glob("*.*")}
    outcome = run_cli(*searched.words(folder))
    assert outcome.code == 0, outcome.err
    assert counted == []
    assert "4 are done" in outcome.out
    assert {path: path.read_bytes() for path in folder.glob("*.*")} == before


def test_a_search_of_an_earlier_release_goes_on(
    searched: Searched, run_cli: RunCli, counted: list[tuple[str, ...]], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(searched.folder, tmp_path / "search"))
    (folder / "search.json").rename(folder / "study.json")
    assert run_cli(*searched.words(folder)).code == 0
    assert counted == []
    outcome = run_cli(*searched.words(folder), "--model.sam.precision=bf16")
    assert outcome.code == 2
    assert "holds trials of another search" in outcome.err


def test_an_interrupted_search_goes_on(
    searched: Searched, run_cli: RunCli, counted: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("lit_samseg.search.recipe_search.BATCH", 2)
    whole = Configuration.test

    def interrupted(configuration: Configuration, *words: str) -> SamSegCLI:
        if len(counted) == 1:
            counted.clear()
            raise KeyboardInterrupt
        return whole(configuration, *words)

    monkeypatch.setattr(Configuration, "test", interrupted)
    outcome = run_cli(*searched.words(tmp_path / "search"))
    assert outcome.code == 130
    assert "2 trials are kept" in outcome.err
    assert [trial.name for trial in read_trials(tmp_path / "search/trials.csv")[1:]] == ROWS[:2]
    assert not (tmp_path / "search/best.yaml").exists()
    # Now it comes as far as the report.
    outcome = run_cli(*searched.words(tmp_path / "search"))
    assert "4 trials are kept" in outcome.err
    assert {trial.run for trial in read_trials(tmp_path / "search/trials.csv")[3:]} == {
        str(path.parent.relative_to(tmp_path / "search"))
        for path in tmp_path.glob("search/trials/*/results.json")
        if [row["name"] for row in results_of(path.parent)["rows"]] == ["baseline", *ROWS[2:]]
    }
    here, there = (read_trials(folder / "trials.csv") for folder in (tmp_path / "search", searched.folder))
    assert [(t.number, t.name, t.difference) for t in here] == [(t.number, t.name, t.difference) for t in there]


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        (["--model.sam.precision=bf16"], 'sam.init_args.precision was "fp32", is "bf16"'),
        (["--tune", "report", "--report", "tune"], "tuning images"),
    ],
)
def test_trials_of_another_search_are_refused(
    searched: Searched, run_cli: RunCli, tmp_path: Path, extra: list[str], named: str
) -> None:
    folder = Path(shutil.copytree(searched.folder, tmp_path / "search"))
    extra = [str(searched.root / f"{word}.txt") if word in ("tune", "report") else word for word in extra]
    before = (folder / "trials.csv").read_bytes()
    outcome = run_cli(*searched.words(folder), *extra)
    assert outcome.code == 2
    assert "holds trials of another search" in outcome.err
    assert named in outcome.err
    assert (folder / "trials.csv").read_bytes() == before


def test_lists_that_share_an_image_are_refused(searched: Searched, run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text("scene_00007\nscene_00001\n")
    outcome = run_cli(*searched.words(tmp_path / "search"), "--report", tmp_path / "report.txt")
    assert outcome.code == 2
    assert "scene_00001" in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "search").exists()


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        (["--model.variants=[box]"], "does not take --model.variants"),
        (["--data.ids", "x.txt"], "does not take --data.ids"),
        (["--data.subset=3"], "does not take data.subset"),
        (["--trainer.devices=2"], "one process"),
        (["--tune", "missing.txt"], "missing.txt cannot be read"),
        (["--space", "missing.yaml"], "missing.yaml cannot be read"),
        (["--trials", "0"], "--trials is 0"),
        (["--data.sise=3"], "sise"),
    ],
)
def test_words_that_have_no_place_are_named(
    searched: Searched, run_cli: RunCli, tmp_path: Path, extra: list[str], named: str
) -> None:
    outcome = run_cli(*searched.words(tmp_path / "search"), *extra)
    assert outcome.code == 2
    assert named in outcome.err
    assert "Traceback" not in outcome.err


def test_more_rows_than_trials_need_optuna(
    searched: Searched, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    outcome = run_cli(*searched.words(tmp_path / "search"), "--trials", 2)
    assert outcome.code == 2
    assert "pip install 'lit_samseg[search]'" in outcome.err


def test_damaged_trials_are_refused(searched: Searched, run_cli: RunCli, tmp_path: Path) -> None:
    shutil.copytree(searched.folder, tmp_path / "search", ignore=shutil.ignore_patterns("cache", "trials", "report"))
    (tmp_path / "search/trials.csv").write_text("number,name\n1,box\n")
    outcome = run_cli(*searched.words(tmp_path / "search"))
    assert outcome.code == 2
    assert "is not the trials of a search" in outcome.err


def test_help_says_what_there_is(run_cli: RunCli) -> None:
    outcome = run_cli("search", "--help")
    assert outcome.code == 0
    for word in (
        "--tune",
        "--report",
        "--trials",
        "--space",
        "--seed",
        "--output_dir",
        "best.yaml",
        *("fuse:", "crf:"),
    ):
        assert word in outcome.out
