"""A SAM in ONNX's format, run by onnxruntime."""

from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lit_samseg.checkpoints.identity import identity_of
from lit_samseg.errors import InputError
from lit_samseg.sam.batching import decode_alike_together, encode_together
from lit_samseg.sam.frame import Frame, SquareFrame
from lit_samseg.sam.interface import Candidates, Embedding, Precision, Prompt, PromptableSegmenter
from lit_samseg.sam.onnx_folder import (
    BACKGROUND,
    BOTTOM_RIGHT,
    DECODER,
    ENCODER,
    FOREGROUND,
    NO_POINT,
    TOP_LEFT,
    OnnxSam,
    Padding,
)
from lit_samseg.sam.oom_retry import Halving
from lit_samseg.sam.precision import check_precision
from lit_samseg.sam.prompt_tensors import PromptTensors

Array = np.ndarray[Any, np.dtype[np.float32]]


class OnnxSegmenter(PromptableSegmenter):
    """A SAM that ``lit-samseg export --onnx`` wrote, computed by onnxruntime on the processor.

    Args:
        checkpoint: The folder, with ``encoder.onnx``, ``decoder.onnx`` and ``sam.json``.
        precision: ``fp32``; there is no other.

    Raises:
        InputError: onnxruntime is not installed, the folder holds no exported SAM, a file of it is missing, damaged or
            newer than onnxruntime, or another precision is asked for.
    """

    def __init__(self, checkpoint: str, precision: Precision = "fp32") -> None:
        super().__init__()
        check_precision(precision)
        if precision != "fp32":
            raise InputError(f"an exported SAM computes in fp32, not {precision}; leave sam.precision out")
        folder = Path(checkpoint).expanduser()
        self.sam = OnnxSam.read(folder)
        self.encoder, self.decoder = (open_graph(folder / name) for name in (ENCODER, DECODER))
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (self.sam.mean, self.sam.std))
        self.mean, self.std = mean, std
        self.name, self.sha256 = self.sam.name, self.sam.weights
        self.checkpoint, self.precision = checkpoint, precision
        if self.sam.adapter is not None:
            self.adapter, self.adapter_file = self.sam.adapter, checkpoint
        self.images_fitting, self.prompts_fitting = Halving(self.name, "images"), Halving(self.name, "prompts")

    @property
    def identity(self) -> str | None:
        """The graphs, how an image is brought to them, and who computes them."""
        return identity_of(
            self, OnnxSegmenter, files=dict(self.sam.files), sam=repr(self.sam), onnxruntime=version("onnxruntime")
        )

    def frame(self, image: Tensor) -> Frame:
        """Return the frame of an image ``[3, H, W]``."""
        height, width = image.shape[-2:]
        kind = SquareFrame if self.sam.stretched else Frame
        return kind(height, width, self.sam.image_size, self.sam.mask_size)

    @torch.inference_mode()
    def encode(self, images: Sequence[Tensor]) -> list[Embedding]:
        """Encode images, one by one."""
        return encode_together(images, self.images_fitting, lambda chunk: [self._encode(image) for image in chunk])

    def _encode(self, image: Tensor) -> Embedding:
        frame = self.frame(image)
        square = frame.pad((frame.resize_image(image).cpu() - self.mean) / self.std)
        outputs = self.encoder.run(None, {"image": square[None].numpy()})
        features, *levels = (torch.from_numpy(output[0]).to(image.device) for output in outputs)
        return Embedding(features, frame, tuple(levels))

    @torch.inference_mode()
    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        """Decode prompts of one image, those with equal token layout together, never padded."""
        levels = {f"level_{n}": _array(level[None]) for n, level in enumerate(embedding.levels)}
        image = {"image_embeddings": _array(embedding.features[None])} | levels
        decode_alike = partial(self._decode_alike, image, slice(1, None) if multimask else slice(0, 1))
        count = self.sam.candidates if multimask else 1
        return decode_alike_together(embedding, prompts, count, self.prompts_fitting, decode_alike)

    def _decode_alike(self, image: dict[str, Array], wanted: slice, prompts: PromptTensors) -> tuple[Tensor, Tensor]:
        logits, scores = self.decoder.run(None, image | decoder_inputs(prompts, self.sam))
        return torch.from_numpy(logits[:, wanted]), torch.from_numpy(scores[:, wanted])


def open_graph(path: Path) -> Any:
    """Return onnxruntime's session of a graph, with as many threads as torch has.

    Raises:
        InputError: onnxruntime is not installed, or cannot read the file.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise InputError("an exported SAM needs onnxruntime: pip install 'lit_samseg[onnx]'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Threads that wait by spinning would take the cores from torch's, which work in between.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Errors are raised; warnings are of the graph, which the user has not made.
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"onnxruntime {onnxruntime.__version__} cannot read {path} ({reason}); use a newer one, or export again"
        ) from error


def decoder_inputs(prompts: PromptTensors, sam: OnnxSam) -> dict[str, Array]:
    """Return what the decoder's graph takes of prompts, beside the image.

    Args:
        prompts: ``n`` of them, of equal token layout.
        sam: The exported SAM.

    Returns:
        ``point_coords`` ``[n, K, 2]``, ``point_labels`` ``[n, K]``, ``mask_input`` ``[n, 1, mask_size, mask_size]`` and
        ``has_mask_input`` ``[1]``, float32.
    """
    coordinates: list[Tensor] = []
    labels: list[float] = []
    if prompts.points is not None:
        coordinates.append(prompts.points)
        labels += [FOREGROUND] * (prompts.points.shape[1] - prompts.negative) + [BACKGROUND] * prompts.negative
    if prompts.boxes is not None:
        coordinates.append(prompts.boxes.view(-1, 2, 2))
        labels += [TOP_LEFT, BOTTOM_RIGHT]
    missing = _missing(prompts, sam.padding)
    coordinates.append(torch.zeros(prompts.count, missing, 2))
    labels += [NO_POINT] * missing
    masks = prompts.masks
    if masks is None:
        masks = torch.zeros(prompts.count, 1, sam.mask_size, sam.mask_size)
    return {
        "point_coords": _array(torch.cat([points.cpu() for points in coordinates], dim=1)),
        "point_labels": np.tile(np.asarray(labels, np.float32), (prompts.count, 1)),
        "mask_input": _array(masks),
        "has_mask_input": np.asarray([prompts.masks is not None], np.float32),
    }


def _missing(prompts: PromptTensors, padding: Padding) -> int:
    if prompts.boxes is not None:
        return padding.box
    return padding.points if prompts.points is not None else padding.neither


def _array(tensor: Tensor) -> Array:
    return tensor.cpu().contiguous().numpy()
