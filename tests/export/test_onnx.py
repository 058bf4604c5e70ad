"""An exported SAM answers as the one it was made of, is refused where it does not, and stands in its place."""

import json
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lit_samseg.checkpoints.adapter import Adapter
from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.errors import InputError
from lit_samseg.export import OPSET, TOLERANCE, graphs, parity
from lit_samseg.export.folder import export_onnx
from lit_samseg.sam import OnnxSegmenter, Prompt, SegmentAnything, load_promptable_segmenter
from lit_samseg.sam.onnx_folder import OnnxSam, TrainedAdapter
from tests.conftest import PROJECT, RunCli
from tests.sam.tiny_hub import MODELS, save


def picture(height: int = 30, width: int = 41) -> Tensor:
    return torch.randint(0, 256, (3, height, width), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def prompts(height: int = 30, width: int = 41) -> list[Prompt]:
    """What the paper's rows ask, and points of both kinds."""
    points = torch.tensor([[3.0, 4.0], [20.0, 11.0], [33.5, 29.0]], dtype=torch.float64)
    box = torch.tensor([2.0, 3.0, 30.0, 25.0], dtype=torch.float64)
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[5:20, 8:30] = True
    return [
        Prompt(points=points[:1]),
        Prompt(points=points),
        Prompt(box=box),
        Prompt(points=points, box=box),
        Prompt(mask=mask),
        Prompt(points=points[1:], box=box, mask=mask),
        Prompt(points=points[:2], negative_points=points[2:]),
        Prompt(negative_points=points, box=box),
    ]


@pytest.mark.parametrize("multimask", [True, False])
def test_it_answers_as_the_sam_it_was_made_of(exported: Path, tiny_sam: SegmentAnything, multimask: bool) -> None:
    onnx = OnnxSegmenter(str(exported))
    [ours], [theirs] = tiny_sam.encode([picture()]), onnx.encode([picture()])
    assert theirs.frame == ours.frame
    assert torch.allclose(theirs.features, ours.features, atol=1e-4)
    expected, got = (sam.decode(one, prompts(), multimask) for sam, one in ((tiny_sam, ours), (onnx, theirs)))
    rows, columns = ours.frame.low_res_used
    assert got.low_res_logits.shape == expected.low_res_logits.shape
    wanted = expected.low_res_logits[..., :rows, :columns]
    assert torch.allclose(got.low_res_logits[..., :rows, :columns], wanted, atol=1e-4)
    assert torch.allclose(got.scores, expected.scores, atol=1e-4)
    # Prompts differ, and so do their answers.
    assert all((expected.scores[n] - expected.scores[n + 1]).abs().max() > 1e-3 for n in range(len(prompts()) - 1))
    assert len(onnx.decode(theirs, [], multimask)) == 0


def test_other_programs_may_pad_and_batch(exported: Path, tiny_sam: SegmentAnything) -> None:
    """The labels are segment-anything's, whose own prompt encoder and decoder answer here."""
    [embedding] = tiny_sam.encode([picture()])
    numbers = torch.Generator().manual_seed(2)
    coordinates = torch.rand(5, 4, 2, generator=numbers) * 64
    labels = torch.tensor([[1, 0, -1, -1], [1, 1, 1, 1], [0, 1, 2, 3], [2, 3, -1, -1], [-1, -1, -1, -1]])
    masks = torch.randn(5, 1, 32, 32, generator=numbers)
    encoder, decoder = tiny_sam.model.prompt_encoder, tiny_sam.model.mask_decoder
    with torch.no_grad():
        located = encoder.pe_layer.forward_with_coords(coordinates + 0.5, (64, 64))
        located[labels == -1] = encoder.not_a_point_embed.weight
        for label, kind in enumerate(encoder.point_embeddings):
            located[labels == label] += kind.weight
        dense = encoder(None, None, masks)[1]
        expected = decoder.predict_masks(embedding.features[None], encoder.get_dense_pe(), located, dense)
    inputs = {
        "image_embeddings": embedding.features[None].numpy(),
        "point_coords": coordinates.numpy(),
        "point_labels": labels.numpy().astype(np.float32),
        "mask_input": masks.numpy(),
        "has_mask_input": np.ones(1, np.float32),
    }
    session = OnnxSegmenter(str(exported)).decoder
    assert [one.name for one in session.get_inputs()] == list(inputs)
    assert [one.name for one in session.get_outputs()] == ["low_res_masks", "iou_predictions"]
    logits, scores = session.run(None, inputs)
    assert torch.allclose(torch.from_numpy(logits), expected[0], atol=1e-4, rtol=1e-4)
    assert torch.allclose(torch.from_numpy(scores), expected[1], atol=1e-4)


def test_a_name_is_enough(exported: Path, run_cli: RunCli, tmp_path: Path) -> None:
    sam = load_promptable_segmenter(str(exported))
    assert isinstance(sam, OnnxSegmenter)
    assert sam.name == "tiny"
    with pytest.raises(InputError, match="computes in fp32, not bf16"):
        load_promptable_segmenter(str(exported), "bf16")
    made = ["--data", "lit_samseg.data.Scenes", "--data.size", "2", "--data.num_workers", "0"]
    network = ["--model.baseline", "lit_samseg.baselines.MobileNetV2DeepLab", "--model.baseline.checkpoint", "demo"]
    asked = ["--model.variants", "[point, points+box+mask]", "--model.cache_dir", tmp_path / "cache"]
    words = ["--model", "lit_samseg.module.SamSegEvaluation", *made, *network, *asked]
    onnx = ["--model.sam", "lit_samseg.sam.OnnxSegmenter", "--model.sam.checkpoint", exported]
    outcome = run_cli("test", *words, *onnx, "--output_dir", tmp_path / "run", "--report", "false")
    assert outcome.code == 0, outcome.err
    results = json.loads((tmp_path / "run/results.json").read_text())
    assert results["sam"]["sha256"] == sam.sha256
    assert results["cache"]["embeddings"] == {"hits": 0, "misses": 2}


def test_it_is_another_network_to_the_cache(exported: Path, tiny_sam: SegmentAnything) -> None:
    onnx = OnnxSegmenter(str(exported))
    assert onnx.sha256 == tiny_sam.sha256
    assert onnx.identity is not None
    assert onnx.identity != tiny_sam.identity
    assert '"onnxruntime"' in onnx.identity


def test_the_folder_is_described(exported: Path, tiny_sam: SegmentAnything) -> None:
    import onnx

    described = OnnxSam.read(exported)
    assert (described.image_size, described.mask_size, described.stretched) == (64, 32, False)
    assert described.mean == pytest.approx((123.675, 116.28, 103.53))
    assert {path.name for path in exported.iterdir()} == {*described.files, "sam.json"}
    assert not [path for path in exported.parent.iterdir() if path != exported]
    # Everybody may look into it, as into any folder.
    assert stat.S_IMODE(exported.stat().st_mode) == stat.S_IMODE(exported.parent.stat().st_mode) | 0o055
    for name in described.files:
        graph = onnx.load(exported / name)
        onnx.checker.check_model(graph)
        assert {opset.domain: opset.version for opset in graph.opset_import}[""] == described.opset == OPSET
    # Nothing of an export stays in torch's way.
    assert tiny_sam.decode(tiny_sam.encode([picture()])[0], prompts()).scores.isfinite().all()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda folder: (folder / "sam.json").unlink(), "holds no sam.json; give a folder that lit-samseg export"),
        (lambda folder: (folder / "sam.json").write_text("{}"), "sam.json does not describe an exported SAM"),
        (lambda folder: (folder / "sam.json").write_text("{"), "sam.json does not describe an exported SAM"),
        (lambda folder: (folder / "decoder.onnx").unlink(), "decoder.onnx is missing; export this SAM again"),
        (
            lambda folder: (folder / "encoder.onnx").write_bytes((folder / "decoder.onnx").read_bytes()),
            "encoder.onnx is not the file that was exported",
        ),
    ],
)
def test_a_damaged_folder_is_refused(exported: Path, tmp_path: Path, change: object, complaint: str) -> None:
    folder = shutil.copytree(exported, tmp_path / "copy")
    assert callable(change)
    change(folder)
    with pytest.raises(InputError, match=complaint) as caught:
        OnnxSegmenter(str(folder))
    assert "\n" not in str(caught.value)


def test_a_graph_that_onnxruntime_cannot_read(exported: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(exported, tmp_path / "copy")
    described = OnnxSam.read(folder)
    (folder / "encoder.onnx").write_bytes(b"no graph")
    sha256 = "6f1b5e3a"
    replace(described, files={"encoder.onnx": sha256}).write(folder)
    with pytest.raises(InputError, match="is not the file"):
        OnnxSegmenter(str(folder))
    replace(described, files={}).write(folder)
    with pytest.raises(InputError, match=r"onnxruntime .* cannot read .*encoder\.onnx"):
        OnnxSegmenter(str(folder))


def test_one_that_computes_something_else_is_not_written(
    exported: Path, tiny_sam: SegmentAnything, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_cli: RunCli
) -> None:
    limit = parity.Parity(1e-5, 1e-4, 0.0, 1)
    limit.check()
    for wrong in ({"embedding": 1.1e-4}, {"logits": 2e-4}, {"scores": float("nan")}):
        with pytest.raises(InputError, match=r"more than 0\.0001; nothing is written"):
            replace(limit, **wrong).check()
    # The graph of another SAM, whose points count for nothing: seen.
    found = parity.compare(tiny_sam, graphs.graphs_of(tiny_sam), exported)
    assert max(found.embedding, found.logits, found.scores) < TOLERANCE
    changed = SegmentAnything(tiny_sam.checkpoint)
    with torch.no_grad():
        changed.model.prompt_encoder.point_embeddings[0].weight.add_(1.0)
    worse = parity.compare(changed, graphs.graphs_of(changed), exported)
    assert worse.embedding == found.embedding
    assert worse.logits > 10 * TOLERANCE
    monkeypatch.setattr("lit_samseg.export.folder._write", lambda network, inputs, outputs, path: path.touch())
    monkeypatch.setattr("lit_samseg.export.folder.compare", lambda *given: worse)
    outcome = run_cli("export", "--sam", tiny_sam.checkpoint, "--onnx", tmp_path / "out")
    assert outcome.code == 2
    assert "more than 0.0001; nothing is written" in outcome.err
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr("lit_samseg.export.folder.compare", lambda *given: found)
    outcome = run_cli("export", "--sam", tiny_sam.checkpoint, "--onnx", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert f"embedding {found.embedding:.1e}, logits {found.logits:.1e}" in outcome.out
    assert "(opset 18): decoder.onnx 0.0 MB" in outcome.out
    again = run_cli("export", "--sam", tiny_sam.checkpoint, "--onnx", tmp_path / "out")
    assert again.code == 2
    assert "out is there already and is no empty folder" in again.err


def test_an_adapter_goes_with_it(tiny_sam: SegmentAnything, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    name = "mask_decoder.iou_token.weight"
    state = {name: tiny_sam.model.state_dict()[name] + 1}
    Adapter(state, tiny_sam.sha256, TrainedOn({"voc/a": "1" * 64})).write(tmp_path / "adapter.safetensors")
    adapted = SegmentAnything(tiny_sam.checkpoint, adapter=str(tmp_path / "adapter.safetensors"))
    monkeypatch.setattr("lit_samseg.export.folder._write", lambda network, inputs, outputs, path: path.touch())
    monkeypatch.setattr("lit_samseg.export.folder.compare", lambda *given: parity.Parity(0, 0, 0, 1))
    export_onnx(adapted, tmp_path / "out")
    assert adapted.adapter is not None
    assert OnnxSam.read(tmp_path / "out").adapter == TrainedAdapter(
        adapted.adapter.sha256, TrainedOn({"voc/a": "1" * 64})
    )


def test_an_export_is_not_trained(exported: Path, tmp_path: Path, run_cli: RunCli) -> None:
    outcome = run_cli("export", "--sam", exported, "--adapter", "any", "--onnx", tmp_path / "out")
    assert outcome.code == 2
    assert f"--adapter any is for a SAM that can be trained, which {exported} is not" in outcome.err
    words = ("fit", "--config", PROJECT / "configs/demo_finetune.yaml", "--output_dir", tmp_path / "fit")
    outcome = run_cli(*words, "--model.sam", exported)
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert "OnnxSegmenter is no TrainableSegmenter; give HubSam or SegmentAnything" in outcome.err


def test_what_cannot_be_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_cli: RunCli) -> None:
    with pytest.raises(InputError, match="a Identity cannot be exported"):
        graphs.graphs_of(nn.Identity())  # type: ignore[arg-type]
    save("sam", tmp_path / "hub")
    outcome = run_cli("export", "--sam", tmp_path / "hub", "--adapter", "any", "--onnx", tmp_path / "out")
    assert outcome.code == 2
    assert "no such weight file: any" in outcome.err
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    outcome = run_cli("export", "--sam", "demo", "--onnx", tmp_path / "out")
    assert outcome.code == 2
    assert "pip install 'lit_samseg[onnx]'" in outcome.err


@pytest.mark.slow
@pytest.mark.parametrize("model_type", [name for name in MODELS if "video" not in name])
def test_sams_of_transformers(exported: Path, tmp_path: Path, model_type: str) -> None:
    save(model_type, tmp_path / model_type)
    sam = load_promptable_segmenter(str(tmp_path / model_type))
    found = export_onnx(sam, tmp_path / "onnx")
    assert max(found.embedding, found.logits, found.scores) < TOLERANCE
    onnx = OnnxSegmenter(str(tmp_path / "onnx"))
    assert len(onnx.encode([picture()])[0].levels) == onnx.sam.levels == len(sam.encode([picture()])[0].levels)
