"""More classes than a byte holds: masks and label maps of 16 bits through the real command line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene
from tests.conftest import RunCli
from tests.recomputation import read_predictions, results_of

CLASSES, VOID = 300, 65_535
SCATTERED = np.array([255, 7, 256, 299, 42, 254])
"""Class ids in the place of the scenes' own, among them what a byte has as void, and what it has not."""


def save(path: Path, labels: np.ndarray) -> None:
    Image.fromarray(labels.astype(np.uint16)).save(path)


@pytest.fixture
def words(tmp_path: Path) -> list[object]:
    """Two scenes with classes that are scattered over 300; a PNG and a TIFF as masks."""
    for name in ("images", "masks", "maps"):
        (tmp_path / name).mkdir()
    for n, suffix in enumerate((".png", ".tif")):
        image, scene = generate_scene(SPLIT_SEEDS["test"], 1000 + n)
        labels = np.where(scene == 255, VOID, SCATTERED[np.minimum(scene, len(SCATTERED) - 1)])
        coarse = labels[::8, ::8].repeat(8, 0).repeat(8, 1)[: scene.shape[0], : scene.shape[1]]
        Image.fromarray(image).save(tmp_path / f"images/{n}.png")
        save(tmp_path / f"masks/{n}{suffix}", labels)
        save(tmp_path / f"maps/{n}.png", np.where(coarse == VOID, 255, coarse))
    return [
        "--data=lit_samseg.data.Folder", "--data.images", tmp_path / "images", "--data.masks", tmp_path / "masks",
        f"--data.num_classes={CLASSES}", "--data.num_workers=0", "--model=lit_samseg.module.SamSegEvaluation",
        "--model.baseline=lit_samseg.baselines.Precomputed", "--model.baseline.root", tmp_path / "maps",
        "--model.sam=lit_samseg.sam.SegmentAnything", "--model.sam.checkpoint=demo", "--trainer.accelerator=cpu",
    ]  # fmt: skip


def test_scores_files_and_figures(words: list[object], run_cli: RunCli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    rows = ["--model.variants=[box, auto]", "--model.save_predictions=true", "--report=false", "--output_dir", out]
    outcome = run_cli("test", *words, *rows)
    assert outcome.code == 0, outcome.err
    results, counts = results_of(out), np.load(out / "counts.npz")
    assert results["dataset"]["ignore_index"] == VOID
    truth = [np.array(Image.open(tmp_path / f"masks/{name}")) for name in ("0.png", "1.tif")]
    assert {255, 256, 299} <= set(np.unique(np.concatenate([labels.ravel() for labels in truth])).tolist())
    for place, row in enumerate(results["rows"]):
        written = read_predictions(out / "predictions" / row["name"].replace("/", "__"))
        for n, labels in enumerate(truth):
            own = written[str(n)]
            assert own.dtype == np.uint16
            seen = labels != VOID
            for name, areas in (
                ("intersection", labels[seen & (own == labels)]), ("gt_area", labels[seen]), ("pred_area", own[seen])
            ):  # fmt: skip
                assert np.array_equal(counts[name][place, n], np.bincount(areas, minlength=CLASSES)), row["name"]
        if place == 0:
            for n in range(2):
                assert np.array_equal(written[str(n)], np.array(Image.open(tmp_path / f"maps/{n}.png")))
    assert results["rows"][0]["miou"] > 0.3
    assert results["rows"][0]["boundary"]["mba"] > 0
    shown = run_cli("figure", out, "4", "--row", "box", "--ids", "1", "--output", tmp_path / "figure.svg")
    assert shown.code == 0, shown.err
    shown = run_cli("report", out)
    assert shown.code == 0, shown.err


@pytest.mark.slow
def test_predictions_without_ground_truth(words: list[object], run_cli: RunCli, tmp_path: Path) -> None:
    """What a row writes, another run takes as its baseline; void of label maps is 65535 too."""
    path = tmp_path / "maps/0.png"
    labels = np.array(Image.open(path))
    labels[:8] = VOID
    save(path, labels)
    rest = ["--model.baseline.ignore_index", VOID, "--model.variants=[box]", "--output_dir", tmp_path / "out"]
    outcome = run_cli("predict", *words, *rest)
    assert outcome.code == 0, outcome.err
    written = read_predictions(tmp_path / "out/predictions/baseline")
    assert np.array_equal(written["0"], labels)
    assert (tmp_path / "out/overlays/baseline/1.jpg").is_file()
    refined = tmp_path / "out/predictions/box"
    # Without a background, what no mask claims is as it was.
    assert set(np.unique(read_predictions(refined)["0"][:8])) >= {VOID}
    again = [*words, *rest[:-1], tmp_path / "again", "--model.baseline.root", refined]
    assert run_cli("predict", *again).code == 0
    assert np.array_equal(
        read_predictions(tmp_path / "again/predictions/baseline")["1"], read_predictions(refined)["1"]
    )
