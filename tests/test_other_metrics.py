"""A metric from outside, by the real command: it stands wherever the run's scores do."""

import csv
import json
import shutil
import sys
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
from PIL import Image

from lit_samseg.data import Scenes
from lit_samseg.metrics import find_metrics
from lit_samseg.results.evidence import Evidence
from tests.conftest import PROJECT, RunCli, refuses, run_quietly
from tests.metrics.test_specks import by_scipy
from tests.recomputation import results_of

SOURCE = '''"""How many classes a label map has."""

from lit_samseg.metrics import Column, Metric


class Kinds(Metric):
    word = "kinds"
    columns = (Column("mean", "kinds", "number", note="classes in a label map, per image"),)

    def count(self, label_map, target, image):
        return {"kinds": len(set(label_map.ravel().tolist())), "images": 1}

    def score(self, counts):
        return {"mean": counts["kinds"] / counts["images"]}
'''
WORDS = [
    "test", "--config", PROJECT / "configs/demo.yaml", "--trainer.accelerator=cpu", "--data.size=3", "--report=true",
    "--model.variants=[box]", "--model.analysis=false", "--gallery=false", "--data.num_workers=0",
]  # fmt: skip
METRICS = "--model.metrics=[specks, 'kinds_of_others:Kinds']"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with both metrics; the module is not to be found any more."""
    root = tmp_path_factory.mktemp("metrics")
    (root / "kinds_of_others.py").write_text(SOURCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(root)
        log = ["--trainer.logger=lightning.pytorch.loggers.CSVLogger", f"--trainer.logger.save_dir={root / 'log'}"]
        run_quietly(*WORDS, METRICS, *log, f"--output_dir={root / 'run'}")
        sys.modules.pop("kinds_of_others")
    return root


def test_its_numbers_are_those_of_the_label_maps(run: Path) -> None:
    results = results_of(run / "run")
    jsonschema.validate(results, json.loads((files("lit_samseg.results") / "results.schema.json").read_text()))
    for row in results["rows"]:
        paths = sorted((run / "run/predictions" / row["name"]).iterdir())
        maps = [np.array(Image.open(path)).astype(np.int64) for path in paths]
        specks = [by_scipy(label_map) for label_map in maps]
        assert row["metrics"]["kinds"] == {"mean": np.mean([len(np.unique(label_map)) for label_map in maps])}
        assert row["metrics"]["specks"]["per_image"] == np.mean([number for number, _ in specks])
        area = sum(pixels for _, pixels in specks) / sum(label_map.size for label_map in maps)
        assert row["metrics"]["specks"]["area"] == pytest.approx(area)
    data = Scenes(3, split="test")
    targets = [data.read(image_id, True).target for image_id in results["dataset"]["ids"]]
    true = [by_scipy(torch.where(t == 255, -1, t.long()).numpy()) for t in targets if t is not None]
    assert results["rows"][0]["metrics"]["specks"]["truth_per_image"] == np.mean([number for number, _ in true])


def test_tables_report_and_loggers_have_it(run: Path) -> None:
    value = f"{results_of(run / 'run')['rows'][1]['metrics']['kinds']['mean']:.2f}"
    for suffix in ("md", "tex", "csv"):
        text = (run / f"run/tables.{suffix}").read_text(encoding="utf-8")
        assert "specks" in text
        assert [line for line in text.splitlines() if line.strip(" |").startswith("box") and value in line]
    with (run / "run/tables.csv").open(newline="", encoding="utf-8") as file:
        header, _, box = list(csv.reader(file))[1:4]
    assert dict(zip(header, box, strict=True))["kinds"] == value
    page = (run / "run/report.html").read_text(encoding="utf-8")
    assert '<th scope="col" title="classes in a label map, per image.">kinds</th>' in page
    assert "kinds: classes in a label map, per image." in page
    (log,) = (run / "log").rglob("metrics.csv")
    with log.open(newline="") as file:
        logged = {key: number for line in csv.DictReader(file) for key, number in line.items() if number}
    assert float(logged["box/kinds/mean"]) == pytest.approx(float(value), abs=0.01)
    assert {"baseline/specks/per_image", "baseline/specks/area"} <= logged.keys()


def test_analyse_computes_it_again_or_keeps_its_numbers(run: Path, run_cli: RunCli, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run / "run", tmp_path / "run"))
    before = results_of(folder)
    broken = results_of(folder)
    for row in broken["rows"]:
        row["metrics"]["specks"]["per_image"] = 1e6
    (folder / "results.json").write_text(json.dumps(broken))
    outcome = run_cli("analyse", folder)
    assert outcome.code == 0, outcome.err
    assert results_of(folder) == before
    (line,) = outcome.err.splitlines()
    assert line.startswith("lit-samseg: metric kinds keeps the run's numbers; not computed again (metric 'kinds_of_ot")
    metrics = Evidence.read(folder).metrics
    assert {word: set(counts) for word, counts in metrics.items()} == {
        "kinds": {"kinds", "images"}, "specks": {"specks", "pixels", "true_specks", "area", "images"},
    }  # fmt: skip
    assert metrics["kinds"]["kinds"].shape == (2, 3)


def test_compare_shows_it(run: Path, run_cli: RunCli, tmp_path: Path) -> None:
    without = Path(shutil.copytree(run / "run", tmp_path / "without"))
    results = results_of(without)
    for row in results["rows"]:
        del row["metrics"]
    del results["metrics"]
    (without / "results.json").write_text(json.dumps(results))
    (without / "metrics.npz").unlink()
    outcome = run_cli("compare", run / "run", without, "--output_dir", tmp_path / "both")
    assert outcome.code == 0, outcome.err
    with (tmp_path / "both/comparison.csv").open(newline="", encoding="utf-8") as file:
        header, *lines = list(csv.reader(file))[1:5]
    cells = {line[0]: dict(zip(header, line, strict=True)) for line in lines}
    assert cells["run: box"]["kinds"] != "-"
    assert cells["without: box"]["kinds"] == cells["without: box"]["specks"] == "-"


def test_a_mistaken_word_is_one_line() -> None:
    assert refuses(lambda: find_metrics(["spekcs"], 8)).endswith("did you mean 'specks'?")
