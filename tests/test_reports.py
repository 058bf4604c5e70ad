"""What a run says of its rows, computed again from its files, and runs against each other: by the real commands."""

import csv
import json
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
from PIL import Image

from lit_samseg.analysis import LADDER, RUNGS
from lit_samseg.metrics import score
from lit_samseg.results.evidence import Evidence
from lit_samseg.results.record import RunRecord
from tests.conftest import PROJECT, RunCli
from tests.recomputation import results_of

SCHEMA = json.loads((files("lit_samseg.results") / "results.schema.json").read_text(encoding="utf-8"))
WORDS = ["test", "--config", PROJECT / "configs/demo.yaml", "--trainer.accelerator=cpu"]
WORDS += ["--gallery=false", "--report=false"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of other variants over the same six scenes."""
    from lit_samseg.__main__ import main

    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["lit-samseg"])
        for name, extra in (
            (
                "one",
                [
                    "--model.variants=[box, points+box+mask@component, box@class/single]",
                    "--model.save_predictions=true",
                ],
            ),
            ("two", ["--model.variants=[box, point]", "--model.sam.precision=bf16", "--model.analysis=false"]),
        ):
            main(
                [
                    str(word)
                    for word in [
                        *WORDS,
                        "--data.size=6",
                        f"--output_dir={root / name}",
                        *extra,
                    ]
                ]
            )
    return root


def test_results_follow_the_schema(runs: Path) -> None:
    for name in ("one", "two"):
        results = results_of(runs / name)
        jsonschema.validate(results, SCHEMA)
        assert {"difference", "harm", "boundary"} <= results["rows"][1].keys()
        assert ("ladder" in results["rows"][1]) == (name == "one")
    broken = results_of(runs / "one")
    broken["rows"][1]["difference"]["miou"]["verdict"] = "maybe"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA)


def test_the_rows_evidence_is_consistent(runs: Path) -> None:
    """The ladder starts at the row, regions are those of the label maps, gains are differences of scores."""
    evidence = Evidence.read(runs / "one")
    assert evidence.ladder is not None
    assert evidence.regions is not None
    assert np.array_equal(evidence.ladder[:, 0], evidence.counts[1:])
    assert evidence.recognition is not None
    assert evidence.recognition.by_scores.tolist() == [0] * 6
    results = results_of(runs / "one")
    baseline = results["rows"][0]
    for index, row in enumerate(results["rows"][1:], start=1):
        assert row["difference"]["miou_gt_present"]["value"] == pytest.approx(
            row["miou_gt_present"] - baseline["miou_gt_present"]
        )
        rungs = {rung["step"]: rung for rung in row["ladder"]}
        assert list(rungs) == ["refined", *RUNGS, *LADDER[1:]]
        for name, counts in zip(LADDER, evidence.ladder[index - 1], strict=True):
            assert rungs[name]["miou"] == pytest.approx(score(counts).miou)
        areas = evidence.counts[index, 1]
        for name, (right, predicted) in zip(RUNGS, evidence.recognition.pixels[index], strict=True):
            after = score(np.stack([right, areas, predicted])).miou_gt_present
            assert rungs[name]["gain"] == pytest.approx(after - row["miou_gt_present"])
        mine = [region for region in evidence.regions if region["row"] == row["name"]]
        assert sum(tag["count"] for tag in row["tags"] if tag["tag"] == "clean") == sum(
            r["tags"] == ["clean"] for r in mine
        )
        for region in mine:
            assert region["after"] == region["truth"][region["chosen"]]
            assert region["best"] == max(region["truth"]) >= region["after"]
            if row["name"] != "box@class/single":
                assert region["chosen"] == int(np.argmax(region["iou"]))
        names = results["dataset"]["class_names"]
        first = np.array(Image.open(runs / "one/predictions/baseline/scene_00000.png"))
        seen = {region["class"]: region["area"] for region in mine if region["id"] == "scene_00000"}
        if "component" not in row["name"]:
            assert seen == {names[c]: int((first == c).sum()) for c in np.unique(first) if c}


def test_perfect_prompts_help_these_boxes(runs: Path) -> None:
    """A ladder that measures anything: with its box from the ground truth this SAM draws better masks."""
    gains = {step["step"]: step["gain"] for step in results_of(runs / "one")["rows"][1]["ladder"]}
    assert gains["true prompts"] > 0.05
    # This row asks by boxes.
    assert gains["true boxes"] == gains["true prompts"]
    assert gains["objects"] >= gains["classes"] > 0
    assert gains["merging"] > 0
    assert gains["oracle"] >= gains["score"]


def test_boundary_scores_come_from_the_predictions(runs: Path) -> None:
    from lit_samseg.data import Scenes
    from lit_samseg.metrics import BoundaryIoU

    data = Scenes(6)
    for row in results_of(runs / "one")["rows"][:2]:
        metric = BoundaryIoU(9, 255)
        for path in sorted((runs / "one/predictions" / row["name"]).iterdir()):
            target = data.read(path.stem, True).target
            assert target is not None

            metric.update(torch.from_numpy(np.array(Image.open(path))).long(), target.long())
        assert float(metric.compute()) == pytest.approx(row["boundary"]["iou_before"], abs=1e-6)


def test_analyse_computes_the_same_again_without_a_model(runs: Path, run_cli: RunCli, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(runs / "one", tmp_path / "one"))
    derived = ["per_image.csv", "per_class.csv", "tables.md", "tables.tex", "tables.csv"]
    before = {name: (folder / name).read_bytes() for name in [*derived, "results.json"]}
    for name in derived:
        (folder / name).unlink()
    results = results_of(folder)
    # What a row is made of follows from no count.
    results["rows"] = [{key: row[key] for key in ("name", "parts") if key in row} for row in results["rows"]]
    (folder / "results.json").write_text(json.dumps(results))
    outcome = run_cli("analyse", folder)
    assert outcome.code == 0, outcome.err
    assert {name: (folder / name).read_bytes() for name in before} == before
    for word in ("verdict", "Where the difference comes from", "Regions of box", "worst image", f"Written to {folder}"):
        assert word in outcome.out


def test_compare_puts_runs_side_by_side(runs: Path, run_cli: RunCli, tmp_path: Path) -> None:
    outcome = run_cli("compare", runs / "one", runs / "two", "--output_dir", tmp_path)
    assert outcome.code == 0, outcome.err
    for row in ("one: box", "one: points+box+mask@component", "two: box", "two: point"):
        assert row in outcome.out
    # Both runs have one baseline, so it stands there once.
    assert "two: baseline" not in outcome.out
    text = (tmp_path / "comparison.csv").read_text(encoding="utf-8")
    scores = list(csv.reader(text.split("\n\n")[0].splitlines()[1:]))
    ours = {row[0]: row[1] for row in scores[1:]}
    for name in ("one", "two"):
        for row in results_of(runs / name)["rows"][1:]:
            assert ours[f"{name}: {row['name']}"] == f"{100 * row['miou']:.2f}"
    assert r"\toprule" in (tmp_path / "comparison.tex").read_text()
    assert "| one: box |" in (tmp_path / "comparison.md").read_text()
    # bf16 against fp32 of one row, as one would do by hand.
    a, b = (results_of(runs / name)["rows"][1]["miou_gt_present"] for name in ("one", "two"))
    assert f"{100 * (b - a):+.2f}" in outcome.out.split("Against the same row of one")[1]


def test_another_baseline_is_a_row_of_its_own(runs: Path, run_cli: RunCli, tmp_path: Path) -> None:
    one, two = (RunRecord.read(runs / name) for name in ("one", "two"))
    # As a run on the label maps that the first one's row `box` wrote.
    counts = np.stack([one.evidence.counts[one.evidence.rows.index("box")], two.evidence.counts[1]])
    facts: Any = one.facts | {"tags": []}
    RunRecord(Evidence(["baseline", "box"], one.evidence.ids, counts), one.class_names, facts).write(tmp_path / "boxes")
    outcome = run_cli("compare", runs / "one", tmp_path / "boxes")
    assert outcome.code == 0, outcome.err
    scores, pairs = outcome.out.split("Against the same row")
    # Its baseline is the first run's row `box`.
    (line,) = [line.split() for line in scores.splitlines() if line.strip().startswith("boxes: baseline")]
    (same,) = [line.split() for line in scores.splitlines() if line.strip().startswith("one: box ")]
    assert line[2:6] == same[2:6]
    assert "boxes: baseline" in pairs


def test_runs_that_cannot_be_compared(runs: Path, run_cli: RunCli, tmp_path: Path) -> None:
    two = RunRecord.read(runs / "two")
    ids = list(two.evidence.ids[:4])
    facts: Any = two.facts | {"dataset": two.facts["dataset"] | {"ids": ids}}
    RunRecord(Evidence(["baseline"], ids, two.evidence.counts[:1, :, :4]), two.class_names, facts).write(
        tmp_path / "four"
    )
    cases: list[tuple[list[Any], str]] = [
        ([runs / "one", tmp_path / "four"], "2 only in"),
        ([runs / "one", tmp_path / "none"], "no such run"),
        ([runs / "one", runs / "one"], "a run is given twice"),
        ([runs / "one"], "two or more runs"),
        ([tmp_path, runs / "one"], "results.json cannot be read"),
    ]
    for folders, complaint in cases:
        outcome = run_cli("compare", *folders)
        assert outcome.code == 2
        assert "Traceback" not in outcome.err
        assert complaint in outcome.err
    assert "scene_00004, scene_00005" in run_cli("compare", runs / "one", tmp_path / "four").err


def test_broken_runs_are_named(runs: Path, run_cli: RunCli, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(runs / "one", tmp_path / "run"))
    for name, content, complaint in (
        ("ladder.npz", b"PK\x03\x04 cut", "ladder.npz"),
        ("recognition.npz", b"PK\x03\x04 cut", "recognition.npz"),
        ("counts.npz", b"", "counts.npz"),
        ("results.json", b"{}", "is not the results.json of a test"),
        ("results.json", b'{"schema_version": 99, "dataset": {"class_names": []}}', "has schema_version 99"),
    ):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(content)
        outcome = run_cli("analyse", folder)
        assert outcome.code == 2
        assert complaint in outcome.err
        assert "Traceback" not in outcome.err
        (folder / name).write_bytes(whole)
    (folder / "counts.npz").unlink()
    assert "has no counts.npz" in run_cli("analyse", folder).err


def test_files_of_another_run_are_refused(runs: Path, run_cli: RunCli, tmp_path: Path) -> None:
    """Numbers of other images must not be mixed in, wherever the files came from."""
    for name in ("boundary.npz", "ladder.npz", "recognition.npz", "regions.csv"):
        folder = Path(shutil.copytree(runs / "one", tmp_path / name))
        if name == "regions.csv":
            lines = (folder / name).read_text().splitlines()
            (folder / name).write_text("\n".join([lines[0], lines[1].replace("scene_", "other_")]))
        else:
            arrays = dict(np.load(folder / name))
            np.savez(folder / name, **arrays | {"ids": arrays["ids"][::-1]})
        outcome = run_cli("analyse", folder)
        assert outcome.code == 2
        assert f"{name} is of another run than counts.npz" in outcome.err


@pytest.mark.parametrize("command", ["analyse", "compare"])
def test_help_and_wrong_words(command: str, run_cli: RunCli) -> None:
    outcome = run_cli(command, "--help")
    assert outcome.code == 0
    assert "RUN" in outcome.out
    assert run_cli(command).code == 2
    assert run_cli(command, "x", "--outputdir=y").code == 2
    assert command in run_cli("--help").out


def test_an_earlier_release_s_runs_are_read(runs: Path, run_cli: RunCli, tmp_path: Path) -> None:
    """Schema 1 had counts alone."""
    folder = Path(shutil.copytree(runs / "one", tmp_path / "old"))
    for name in ("boundary.npz", "ladder.npz", "recognition.npz", "regions.csv"):
        (folder / name).unlink()
    results = results_of(folder)
    del results["tags"]
    (folder / "results.json").write_text(json.dumps(results | {"schema_version": 1}))
    outcome = run_cli("analyse", folder)
    assert outcome.code == 0, outcome.err
    row = results_of(folder)["rows"][1]
    assert "ladder" not in row
    assert "boundary" not in row
    assert row["difference"] == results["rows"][1]["difference"]


def test_runs_of_the_release_before_are_read(runs: Path, run_cli: RunCli, tmp_path: Path) -> None:
    """Schema 2 had steps about SAM's masks alone, ``prompts`` among them, which is ``true prompts`` now."""
    folder = Path(shutil.copytree(runs / "one", tmp_path / "old"))
    (folder / "recognition.npz").unlink()
    ladder = dict(np.load(folder / "ladder.npz"))
    kept = [n for n, step in enumerate(LADDER) if step != "true boxes"]
    names = ["prompts" if LADDER[n] == "true prompts" else LADDER[n] for n in kept]
    counts = {name: ladder[name][:, kept] for name in ("intersection", "gt_area", "pred_area")}
    np.savez(folder / "ladder.npz", **ladder | counts | {"steps": np.array(names)})
    new = results_of(folder)
    old = [{key: value for key, value in row.items() if key != "recognition"} for row in new["rows"]]
    (folder / "results.json").write_text(json.dumps(new | {"schema_version": 2, "rows": old}))
    outcome = run_cli("report", folder)
    assert outcome.code == 2
    assert "lit-samseg analyse" in outcome.err
    outcome = run_cli("compare", folder, runs / "one")
    assert outcome.code == 0, outcome.err
    # Only one of the runs knows.
    known = outcome.out.split("What recognition is worth")[1].split("What is not found")[0]
    assert "one: box " in known
    assert "old: box " not in known
    assert "old: box " in outcome.out.split("Where the difference comes from")[1]
    assert run_cli("analyse", folder).code == 0
    assert results_of(folder)["schema_version"] == 3
    ladders = [
        {rung["step"]: rung["gain"] for rung in results["rows"][1]["ladder"]} for results in (results_of(folder), new)
    ]
    assert list(ladders[0]) == ["refined", "score", "oracle", "true prompts", "merging", "gate"]
    assert all(ladders[1][step] == gain for step, gain in ladders[0].items())
    assert "ladder" not in results_of(folder)["rows"][0]
    jsonschema.validate(results_of(folder), SCHEMA)
    assert run_cli("report", folder).code == 0
