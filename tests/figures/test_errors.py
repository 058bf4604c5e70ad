"""What cannot be drawn ends with one line that says why, and what would help."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from lit_samseg.results.regions import read_regions, write_regions
from tests.conftest import Outcome, save_indices
from tests.figures.conftest import RunFigure

AS_SVG = ("--output", "figure.svg")
"""Where the format is not the point: a PDF takes three times as long, for its fonts."""


@pytest.fixture
def run(pictured_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy to break."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(pictured_run, tmp_path / "run"))


def complaint(outcome: Outcome) -> str:
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
    assert outcome.err.count("\n") == 1
    return outcome.err


def edit_config(run: Path, section: Any) -> None:
    path = run / "config.yaml"
    config = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(config | {"data": section}))


def test_label_maps_that_were_not_saved(run: Path, figure: RunFigure) -> None:
    shutil.rmtree(run / "predictions")
    for name in ("1", "4"):
        text = complaint(figure(run, name, "--ids", "scene_00002"))
        assert f"no label map {run}/predictions/baseline/scene_00002.png" in text
        assert "run the test again with --model.save_predictions true" in text
    # Figure 3 needs none.
    assert figure(run, "3", *AS_SVG).code == 0
    assert not (run / "figure_4.pdf").exists()


def test_label_maps_of_another_run(run: Path, figure: RunFigure) -> None:
    path = run / "predictions/box/scene_00001.png"
    labels = np.array(Image.open(path))
    changes = {
        "two pixels change places": np.roll(labels, 1, axis=1),
        "another size": labels[:-1],
        "another row": np.array(Image.open(run / "predictions/baseline/scene_00001.png")),
    }
    assert not np.array_equal(changes["another row"], labels)
    words = (run, "4", "--row=box", "--ids", "scene_00001")
    for what, changed in changes.items():
        save_indices(path, changed)
        text = complaint(figure(*words))
        assert f"{path} does not have the counts of {run}/counts.npz" in text, what
    save_indices(path, np.full_like(labels, 200))
    assert f"{path} has label 200; labels are 0..8" in complaint(figure(*words))
    path.write_bytes(b"no picture")
    assert f"{path} is not a picture" in complaint(figure(*words))
    save_indices(path, labels)
    assert figure(*words, *AS_SVG).code == 0
    # The other images and rows were as they had been.
    assert figure(run, "1", "--ids", "scene_00001", *AS_SVG).code == 0


def test_a_ground_truth_of_another_run(run: Path, figure: RunFigure) -> None:
    """The scenes of another split have the same ids."""
    for name in ("1", "3", "4"):
        text = complaint(figure(run, name, "--ids", "scene_00000", "--data.split=val"))
        assert "ground truth scene_00000 has other areas than" in text
        assert "give the run's own data set by --data options" in text


def test_prompts_of_another_run(run: Path, figure: RunFigure) -> None:
    path = run / "gallery/prompts/scene_00000.json"
    kept = json.loads(path.read_text())
    kept["prompts"][kept["rows"]["box"][0]]["box"][2] = 5000
    path.write_text(json.dumps(kept))
    text = complaint(figure(run, "3", "--ids", "scene_00000"))
    assert f"{path} has prompts of scene_00000 beyond its" in text
    path.unlink()
    assert f"{path} cannot be read" in complaint(figure(run, "3", "--ids", "scene_00000"))
    assert figure(run, "3", "--ids", "scene_00001", *AS_SVG).code == 0


def test_boxes_of_another_run_without_a_gallery(run: Path, figure: RunFigure) -> None:
    shutil.rmtree(run / "gallery")
    lines = (run / "regions.csv").read_text().splitlines()
    cells = lines[1].split(",")
    assert cells[:2] == ["scene_00000", "box"]
    cells[7] = "5000"
    (run / "regions.csv").write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")
    text = complaint(figure(run, "3", "--ids", "scene_00000"))
    assert "regions.csv has prompts of scene_00000 beyond its" in text
    assert figure(run, "3", "--ids", "scene_00001", *AS_SVG).code == 0


def test_prompts_need_a_gallery_or_an_analysis(run: Path, figure: RunFigure) -> None:
    shutil.rmtree(run / "gallery")
    assert figure(run, "3", "--ids", "scene_00001", *AS_SVG).code == 0
    (run / "regions.csv").rename(run / "kept.csv")
    assert "run it again with --gallery true or --model.analysis true" in complaint(figure(run, "3"))
    # A later run into the same folder may have made none, and left the file where it was.
    (run / "kept.csv").rename(run / "regions.csv")
    results = json.loads((run / "results.json").read_text())
    (run / "results.json").write_text(json.dumps(results | {"tags": []}))
    assert "run it again with --gallery true or --model.analysis true" in complaint(figure(run, "3"))


def test_words_about_rows_and_images(run: Path, figure: RunFigure) -> None:
    for words, expected in (
        (["4", "--row=point"], "the run has no row 'point' with SAM; there are box, points+box+mask"),
        (["classes", "--row=baseline"], "the run has no row 'baseline' with SAM"),
        (["1", "--ids", "scene_00000", "scene_00006"], "the run has no image 'scene_00006'"),
        (["4", "--count=0"], "--count is 0; a figure shows 1 to 40 images"),
    ):
        assert expected in complaint(figure(run, *words))


def without(row: dict[str, Any], key: str) -> dict[str, Any]:
    """Return a row without one of its keys."""
    return {name: value for name, value in row.items() if name != key}


def with_rows(run: Path, names: list[str]) -> None:
    """Give the run's rows other names; fewer leave rows out."""
    results = json.loads((run / "results.json").read_text())
    rows = ({key: value for key, value in row.items() if key != "parts"} for row in results["rows"])
    results["rows"] = [row | {"name": name} for row, name in zip(rows, names, strict=False)]
    (run / "results.json").write_text(json.dumps(results))
    arrays = dict(np.load(run / "counts.npz"))
    arrays = {key: value if key == "ids" else value[: len(names)] for key, value in arrays.items()}
    np.savez(run / "counts.npz", **arrays | {"rows": np.array(names)})
    # With what else is of other rows the run would be refused.
    for name in ("boundary.npz", "ladder.npz", "recognition.npz"):
        (run / name).unlink(missing_ok=True)
    write_regions(run / "regions.csv", [r for r in read_regions(run / "regions.csv") if r["row"] in names])


def test_runs_without_such_rows(run: Path, figure: RunFigure) -> None:
    with_rows(run, ["baseline", "mask", "none@crf"])
    assert "figure 3 shows boxes and points, and the run has none; rows that have: none" in complaint(figure(run, "3"))
    assert "and mask has none" in complaint(figure(run, "3", "--row=mask"))
    # The gallery is of other rows now.
    with_rows(run, ["baseline", "wide"])
    assert "kept no gallery with what wide asked SAM; run it again with --gallery true" in complaint(figure(run, "3"))
    with_rows(run, ["baseline"])
    assert "has no row with SAM; figure 4 needs one, figure 1 does not" in complaint(figure(run, "4"))
    assert "no row with SAM to pick images by; give --ids or --pick random" in complaint(figure(run, "1"))
    assert figure(run, "1", "--pick=random", *AS_SVG).code == 0
    assert "has no numbers for forest" in complaint(figure(run, "forest"))
    # The baseline has a ladder too, where an analysis was made.
    assert figure(run, "ladder", *AS_SVG).code == 0
    results = json.loads((run / "results.json").read_text())
    (run / "results.json").write_text(json.dumps(results | {"rows": [without(results["rows"][0], "ladder")]}))
    assert "has no numbers for ladder: no analysis was made" in complaint(figure(run, "ladder"))


def test_the_row_with_boxes_of_figure_3(run: Path, figure: RunFigure) -> None:
    with_rows(run, ["baseline", "point", "points+box@component"])
    # It has no regions under this name, and so no boxes; it is the one that is looked for.
    assert "(best of points+box@component)" in figure(run, "3", *AS_SVG).out


def test_broken_runs(run: Path, figure: RunFigure, tmp_path: Path) -> None:
    assert "no such run" in complaint(figure(tmp_path / "none", "1"))
    whole = (run / "results.json").read_text()
    results = json.loads(whole)
    (run / "results.json").write_text(json.dumps(results | {"schema_version": 1}))
    assert "earlier release; run 'lit-samseg analyse'" in complaint(figure(run, "forest"))
    (run / "results.json").write_text(json.dumps(results | {"rows": results["rows"][:2]}))
    assert "results.json and counts.npz have other rows" in complaint(figure(run, "1"))
    (run / "results.json").write_text(whole)
    (run / "counts.npz").unlink()
    assert figure(run, "forest", *AS_SVG).code == 0
    assert "has no counts.npz" in complaint(figure(run, "1"))


def test_configurations_without_a_data_set(run: Path, figure: RunFigure) -> None:
    kept = (run / "config.yaml").read_text()
    for section, expected in (
        (None, "has no section 'data' with a class_path"),
        ("scenes", "has no section 'data' with a class_path"),
        ({"class_path": "nowhere.Data"}, "No module named 'nowhere'"),
        ({"class_path": "lit_samseg.data.Scenes", "init_args": {"colour": 1}}, "'colour' is not accepted"),
        ({"class_path": "lit_samseg.data.Scenes", "init_args": {"size": -1}}, "data.size is -1; it cannot be negative"),
        ({"class_path": "lit_samseg.data.VOC2012", "init_args": {"root": "."}}, "has other classes than the run"),
    ):
        edit_config(run, section)
        assert expected in complaint(figure(run, "1")), section
    (run / "config.yaml").write_text("data: [")
    assert "has no section 'data'" in complaint(figure(run, "1"))
    (run / "config.yaml").unlink()
    assert "config.yaml cannot be read" in complaint(figure(run, "1"))
    # Plots need no data set.
    assert figure(run, "forest", *AS_SVG).code == 0
    (run / "config.yaml").write_text(kept)
    assert "'rot' is not accepted" in complaint(figure(run, "1", "--data.rot=x"))
    assert "Got value: many" in complaint(figure(run, "1", "--data.size", "many"))
    assert "data.images is for predict" in complaint(figure(run, "1", "--data.images", run / "predictions/box"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["2"], "invalid choice: '2'"),
        (["1", "--pick=all"], "invalid choice: 'all'"),
        (["1", "--ids", "a", "--pick=best"], "not allowed with argument"),
        (["1", "--ids", "a", "--count=2"], "--count is for --pick"),
        (["1", "--seed=2"], "--seed is for --pick random"),
        (["3", "--overlay=true"], "--overlay has no meaning for 3"),
        (["forest", "--ids", "a"], "--ids has no meaning for forest"),
        (["ladder", "--row=box"], "--row has no meaning for ladder"),
        (["trimap", "--data.root", "x"], "--data has no meaning for trimap"),
        (["1", "--out=x.pdf"], "unrecognized arguments"),
        (["1", "x"], "unrecognized arguments: x"),
    ],
)
def test_wrong_words(words: list[str], expected: str, pictured_run: Path, figure: RunFigure) -> None:
    outcome = figure(pictured_run, *words)
    assert outcome.code == 2
    assert expected in outcome.err.splitlines()[-1]
    assert "Traceback" not in outcome.err


def test_help(figure: RunFigure) -> None:
    outcome = figure("--help")
    assert outcome.code == 0
    for word in ("RUN", "--output", "--ids", "--pick", "--data.root DIR", "forest", "ground truth in red"):
        assert word in outcome.out
