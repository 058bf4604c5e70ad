"""``lit-samseg study`` on the built-in world, by the real command."""

import csv
import io
import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from lit_samseg.metrics.bootstrap import bootstrap_differences
from lit_samseg.metrics.paired import METRICS, PairedCounts
from lit_samseg.results.evidence import Evidence
from lit_samseg.study.cost import Cost, cost_table
from lit_samseg.study.folder import StudyFolder
from lit_samseg.study.plan import read_plan
from tests.conftest import RunCli
from tests.forked import Forked
from tests.recomputation import results_of
from tests.resume.comparing import VARYING, assert_same
from tests.study.conftest import ROWS, Studied, Write

PAIRS = {"test x DeepLab": 3, "val x DeepLab": 3, "two of test x DeepLab": 2}
FOLDERS = {name: name.replace(" ", "_") for name in PAIRS}


def study_of(folder: Path) -> dict[str, Any]:
    study: dict[str, Any] = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    return study


def test_each_pair_has_the_numbers_of_a_test(studied: Studied, run_cli: RunCli, tmp_path: Path) -> None:
    name = "two of test x DeepLab"
    config = studied.folder / f"configs/{FOLDERS[name]}.yaml"
    assert run_cli("test", "--config", config, "--output_dir", tmp_path / "run").code == 0
    assert_same_numbers(studied.folder / f"pairs/{FOLDERS[name]}", tmp_path / "run")
    row = results_of(tmp_path / "run")["rows"][1]
    (effect,) = (e for e in study_of(studied.folder)["rows"][1]["effects"] if e["pair"] == name)
    test = row["difference"]["miou_gt_present"]
    assert {key: effect[key] for key in ("value", "low", "high", "verdict")} == {
        key: test[key] for key in ("value", "low", "high", "verdict")
    }


def assert_same_numbers(ours: Path, theirs: Path) -> None:
    for name in ("counts.npz", "boundary.npz", "per_class.csv", "per_image.csv", "ids.txt"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name
    assert results_of(ours)["rows"] == results_of(theirs)["rows"]


def test_pairs_and_rows_are_those_of_the_file(studied: Studied) -> None:
    study = study_of(studied.folder)
    assert {pair["name"]: pair["images"] for pair in study["pairs"]} == PAIRS
    assert [row["name"] for row in study["rows"]] == ROWS
    assert [[effect["pair"] for effect in row["effects"]] for row in study["rows"]] == [list(PAIRS)[:2], list(PAIRS)]
    shared = [pair["shares_images_with"] for pair in study["pairs"]]
    assert shared == [["two of test x DeepLab"], [], ["test x DeepLab"]]
    assert study["failed"] == []
    for pair in study["pairs"]:
        rows = results_of(studied.folder / pair["folder"])["rows"]
        assert (pair["miou"], pair["miou_gt_present"]) == (rows[0]["miou"], rows[0]["miou_gt_present"])
    folders = {pair["name"]: studied.folder / pair["folder"] for pair in study["pairs"]}
    for row in study["rows"]:
        for effect in row["effects"]:
            baseline, *others = results_of(folders[effect["pair"]])["rows"]
            own = next(other for other in others if other["name"] == effect["row"])
            gained = own["boundary"]["iou_before_gt_present"] - baseline["boundary"]["iou_before_gt_present"]
            assert effect["boundary_iou"] == pytest.approx(gained, abs=1e-12) != 0


def test_standard_errors_are_those_of_each_pairs_own_bootstrap(studied: Studied) -> None:
    study = study_of(studied.folder)
    primary = METRICS.index("miou_gt_present")
    evidence = Evidence.read(studied.folder / "pairs/val_x_DeepLab")
    resampled = bootstrap_differences(PairedCounts.from_counts(evidence.counts), 10_000, seed=5)[:, primary]
    for number, row in enumerate(study["rows"]):
        effect = next(effect for effect in row["effects"] if effect["pair"] == "val x DeepLab")
        assert effect["standard_error"] == pytest.approx(resampled[number].std(ddof=1), rel=0.05)


def test_two_pairs_are_pooled_as_by_hand(studied: Studied) -> None:
    """With two independent pairs all of it has a closed form."""
    row = study_of(studied.folder)["rows"][0]
    (y1, y2), (v1, v2) = zip(*((e["value"], e["standard_error"] ** 2) for e in row["effects"]), strict=True)
    # REML's tau of two: what the difference varies beyond its sampling.
    tau2 = max(0.0, ((y1 - y2) ** 2 - v1 - v2) / 2)
    w1, w2 = 1 / (v1 + tau2), 1 / (v2 + tau2)
    mean = (w1 * y1 + w2 * y2) / (w1 + w2)
    error = np.sqrt((w1 * (y1 - mean) ** 2 + w2 * (y2 - mean) ** 2) / (w1 + w2))
    assert row["pooled"]["mean"] == pytest.approx(mean, abs=1e-9)
    assert row["pooled"]["tau"] == pytest.approx(np.sqrt(tau2), abs=1e-6)
    assert row["pooled"]["high"] - row["pooled"]["mean"] == pytest.approx(12.706204736 * error, rel=1e-6)
    assert [effect["weight"] for effect in row["effects"]] == pytest.approx([w1 / (w1 + w2), w2 / (w1 + w2)])
    assert row["pooled"]["predicted_low"] is None
    assert [left["mean"] for left in row["left_out"]] == [y2, y1]


def test_rows_are_compared_with_the_control_on_the_same_images(studied: Studied) -> None:
    control, row = study_of(studied.folder)["rows"]
    assert "above" not in control
    above = row["above"]
    assert above["row"] == control["name"] == "none@crf"
    gains = {name: {e["pair"]: e["value"] for e in one["effects"]} for name, one in (("c", control), ("r", row))}
    assert {effect["pair"] for effect in above["effects"]} == set(list(PAIRS)[:2])
    for effect in above["effects"]:
        assert effect["value"] == pytest.approx(gains["r"][effect["pair"]] - gains["c"][effect["pair"]], abs=1e-12)
        assert effect["low"] <= effect["value"] <= effect["high"]
    assert above["pooled"]["pairs"] == 2
    # Each resample of the difference is that of two rows, as if the control were the baseline.
    evidence = Evidence.read(studied.folder / "pairs/val_x_DeepLab")
    swapped = PairedCounts.from_counts(evidence.counts[[1, 2]])
    resampled = bootstrap_differences(swapped, 10_000, seed=5)[0, METRICS.index("miou_gt_present")]
    ends = [above["effects"][1]["low"], above["effects"][1]["high"]]
    assert ends == pytest.approx(np.quantile(resampled, [0.025, 0.975]), abs=0.01)


def test_slopes_are_those_of_least_squares(studied: Studied) -> None:
    """Gain on the baseline's score of each image, by dummies for pairs in place of deviations from their means."""
    row = study_of(studied.folder)["rows"][1]
    gains, scores, pairs = [], [], []
    for number, (name, images) in enumerate(PAIRS.items()):
        counts = np.load(studied.folder / f"pairs/{FOLDERS[name]}/counts.npz")
        hit, truth, guess = (counts[key].astype(float) for key in ("intersection", "gt_area", "pred_area"))
        for image in range(images):
            present = truth[0, image] > 0
            iou = (hit / np.maximum(truth + guess - hit, 1))[:, image, present].mean(axis=1)
            gains.append(iou[-1] - iou[0])
            scores.append(iou[0])
            pairs.append(number)
    design = np.column_stack([scores, *(np.equal(pairs, n) for n in range(3))])
    slope = np.linalg.lstsq(design, np.array(gains), rcond=None)[0][0]
    found = {(own["name"], own["together"]): own for own in row["depends_on"]}
    assert found["baseline_score", False]["per_unit"] == pytest.approx(slope, abs=1e-9)
    # Two images are in two pairs.
    assert (found["baseline_score", False]["images"], found["baseline_score", False]["gains"]) == (6, 8)
    assert {"regions", "region_size", "border_share", "mean_score"} <= {name for name, _ in found}
    assert ("entropy", False) not in found


def test_tables_say_what_the_file_says(studied: Studied) -> None:
    row = study_of(studied.folder)["rows"][1]
    lines = list(csv.reader(io.StringIO((studied.folder / "study.csv").read_text())))
    cells = next(line for line in lines if line[:1] == [row["name"]])
    pooled = row["pooled"]
    assert cells[1:4] == [
        "3",
        f"{100 * pooled['mean']:+.2f}",
        f"[{100 * pooled['low']:+.2f}, {100 * pooled['high']:+.2f}]",
    ]
    assert f"{100 * pooled['mean']:+.2f}" in studied.out
    assert r"\toprule" in (studied.folder / "study.tex").read_text()
    assert row["name"] in (studied.folder / "study.md").read_text()


def test_costs_are_told_before(studied: Studied) -> None:
    costs = json.loads((studied.folder / "costs.json").read_text())
    assert {name: cost["images"] for name, cost in costs.items()} == PAIRS
    for name, cost in costs.items():
        assert cost["seconds"] > 0
        names = [row["name"] for row in results_of(studied.folder / f"pairs/{FOLDERS[name]}")["rows"]]
        assert list(cost["rows"]) == names[1:]
        assert all(seconds > 0 for seconds in cost["rows"].values())
    told, _, ran = studied.out.partition("test x DeepLab: running")
    assert "What is left to do" in told
    assert "In all about" in told
    assert ran
    assert not (studied.folder / "probes").exists()


def test_costs_add_up(study_file: Write, tmp_path: Path) -> None:
    plan = read_plan(study_file())
    folder = StudyFolder(tmp_path / "study")
    first, second, third = (pair.name for pair in plan.pairs)
    costs = {first: Cost(30, 6.0, {}), second: Cost(1000, 9.0, {})}
    for jobs, told in ((1, "about 2.5 h, one pair after another"), (2, "about 76 min, 2 pairs at a time")):
        table = cost_table(plan, folder, costs, jobs)
        assert list(table.rows) == [
            [first, "30", "6.00", "3 min"],
            [second, "1000", "9.00", "2.5 h"],
            [third, "?", "?", "?"],
        ]
        assert told in table.notes[0]


def test_no_image_is_encoded_twice(studied: Studied) -> None:
    for name in PAIRS:
        cache = results_of(studied.folder / f"pairs/{FOLDERS[name]}")["cache"]
        # Two by the probe; of pairs that share images by the first.
        assert cache["embeddings"]["misses"] == {3: 1, 2: 0}[PAIRS[name]]


@pytest.mark.usefixtures("forked_pairs")
def test_a_pair_that_fails_is_named_and_the_others_go_on(study_file: Write, run_cli: RunCli, tmp_path: Path) -> None:
    bad = {"init_args": {"ids": str(tmp_path / "none.txt")}}
    pairs = [{"name": "bad", "data": bad}, {"name": "good", "data": {"init_args": {"size": 1}}}]
    words = ["study", study_file(rows=["box"], pairs=pairs), "--output_dir", tmp_path / "study"]
    outcome = run_cli(*words)
    assert outcome.code == 2
    (line,) = outcome.err.splitlines()
    assert line.startswith("lit-samseg: error: 1 pair failed, bad: ")
    assert "--resume" in line
    assert str(tmp_path / "none.txt") in line
    study = study_of(tmp_path / "study")
    assert [pair["name"] for pair in study["pairs"]] == ["good"]
    assert [failed["pair"] for failed in study["failed"]] == ["bad"]
    assert "Not in it: bad" in (tmp_path / "study/study.md").read_text()
    assert "bad: failed" in outcome.out
    # What it said stays, to be read.
    assert "none.txt" in (tmp_path / "study/logs/bad-probe.txt").read_text()
    assert run_cli(*words).code == 2
    # Mended, the study goes on, and what was done is not done again.
    done = (tmp_path / "study/pairs/good/results.json").stat().st_mtime_ns
    study_file(rows=["box"], pairs=[{"name": "bad", "data": {"init_args": {"size": 2}}}, pairs[1]])
    assert run_cli(*words, "--resume", "--probe", "0").code == 0
    assert [pair["images"] for pair in study_of(tmp_path / "study")["pairs"]] == [2, 1]
    assert (tmp_path / "study/pairs/good/results.json").stat().st_mtime_ns == done


@pytest.mark.usefixtures("forked_pairs")
def test_where_all_pairs_fail_nothing_is_pooled(study_file: Write, run_cli: RunCli, tmp_path: Path) -> None:
    path = study_file(rows=["bx"], pairs=[{"name": "a"}])
    outcome = run_cli("study", path, "--output_dir", tmp_path / "study", "--probe", "1")
    assert outcome.code == 2
    assert "no pair could be run; a: variant 'bx'" in outcome.err
    assert not (tmp_path / "study/study.json").exists()


@pytest.mark.usefixtures("forked_pairs")
def test_a_plan_runs_nothing(study_file: Write, run_cli: RunCli, tmp_path: Path) -> None:
    words = ["study", study_file(pairs=[{"name": "a"}]), "--output_dir", tmp_path / "study", "--plan", "--probe", "1"]
    outcome = run_cli(*words)
    assert outcome.code == 0
    assert "What is left to do" in outcome.out
    assert not (tmp_path / "study/pairs").exists()


def test_a_folder_with_a_study_stays(studied: Studied, run_cli: RunCli) -> None:
    outcome = run_cli("study", studied.file, "--output_dir", studied.folder)
    assert outcome.code == 2
    assert "holds a study; go on with it by --resume" in outcome.err


def test_a_finished_study_is_pooled_again(studied: Studied, run_cli: RunCli, tmp_path: Path) -> None:
    shutil.copytree(studied.folder, tmp_path / "study")
    (tmp_path / "study/study.json").unlink()
    assert run_cli("study", studied.file, "--output_dir", tmp_path / "study", "--resume").code == 0
    assert (tmp_path / "study/study.json").read_bytes() == (studied.folder / "study.json").read_bytes()


def test_a_pair_with_other_options_is_refused(studied: Studied, run_cli: RunCli, tmp_path: Path) -> None:
    shutil.copytree(studied.folder, tmp_path / "study")
    study = yaml.safe_load(studied.file.read_text())
    study["pairs"][1]["data"]["init_args"]["size"] = 2
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(study))
    outcome = run_cli("study", tmp_path / "other.yaml", "--output_dir", tmp_path / "study", "--resume")
    assert outcome.code == 2
    assert "pair 'val x DeepLab' was run with other options: data.init_args.size was 3, is 2" in outcome.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--jobs", "0"], "0 is below 1"),
        (["--probe", "-1"], "-1 is below 0"),
        (["--resume", "maybe"], "neither true nor false"),
        (["--job", "x"], "'x' is no whole number"),
    ],
)
def test_wrong_words(words: list[str], said: str, studied: Studied, run_cli: RunCli, tmp_path: Path) -> None:
    outcome = run_cli("study", studied.file, "--output_dir", tmp_path / "study", *words)
    assert outcome.code == 2
    assert said in outcome.err
    assert not (tmp_path / "study").exists()


@pytest.mark.usefixtures("forked_pairs")
def test_a_study_that_was_killed_goes_on_to_the_same_files(studied: Studied, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    words = ["study", studied.file, "--output_dir", folder, "--resume", "--probe", "0"]
    for how, done in ((signal.SIGKILL, 1), (signal.SIGTERM, 4), (signal.SIGINT, 7)):
        command = Forked(words)
        while command.poll() is None and images_done(folder) < done:
            time.sleep(0.02)
        if how is signal.SIGKILL:
            command.kill()
        command.send_signal(how)
        _, errors = command.communicate(timeout=60)
        if how is not signal.SIGKILL and command.returncode:
            assert command.returncode == {signal.SIGTERM: 143, signal.SIGINT: 130}[how], errors
            assert "the same command with --resume goes on" in errors
    command = Forked(words)
    _, errors = command.communicate(timeout=120)
    assert command.returncode == 0, errors
    for name in FOLDERS.values():
        # What the cache held depends on what was tried before.
        assert_same(folder / "pairs" / name, studied.folder / "pairs" / name, (*VARYING, "cache"))
    ours, theirs = study_of(folder), study_of(studied.folder)
    for study in (ours, theirs):
        for varying in study["pairs"]:
            varying.pop("created")
            varying.pop("seconds")
        for row in study["rows"]:
            for effect in row["effects"]:
                effect.pop("seconds")
    assert ours == theirs


@pytest.mark.usefixtures("forked_pairs")
def test_shards_give_the_same_numbers(studied: Studied, study_file: Write, run_cli: RunCli, tmp_path: Path) -> None:
    pair = {"name": "val x DeepLab", "data": {"init_args": {"split": "val"}}}
    words = ["study", study_file(pairs=[pair]), "--output_dir", tmp_path / "study", "--probe", "0"]
    outcome = run_cli(*words, "--shards", "2", "--jobs", "3")
    assert outcome.code == 0, outcome.err
    assert_same_numbers(tmp_path / "study/pairs/val_x_DeepLab", studied.folder / "pairs/val_x_DeepLab")
    assert "shard 2 of 2 is done" in (tmp_path / "study/logs/val_x_DeepLab-shard-2.txt").read_text()
    assert "3 of 3 images are done already" in (tmp_path / "study/logs/val_x_DeepLab.txt").read_text()


def images_done(folder: Path) -> int:
    """Return about how many images of all pairs are done."""
    done = sum(1 for _ in folder.glob("cache/*/*.safetensors"))
    return min(done, 99)
