"""DeepLabV3 on MobileNetV2 (Chen et al., 2017; Sandler et al., 2018) in the layout of transformers."""

import json
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.baselines.interface import LogitBaseline, resize_bilinear
from lit_samseg.errors import InputError
from lit_samseg.weights import (
    DEMO_WEIGHTS,
    freeze,
    load_strictly,
    read_state_dict,
    sha256_of_file,
)

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")


class MobileNetV2DeepLab(LogitBaseline):
    """A frozen ``MobileNetV2ForSemanticSegmentation``, evaluated as it was trained.

    The image is placed top left on a square canvas (513 for the published weights) with pixels ``x / 127.5 - 1`` and
    0 where there is no image; a larger image is scaled to fit first. Logits are brought to the canvas with corners
    aligned, cropped, and for a scaled image brought to its size. The hub processor's resize-and-crop is
    not used: it throws pixels away.

    Args:
        checkpoint: A folder with ``config.json`` and ``model.safetensors`` (or ``pytorch_model.bin``), a hub id such as
            ``google/deeplabv3_mobilenet_v2_1.0_513``, or ``demo`` for the built-in one.

    Raises:
        InputError: The checkpoint is missing, broken or of another architecture.
    """

    def __init__(self, checkpoint: str) -> None:
        super().__init__()
        from transformers import MobileNetV2Config, MobileNetV2ForSemanticSegmentation

        folder = _find_folder(checkpoint)
        settings = _read_config(folder / "config.json")
        try:
            config = MobileNetV2Config.from_dict(settings)
            self.model = MobileNetV2ForSemanticSegmentation(config)
            names = tuple(str(config.id2label[i]) for i in range(config.num_labels))
        except Exception as error:
            # What transformers raises for a value it cannot use differs from value to value.
            raise InputError(f"{folder / 'config.json'} cannot be used ({error}); download it again") from error
        weights = next((folder / n for n in WEIGHT_FILES if (folder / n).is_file()), folder / WEIGHT_FILES[0])
        load_strictly(self.model, read_state_dict(weights), weights, "MobileNetV2 DeepLabV3")
        freeze(self)
        self.canvas = int(config.image_size)
        self.name = "deeplabv3_mobilenet_v2"
        self.checkpoint = checkpoint
        self.sha256 = sha256_of_file(weights)
        self.num_classes = int(config.num_labels)
        # transformers writes LABEL_0, LABEL_1, ... where nobody gave names.
        self.class_names = None if names[0] == "LABEL_0" else names

    @torch.inference_mode()
    def logits(self, image: Tensor) -> Tensor:
        """Return logits float32 ``[C, H, W]``; the largest tensor is ``C`` canvases or images."""
        height, width = image.shape[1:]
        pixels = image.float() / 127.5 - 1
        scale = self.canvas / max(height, width)
        if scale < 1:
            inside = (max(1, round(height * scale)), max(1, round(width * scale)))
            pixels = resize_bilinear(pixels, *inside, antialias=True)
        else:
            inside = (height, width)
        canvas = F.pad(pixels, (0, self.canvas - inside[1], 0, self.canvas - inside[0]))
        coarse = self.model(pixel_values=canvas[None]).logits
        fine = F.interpolate(coarse, (self.canvas, self.canvas), mode="bilinear", align_corners=True)
        cropped: Tensor = fine[0, :, : inside[0], : inside[1]]
        if inside != (height, width):
            cropped = resize_bilinear(cropped, height, width, antialias=False)
        return cropped


def _find_folder(checkpoint: str) -> Path:
    if checkpoint == "demo":
        return DEMO_WEIGHTS / "deeplab"
    path = Path(checkpoint).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise InputError(f"baseline checkpoint {path} is a file; give a folder with config.json and {WEIGHT_FILES[0]}")
    # A hub id is OWNER/NAME; everything else was meant as a path.
    if checkpoint.count("/") != 1 or checkpoint.startswith((".", "/", "~")):
        raise InputError(
            f"no such baseline checkpoint: {path}; give a folder with config.json and {WEIGHT_FILES[0]}, or a hub id"
        )
    return _fetch_from_hub(checkpoint)


def _fetch_from_hub(hub_id: str) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    missing: Exception | None = None
    for name in WEIGHT_FILES:
        try:
            hf_hub_download(hub_id, name)
            return Path(hf_hub_download(hub_id, "config.json")).parent
        except EntryNotFoundError as error:
            # Also LocalEntryNotFoundError, for a file that is not in the cache while the hub cannot be reached: the
            # other weight file may be.
            missing = error
        except (HfHubHTTPError, ValueError, OSError) as error:
            missing = error
            break
    if isinstance(missing, LocalEntryNotFoundError):
        raise InputError(
            f"baseline checkpoint {hub_id!r} is neither a folder nor in the hub's cache, and the hub cannot be "
            "reached; give a folder or try again with a network"
        ) from missing
    raise InputError(
        f"baseline checkpoint {hub_id!r} is neither a folder nor a readable hub id "
        f"({str(missing).strip().splitlines()[0]})"
    ) from missing


def _read_config(path: Path) -> dict[str, object]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"baseline checkpoint has no {path}; give a folder with config.json") from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); download the checkpoint again") from error
    kind = settings.get("model_type") if isinstance(settings, dict) else None
    if kind != "mobilenet_v2":
        raise InputError(f"{path} describes {kind!r}; MobileNetV2DeepLab reads model_type 'mobilenet_v2'")
    # transformers would fill these in, and other logits would come of the same weights.
    for key, allowed in (("image_size", range(1, 10_000)), ("output_stride", (8, 16, 32))):
        if settings.get(key) not in allowed:
            raise InputError(
                f"{path} has {key} {settings.get(key)!r}; it must be a whole number its weights were trained for"
            )
    return dict(settings)
