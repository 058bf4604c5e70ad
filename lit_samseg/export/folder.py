"""A SAM becomes a folder of ONNX graphs, or none if they do not compute what it computes."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lit_samseg.checkpoints.weights import sha256_of_file
from lit_samseg.errors import InputError
from lit_samseg.export import OPSET
from lit_samseg.export.graphs import Graphs, graphs_of
from lit_samseg.export.parity import Parity, compare
from lit_samseg.sam import PromptableSegmenter
from lit_samseg.sam.onnx_folder import DECODER, ENCODER, OnnxSam, TrainedAdapter


def export_onnx(sam: PromptableSegmenter, folder: Path) -> Parity:
    """Write a SAM's encoder and decoder, and compare onnxruntime's answers with torch's.

    Args:
        sam: The SAM, in fp32 on the CPU.
        folder: Where it goes; it is made, and must not hold anything.

    Returns:
        How far the answers are apart.

    Raises:
        InputError: The SAM cannot be exported, something is in the folder, a package is missing, or the answers are
            farther apart than `TOLERANCE`; then nothing is written.
    """
    _check_packages()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already and is no empty folder; give another --onnx")
    graphs = graphs_of(sam)
    with _appearing_whole(folder) as draft, torch.inference_mode():
        frame = sam.frame(torch.empty(3, 1, 1))
        image = torch.zeros(1, 3, frame.size, frame.size)
        outputs = graphs.encoder(image)
        features, *levels = (outputs,) if isinstance(outputs, Tensor) else outputs
        _write(graphs.encoder, {"image": image}, ["image_embeddings", *_names(levels)], draft / ENCODER)
        prompts = {
            "image_embeddings": features.contiguous(),
            "point_coords": torch.zeros(2, 3, 2),
            "point_labels": torch.zeros(2, 3),
            "mask_input": torch.zeros(2, 1, frame.mask_size, frame.mask_size),
            "has_mask_input": torch.zeros(1),
        }
        inputs = prompts | dict(zip(_names(levels), levels, strict=True))
        _write(graphs.decoder, inputs, ["low_res_masks", "iou_predictions"], draft / DECODER)
        _describe(sam, graphs, len(levels), draft).write(draft)
        parity = compare(sam, graphs, draft)
        parity.check()
    return parity


def _names(levels: Sequence[Tensor]) -> list[str]:
    return [f"level_{n}" for n in range(len(levels))]


def _write(network: nn.Module, inputs: dict[str, Tensor], outputs: list[str], path: Path) -> None:
    """Export a network; inputs with two prompts have any number of them, and of points."""
    dynamic = torch.export.Dim.DYNAMIC
    shapes = {
        "point_coords": {0: dynamic, 1: dynamic},
        "point_labels": {0: dynamic, 1: dynamic},
        "mask_input": {0: dynamic},
    }
    named = [shapes.get(name, {}) for name in inputs if not name.startswith("level_")]
    # The decoder takes levels as *levels, one argument to torch.
    levels: list[tuple[dict[int, Any], ...]] = [tuple({} for name in inputs if name.startswith("level_"))]
    # What the forward before has cached, it finds again: nothing of an export may stay there.
    network(*inputs.values())
    with warnings.catch_warnings():
        # Of torch's own doing.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            tuple(inputs.values()),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes=(*named, *filter(None, levels)),
        )
    assert program is not None, "torch.onnx.export returns a program with dynamo=True"
    # Weights above 2 GB go into a file of their own beside it.
    program.save(path)


def _describe(sam: PromptableSegmenter, graphs: Graphs, levels: int, folder: Path) -> OnnxSam:
    frame = sam.frame(torch.empty(3, 1, 1))
    adapter = sam.adapter
    return OnnxSam(
        name=sam.name,
        weights=sam.embeddings_sha256,
        image_size=frame.size,
        mask_size=frame.mask_size,
        stretched=graphs.stretched,
        mean=_rgb(graphs.mean),
        std=_rgb(graphs.std),
        candidates=graphs.candidates,
        levels=levels,
        padding=graphs.padding,
        opset=OPSET,
        files={path.name: sha256_of_file(path) for path in sorted(folder.iterdir())},
        adapter=None if adapter is None else TrainedAdapter(adapter.sha256, adapter.trained_on),
    )


def _rgb(values: Tensor) -> tuple[float, float, float]:
    red, green, blue = values.flatten().tolist()
    return red, green, blue


def _check_packages() -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ModuleNotFoundError as error:
        raise InputError(f"export needs {error.name}: pip install 'lit_samseg[onnx]'") from error


@contextmanager
def _appearing_whole(folder: Path) -> Iterator[Path]:
    """Yield a folder beside one, which becomes that one if the block succeeds."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
    try:
        yield draft
        mask = os.umask(0)
        os.umask(mask)
        draft.chmod(0o777 & ~mask)
        draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
