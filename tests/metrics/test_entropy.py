"""The entropy of the baseline's scores, from the scores to a run's files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from lit_samseg.data import Scenes
from lit_samseg.metrics.entropy import Entropy
from lit_samseg.metrics.metric import ImageFacts, ImageRows
from lit_samseg.pooling import image_facts
from lit_samseg.refine.grid import make_grid
from lit_samseg.results.evidence import Evidence
from lit_samseg.sam.frame import Frame
from tests.conftest import PROJECT, run_quietly
from tests.recomputation import results_of


def test_entropy_of_scores_is_scipys() -> None:
    logits = torch.randn(4, 15, 20, generator=torch.Generator().manual_seed(0)) * 2
    image = torch.zeros(3, 60, 80, dtype=torch.uint8)
    labels = torch.zeros(60, 80, dtype=torch.int64)
    # A cell of the grid is a score.
    found = make_grid(image, labels, logits, Frame(60, 80, 80, 20), None).entropy
    assert found is not None
    assert float(found) == pytest.approx(entropy(logits.softmax(0).numpy(), axis=0).mean(), rel=1e-5)
    alike = make_grid(image, labels, torch.zeros(4, 15, 20), Frame(60, 80, 80, 20), None).entropy
    assert alike is not None
    assert float(alike) == pytest.approx(np.log(4), rel=1e-6)


def test_a_label_map_says_nothing_of_it() -> None:
    grid = make_grid(
        torch.zeros(3, 60, 80, dtype=torch.uint8), torch.zeros(60, 80).long(), None, Frame(60, 80, 80, 20), 0
    )
    assert grid.entropy is None
    maps = torch.zeros(2, 6, 8, dtype=torch.int16)
    counts = Entropy().count_rows(ImageRows(ImageFacts("i", 2, 255), maps, maps[0].long(), grid.entropy))
    assert {name: array.tolist() for name, array in counts.items()} == {"nats": [0.0, 0.0], "known": [0, 0]}
    assert np.isnan(Entropy().score_images({name: array[:1] for name, array in counts.items()})["mean"])


@pytest.mark.parametrize(("row", "known"), [("box@component/fuse", True), ("box", False)])
def test_a_run_keeps_it_where_a_row_asks_for_scores(tmp_path: Path, row: str, known: bool) -> None:
    run_quietly(
        *("test", "--config", PROJECT / "configs/demo.yaml", "--trainer.accelerator=cpu", "--data.size=3"),
        *(f"--model.variants=[{row}]", "--model.metrics=[entropy]", "--model.analysis=false", "--gallery=false"),
        *("--report=false", "--data.num_workers=0", f"--output_dir={tmp_path}"),
    )
    evidence = Evidence.read(tmp_path)
    counts = evidence.metrics["entropy"]
    assert counts["known"].tolist() == [[int(known)] * 3] * 2
    assert np.array_equal(counts["nats"][0], counts["nats"][1])
    means = [row["metrics"]["entropy"]["mean"] for row in results_of(tmp_path)["rows"]]
    found = image_facts(evidence, evidence.rows[1])["entropy"]
    if known:
        assert means == [pytest.approx(found.mean(), rel=1e-12)] * 2
        assert ((found > 0) & (found < np.log(len(Scenes(1).class_names)))).all()
    else:
        assert means == [None, None]
        assert np.isnan(found).all()
    assert "entropy" not in (tmp_path / "tables.md").read_text(encoding="utf-8")
