"""DeepLabV3 on MobileNetV2 (Chen et al., 2017; Sandler et al., 2018) in the layout of transformers."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.baselines.interface import LogitBaseline, TrainableBaseline, resize_bilinear
from lit_samseg.checkpoints.hub import check_unambiguous, find_checkpoint_folder
from lit_samseg.checkpoints.identity import identity_of, sha256_of_settings
from lit_samseg.checkpoints.pretrained import load_pretrained, read_config, using_config, weight_files
from lit_samseg.checkpoints.trained_on import read_trained_on
from lit_samseg.checkpoints.weights import DEMO_WEIGHTS
from lit_samseg.errors import InputError


class MobileNetV2DeepLab(LogitBaseline, TrainableBaseline):
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

        if checkpoint == "demo":
            check_unambiguous(checkpoint)
        folder = DEMO_WEIGHTS / "deeplab" if checkpoint == "demo" else find_checkpoint_folder(checkpoint, "baseline")
        settings = _settings(folder)
        with using_config(folder):
            config = MobileNetV2Config.from_dict(settings)
            names = tuple(str(config.id2label[i]) for i in range(config.num_labels))
        self.model, self.sha256 = load_pretrained(
            MobileNetV2ForSemanticSegmentation, folder, config, "MobileNetV2 DeepLabV3"
        )
        self.settings_sha256 = sha256_of_settings(folder)
        self.trained_on = read_trained_on(weight_files(folder))
        self.canvas, self.stride = int(config.image_size), int(config.output_stride)
        self.name = "deeplabv3_mobilenet_v2"
        self.checkpoint = checkpoint
        self.num_classes = int(config.num_labels)
        # transformers writes LABEL_0, LABEL_1, ... where nobody gave names.
        self.class_names = None if names[0] == "LABEL_0" else names

    @property
    def identity(self) -> str | None:
        """Weights and configuration."""
        return identity_of(self, MobileNetV2DeepLab, weights=self.sha256, files=self.settings_sha256)

    @torch.inference_mode()
    def logits(self, image: Tensor) -> Tensor:
        """Return logits float32 ``[C, H, W]``; the largest tensor is ``C`` canvases or images."""
        return self.scores(image, "")

    @torch.inference_mode()
    def look_closer(self, image: Tensor, scale: float) -> Tensor:
        """Return logits of the enlarged image, on a canvas of its own size and with as many cells."""
        height, width = image.shape[1:]
        scale *= min(1, self.canvas / max(height, width))
        inside = max(1, round(height * scale)), max(1, round(width * scale))
        pixels = resize_bilinear(_pixels(image), *inside, antialias=True)
        # A canvas of a multiple of the stride and one more pixel has cells at its corners.
        canvas = [-(-(side - 1) // self.stride) * self.stride + 1 for side in inside]
        padded = F.pad(pixels, (0, canvas[1] - inside[1], 0, canvas[0] - inside[0]))
        coarse = self.model(pixel_values=padded[None]).logits
        fine = F.interpolate(coarse, canvas, mode="bilinear", align_corners=True)
        cropped: Tensor = fine[0, :, : inside[0], : inside[1]]
        return cropped

    def save(self, folder: Path) -> Path:
        """Write the network as it is now, as a checkpoint of this class."""
        self.model.save_pretrained(folder)  # type: ignore[operator]
        return folder

    def scores(self, image: Tensor, image_id: str) -> Tensor:
        """Return `logits`, with gradients where the weights have them."""
        height, width = image.shape[1:]
        pixels = _pixels(image)
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


def _pixels(image: Tensor) -> Tensor:
    return image.float() / 127.5 - 1


def _settings(folder: Path) -> dict[str, Any]:
    settings = read_config(folder, "baseline")
    path = folder / "config.json"
    if settings["model_type"] != "mobilenet_v2":
        raise InputError(f"{path} describes {settings['model_type']!r}; MobileNetV2DeepLab reads 'mobilenet_v2'")
    # transformers would fill these in, and other logits would come of the same weights.
    for key, allowed in (("image_size", range(1, 10_000)), ("output_stride", (8, 16, 32))):
        if settings.get(key) not in allowed:
            raise InputError(
                f"{path} has {key} {settings.get(key)!r}; it must be a whole number its weights were trained for"
            )
    return settings
