"""SAM's image encoder on the processor, by OpenVINO: the same function, sooner."""

import hashlib
import json
import logging
import warnings
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor, nn

from lit_samseg.checkpoints.download import cache_folder
from lit_samseg.errors import InputError
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.runtime.code_digest import code_digest

logger = logging.getLogger(__name__)


class OpenVinoEncoder(nn.Module):
    """An image encoder that OpenVINO translated.

    ``forward`` maps float32 ``[1, 3, S, S]`` on the processor to ``[1, D, h, w]``. The translation is kept in the cache
    folder (``LIT_SAMSEG_CACHE``, else the user's) for the next process.

    Args:
        encoder: What `prepare_encoder` made, with its final weights.
        weights: SHA-256 of the file that they come from.

    Raises:
        InputError: OpenVINO is not installed.
    """

    def __init__(self, encoder: Any, weights: str) -> None:
        super().__init__()
        try:
            import openvino
        except ModuleNotFoundError as error:
            raise InputError("sam.encoder openvino needs OpenVINO: pip install 'lit_samseg[openvino]'") from error
        self.img_size: int = encoder.img_size
        core = openvino.Core()
        self._network = core.compile_model(
            _translated(core, encoder, weights),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "PERFORMANCE_HINT": "LATENCY",
                # Several processes would be pinned to the same cores.
                "ENABLE_CPU_PINNING": False,
            },
        )

    def forward(self, image: Tensor) -> Tensor:
        """Encode one image.

        Raises:
            InputError: It is on another device.
        """
        if image.device.type != "cpu":
            raise InputError(
                f"sam.encoder openvino computes on the processor, and the run is on {image.device.type}; set "
                "--trainer.accelerator cpu or leave sam.encoder out"
            )
        [embedding] = self._network([image.numpy()]).values()
        # A copy: the next image is written to the same memory.
        return torch.tensor(embedding)


def _translated(core: Any, encoder: nn.Module, weights: str) -> Any:
    """Return the encoder as OpenVINO's model: the one that is kept, or a new one."""
    path = cache_folder() / "openvino" / f"{_key(encoder, weights)}.xml"
    if path.is_file():
        try:
            return core.read_model(path)
        except RuntimeError as error:
            logger.warning("%s cannot be read (%s); the encoder is translated again", path, _first_line(error))
    import openvino

    size: int = encoder.img_size  # type: ignore[assignment]
    with warnings.catch_warnings(), torch.no_grad():
        # Of torch's own doing.
        warnings.simplefilter("ignore")
        program = torch.export.export(encoder, (torch.zeros(1, 3, size, size),), strict=False)
        model = openvino.convert_model(program)
    try:
        # The last to appear is the one that is looked for.
        with atomic_file(path) as draft, atomic_file(path.with_suffix(".bin")) as weight_draft:
            openvino.save_model(model, draft, compress_to_fp16=False)
            draft.with_suffix(".bin").replace(weight_draft)
    except (OSError, RuntimeError) as error:
        logger.warning("the encoder's translation cannot be kept at %s (%s)", path, _first_line(error))
    return model


def _key(encoder: nn.Module, weights: str) -> str:
    libraries = {name: version(name) for name in ("openvino", "torch", "timm", "segment-anything")}
    decides = [weights, type(encoder).__name__, libraries, code_digest([type(encoder)])]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:32]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
