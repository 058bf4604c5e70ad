"""Label maps with void, as seeds of weak supervision: never prompted, never a class without a word, scored as wrong."""

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from tests.conftest import RunCli, SmallVoc, save_indices
from tests.recomputation import read_predictions, recompute, results_of

VOID = 255
WORDS = ("--model.baseline.ignore_index=255", "--model.save_predictions=true")


@pytest.fixture
def seeds(small_voc: SmallVoc) -> SmallVoc:
    """Of each label map a part is void; of the first one all."""
    for n, image_id in enumerate(small_voc.ids):
        path = small_voc.coarse / f"{image_id}.png"
        labels = np.array(Image.open(path))
        labels[:, ::2] = VOID
        save_indices(path, np.full_like(labels, VOID) if n == 0 else labels)
    return small_voc


def test_void_is_scored_as_wrong_and_written_as_void(seeds: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    kept = "box@class/iou/baseline"
    words = [*seeds.words(), *WORDS, f"--model.variants=[{kept}, box, none@crf, auto]", "--gallery=true"]
    outcome = run_cli(*words, f"--data.ids={listed(seeds.ids[:2], tmp_path)}", f"--output_dir={tmp_path}/out")
    assert outcome.code == 0, outcome.err
    results = results_of(tmp_path / "out")
    jsonschema.validate(results, json.loads((files("lit_samseg.results") / "results.schema.json").read_text()))
    assert results["baseline"]["void"] == VOID
    truth = {i: np.array(Image.open(seeds.base / f"SegmentationClass/{i}.png")) for i in seeds.ids[:2]}
    written = {
        row["name"]: read_predictions(tmp_path / "out/predictions" / row["name"].replace("/", "__"))
        for row in results["rows"]
    }
    for row in results["rows"]:
        own = written[row["name"]]
        expected = recompute(own, truth, 21)
        assert {key: row[key] for key in expected} == pytest.approx(expected, abs=1e-12), row["name"]
        seen = {i: truth[i] != 255 for i in truth}
        void = sum((own[i][seen[i]] == VOID).sum() for i in truth) / sum(s.sum() for s in seen.values())
        assert row.get("void", 0) == pytest.approx(void, abs=1e-12)
    first, other = seeds.ids[:2]
    for image_id in (first, other):
        given = np.array(Image.open(seeds.coarse / f"{image_id}.png"))
        assert np.array_equal(written["baseline"][image_id], given)
        left = written[kept][image_id] == VOID
        assert left.any()
        assert not (left & (given != VOID)).any()
    # Nothing is known of the first image, and nothing is made up.
    assert all((maps[first] == VOID).all() for maps in written.values())
    filled = [row for row in written if row not in ("baseline", kept)]
    assert len(filled) == 3
    assert not any((written[row][other] == VOID).any() for row in filled)
    assert "Pixels without any class, scored as wrong: baseline" in outcome.out
    words = ["figure", tmp_path / "out", "4", "--row", kept, "--ids", other]
    shown = run_cli(*words, "--output", tmp_path / "figure.svg")
    assert shown.code == 0, shown.err


def listed(ids: list[str], folder: Path) -> Path:
    path = folder / "few.txt"
    path.write_text("\n".join(ids))
    return path
