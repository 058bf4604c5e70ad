"""torchvision's DeepLabV3 models."""

from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import save_file
from torch import Tensor

from lit_samseg.baselines.interface import LogitBaseline, TrainableBaseline, resize_bilinear
from lit_samseg.checkpoints.identity import identity_of
from lit_samseg.checkpoints.trained_on import read_trained_on
from lit_samseg.checkpoints.weights import freeze, load_strictly, read_state_dict, sha256_of_file
from lit_samseg.errors import InputError

Architecture = Literal["deeplabv3_mobilenet_v3_large", "deeplabv3_resnet50", "deeplabv3_resnet101"]


class TorchvisionDeepLab(LogitBaseline, TrainableBaseline):
    """A frozen torchvision DeepLabV3.

    torchvision's own weights were trained on COCO images with VOC's classes, not on VOC.

    Args:
        architecture: ``deeplabv3_mobilenet_v3_large``, ``deeplabv3_resnet50`` or ``deeplabv3_resnet101``.
        checkpoint: A state-dict file (with or without the auxiliary head), or None for torchvision's
            ``COCO_WITH_VOC_LABELS_V1``, which is downloaded once.
        resize: Shorter side the image is brought to, as in torchvision's evaluation; None keeps the image's size.

    Raises:
        InputError: The checkpoint is missing, broken or of another architecture.
    """

    def __init__(
        self,
        architecture: Architecture = "deeplabv3_resnet101",
        checkpoint: str | None = None,
        resize: int | None = 520,
    ) -> None:
        super().__init__()
        from torchvision.models import get_model, get_model_weights

        if resize is not None and resize < 1:
            raise InputError(f"baseline.resize is {resize}; give the shorter side in pixels, or null to keep the size")
        path = _download(architecture) if checkpoint is None else Path(checkpoint).expanduser()
        state = read_state_dict(path)
        # The auxiliary head helps training only.
        state = {k: v for k, v in state.items() if not k.startswith("aux_classifier.")}
        last = state.get("classifier.4.weight")
        if last is None:
            raise InputError(f"{path} does not fit {architecture}: it has no tensor classifier.4.weight")
        self.num_classes = len(last)
        self.model = get_model(
            architecture,
            weights=None,
            weights_backbone=None,
            num_classes=self.num_classes,
            aux_loss=False,
        )
        load_strictly(self.model, state, path, architecture)
        freeze(self)
        published = get_model_weights(architecture)["COCO_WITH_VOC_LABELS_V1"]
        if checkpoint is None:
            # torchvision writes __background__ for VOC's background.
            self.class_names = ("background", *published.meta["categories"][1:])
        self.transform_to = published.transforms
        self.transform = self.transform_to(resize_size=resize)
        self.resize = resize
        self.name = architecture
        self.checkpoint = str(path) if checkpoint is None else checkpoint
        self.sha256 = sha256_of_file(path)
        self.trained_on = read_trained_on([path])

    @property
    def identity(self) -> str | None:
        """Weights, architecture, size."""
        return identity_of(self, TorchvisionDeepLab, weights=self.sha256, architecture=self.name, resize=self.resize)

    @torch.inference_mode()
    def logits(self, image: Tensor) -> Tensor:
        """Return logits float32 ``[C, H, W]``; the largest tensor is ``C`` times the (resized) image."""
        return self.scores(image, "")

    @torch.inference_mode()
    def look_closer(self, image: Tensor, scale: float) -> Tensor:
        """Return logits of the image resized to a larger side than usual, at the size it then has."""
        side = max(1, round((self.resize or min(image.shape[1:])) * scale))
        logits: Tensor = self.model(self.transform_to(resize_size=side)(image)[None])["out"][0]
        return logits

    def save(self, folder: Path) -> Path:
        """Write the network as it is now, as ``model.safetensors``; its architecture is not in it."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "model.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in self.model.state_dict().items()}, path)
        return path

    def scores(self, image: Tensor, image_id: str) -> Tensor:
        """Return `logits`, with gradients where the weights have them."""
        height, width = image.shape[1:]
        logits: Tensor = self.model(self.transform(image)[None])["out"][0]
        if logits.shape[1:] != (height, width):
            logits = resize_bilinear(logits, height, width, antialias=False)
        return logits


def _download(architecture: str) -> Path:
    from torchvision.models import get_model_weights

    weights = get_model_weights(architecture)["COCO_WITH_VOC_LABELS_V1"]
    path = Path(torch.hub.get_dir(), "checkpoints", weights.url.rsplit("/", 1)[-1])
    if not path.is_file():
        try:
            weights.get_state_dict(progress=True, check_hash=True)
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"{weights.url} could not be downloaded ({error}); fetch it by hand and give "
                "--model.baseline.checkpoint"
            ) from error
    return path
