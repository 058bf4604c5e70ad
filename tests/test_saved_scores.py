"""``--model.save_scores``: what is written, read back, is as good as the network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lit_samseg.baselines import MobileNetV2DeepLab, ScoreFolder
from lit_samseg.evaluation.predictor import Predictor
from lit_samseg.formats.reading import read_image
from lit_samseg.formats.score_files import write_scores
from lit_samseg.module import SamSegEvaluation
from lit_samseg.refine import parse_variants
from lit_samseg.sam import SegmentAnything
from lit_samseg.writing.scores import stored_scores
from tests.conftest import SHARED, RunCli, SmallVoc
from tests.recomputation import read_predictions

SCENES = ("--data.size=3", "--trainer.accelerator=cpu", "--gallery=false", "--report=false", "--model.analysis=false")
WORDS = ("test", "--config=configs/demo.yaml", *SCENES, "--model.variants=[auto, none@densecrf]")
SAVED = ("--model.save_predictions=true",)


def maps_of(folder: Path) -> dict[str, dict[str, NDArray[Any]]]:
    return {row.name: read_predictions(row) for row in sorted((folder / "predictions").iterdir()) if row.is_dir()}


@pytest.mark.parametrize("dtype", ["fp16", "fp32"])
def test_rows_of_scores_from_files_are_those_of_the_network(dtype: str, run_cli: RunCli, tmp_path: Path) -> None:
    out, again = tmp_path / "out", tmp_path / "again"
    options = ("--model.save_scores=true", f"--model.save_scores_dtype={dtype}")
    outcome = run_cli(*WORDS, *SAVED, *options, "--output_dir", out)
    assert outcome.code == 0, outcome.err
    assert not (out / "scores.partial").exists()
    files = sorted((out / "scores").glob("*.npz"))
    assert [path.name for path in files] == [f"scene_{n:05d}.npz" for n in range(3)]
    with np.load(files[0]) as file:
        assert list(file) == ["logits"]
        assert file["logits"].dtype == {"fp16": np.float16, "fp32": np.float32}[dtype]
        assert len(file["logits"]) == 9
    words = ("--model.baseline=lit_samseg.baselines.ScoreFolder", f"--model.baseline.root={out / 'scores'}")
    outcome = run_cli(*WORDS, *SAVED, *words, "--output_dir", again)
    assert outcome.code == 0, outcome.err
    expected, found = maps_of(out), maps_of(again)
    assert list(found) == list(expected)
    assert len(expected) == 3
    for row, maps in expected.items():
        for image_id, labels in maps.items():
            share = float((found[row][image_id] != labels).mean())
            # The baseline's labels stay where they are, to the pixel.
            assert share <= (0.001 if dtype == "fp16" and row != "baseline" else 0), (row, image_id)
    assert any(len(np.unique(labels)) > 1 for labels in expected["baseline"].values())


def test_an_interrupted_run_goes_on(run_cli: RunCli, tmp_path: Path) -> None:
    """Rows that need no scores do not keep them from being asked for; what is finished is not done again."""
    out, whole = tmp_path / "out", tmp_path / "whole"
    words = ("predict", *WORDS[1:2], *SCENES[:2], "--model.variants=[box]", "--model.save_scores=true", "--output_dir")
    run_cli(*words, whole)
    evaluate, left = SamSegEvaluation.label_maps, 2

    def some(module: SamSegEvaluation, *arguments: Any) -> Any:
        nonlocal left
        if not left:
            raise KeyboardInterrupt
        left -= 1
        return evaluate(module, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SamSegEvaluation, "label_maps", some)
        run_cli(*words, out)
    assert len(list((out / "scores.partial").glob("*.npz"))) == 2
    # Half a file is none.
    path = out / "scores.partial/scene_00000.npz"
    path.write_bytes(path.read_bytes()[:99])
    outcome = run_cli(*words, out, "--resume=true")
    assert outcome.code == 0, outcome.err
    assert "1 of 3 images are done already" in outcome.err
    for path in (whole / "scores").glob("*.npz"):
        assert (out / "scores" / path.name).read_bytes() == path.read_bytes()
    assert len(list((out / "scores").glob("*.npz"))) == 3
    # A later run without them leaves none of an earlier one's beside its own files.
    run_cli(*words[:-2], "--output_dir", out, "--overwrite=true")
    assert not (out / "scores").exists()


def test_label_maps_alone_have_no_scores(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    outcome = run_cli(*small_voc.words(), "--model.save_scores=true", "--output_dir", tmp_path / "out")
    assert outcome.code == 2
    assert "has no class scores; leave out --model.save_scores" in outcome.err


@pytest.mark.real
def test_a_real_networks_scores(tmp_path: Path) -> None:
    """To 0.01 % of the pixels in half precision, to the byte in single; each label map of the baseline to the pixel."""
    voc = SHARED / "data/VOCdevkit/VOC2012"
    baseline = MobileNetV2DeepLab(str(SHARED / "weights/deeplabv3_mobilenetv2_voc"))
    # Of what SAM says the rows are independent here, so that a small one will do.
    predictor = Predictor(SegmentAnything("demo"), baseline, background=0, num_classes=21)
    rows = parse_variants(["auto"], has_background=True)
    image_id = (voc / "ImageSets/Segmentation/val.txt").read_text().split()[4]
    image = read_image(voc / f"JPEGImages/{image_id}.jpg", upright=True)
    context = predictor.set_image(image)
    assert context.logits is not None
    logits, (expected,) = context.logits, predictor.refine(context, rows).values()
    for dtype, share in (("fp16", 1e-4), ("fp32", 0)):
        stored = stored_scores(logits, (image.shape[1], image.shape[2]), dtype)  # type: ignore[arg-type]
        write_scores(tmp_path / dtype / f"{image_id}.npz", stored.numpy())
        reading = Predictor(predictor.sam, ScoreFolder(str(tmp_path / dtype)), background=0, num_classes=21)
        again = reading.set_image(image, name=image_id)
        assert torch.equal(again.label_map, context.label_map)
        (found,) = reading.refine(again, rows).values()
        assert (found != expected).float().mean() <= share
    sizes = [(tmp_path / dtype / f"{image_id}.npz").stat().st_size for dtype in ("fp16", "fp32")]
    assert sizes[0] < sizes[1] / 4
