"""Rows that gate, add up scores or use a random field, beside rows that paint, through the real command line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from lit_samseg.analysis import LADDER, RUNGS
from lit_samseg.data.scene_generator import generate_scene
from lit_samseg.refine import (
    RECOMMENDED,
    Decision,
    merge,
    parse_variants,
    refine,
    refine_by_all,
)
from lit_samseg.sam import SegmentAnything
from tests.conftest import RunCli
from tests.recomputation import read_predictions, results_of
from tests.refine.contexts import context_of

ROWS = ["box", "box@gate=0.6", RECOMMENDED, "none@crf"]


@pytest.fixture(scope="module")
def sam() -> SegmentAnything:
    return SegmentAnything("demo")


def coarse_scene(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A scene, and its ground truth in blocks of 8 pixels."""
    image, target = generate_scene(5, seed)
    height, width = target.shape
    labels = np.where(target == 255, 0, target)[::8, ::8].repeat(8, 0).repeat(8, 1)[:height, :width]
    return torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(labels).long()


def test_a_run_with_rows_of_all_kinds(run_cli: RunCli, demo_config: Path, tmp_path: Path) -> None:
    words = ["test", "--config", demo_config, "--data.size=2", "--trainer.accelerator=cpu", "--gallery=false"]
    words += [f"--model.variants=[{', '.join(['box', 'box@gate=0.6', 'auto', 'none@crf'])}]"]
    outcome = run_cli(*words, "--model.save_predictions=true", "--output_dir", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    rows = {row["name"]: row for row in results_of(tmp_path / "run")["rows"]}
    assert list(rows) == ["baseline", *ROWS]
    # All steps are of rows that paint masks which are kept; of others and the baseline, those about recognition are.
    steps = {name: [rung["step"] for rung in row["ladder"]] for name, row in rows.items()}
    assert steps["box"] == ["refined", *RUNGS, *LADDER[1:]]
    assert steps["baseline"] == list(RUNGS)
    assert all(steps[name] == ["refined", *RUNGS] for name in ROWS[1:])
    # `auto` asks the baseline for its scores.
    assert {row["recognition"]["by_scores"] for row in rows.values()} == {2}
    known = np.load(tmp_path / "run/recognition.npz")
    assert known["rows"].tolist() == ["baseline", *ROWS]
    ladder = np.load(tmp_path / "run/ladder.npz")
    assert ladder["rows"].tolist() == ["box"]
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert RECOMMENDED in page
    before = (tmp_path / "run/results.json").read_bytes()
    assert run_cli("analyse", tmp_path / "run").code == 0
    assert json.loads((tmp_path / "run/results.json").read_text())["rows"] == json.loads(before)["rows"]
    shutil.copytree(tmp_path / "run", tmp_path / "again")
    assert run_cli("compare", tmp_path / "run", tmp_path / "again").code == 0
    assert run_cli("figure", tmp_path / "run", "ladder").code == 0
    predicted = {row: read_predictions(tmp_path / "run/predictions" / row.replace("/", "__")) for row in rows}
    for row in ROWS[1:]:
        assert any(not np.array_equal(predicted[row][i], predicted["baseline"][i]) for i in predicted["baseline"]), row


# The quicker one is the row of the test above; predict writes label maps of any row.
@pytest.mark.slow
def test_predict_with_the_recommended_row(run_cli: RunCli, demo_config: Path, tmp_path: Path) -> None:
    words = [
        "predict",
        "--config",
        demo_config,
        "--data.size=2",
        "--model.variants=[auto]",
        "--trainer.accelerator=cpu",
    ]
    outcome = run_cli(*words, "--output_dir", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    assert len(list((tmp_path / "run/predictions" / RECOMMENDED.replace("/", "__")).glob("*.png"))) == 2


@pytest.mark.parametrize("seed", range(4))
def test_a_gate_keeps_the_region(seed: int, sam: SegmentAnything) -> None:
    image, labels = coarse_scene(seed)
    (variant,) = parse_variants(["box@component/gate=0.75"], has_background=True)
    decisions: list[Decision] = []
    got = refine(context_of(labels, sam, image=image), variant, decisions.append)
    kept: dict[int, torch.Tensor] = {}
    gated = 0
    for decision in decisions:
        mask, area = decision.candidates[int(decision.chosen)], decision.region.mask
        if float((mask & area).sum() / (mask | area).sum()) < 0.75:
            mask, gated = area, gated + 1
        class_id = decision.region.class_id
        kept[class_id] = kept.get(class_id, torch.zeros_like(mask)) | mask
    assert gated > 0
    assert torch.equal(got, merge(kept, labels, "background", 0))


def test_rows_do_not_depend_on_each_other(sam: SegmentAnything) -> None:
    image, labels = coarse_scene(1)
    logits = torch.nn.functional.one_hot(labels, 9).permute(2, 0, 1) * 3.0
    variants = parse_variants([*ROWS, "points", "point+box+mask@component/fuse"], has_background=True)
    together = refine_by_all(context_of(labels, sam, image=image, logits=logits), variants)
    for variant in variants:
        alone = refine(context_of(labels, sam, image=image, logits=logits), variant)
        assert alone.dtype == labels.dtype
        assert torch.equal(together[variant.name], alone)
