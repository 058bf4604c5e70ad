"""Networks of segmentation_models_pytorch, as its ``save_pretrained`` writes them."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from lit_samseg.baselines.network_baseline import NetworkBaseline
from lit_samseg.baselines.preparation import IMAGENET, Preparation
from lit_samseg.checkpoints.hub import find_checkpoint_folder
from lit_samseg.checkpoints.identity import identity_of, sha256_of_settings, sha256_of_state
from lit_samseg.checkpoints.pretrained import weight_files
from lit_samseg.checkpoints.weights import freeze, load_strictly, read_state_dict
from lit_samseg.errors import InputError

MODEL_CLASS = "_model_class"
"""What ``config.json`` calls the network's class."""

AS_TRAINED = replace(IMAGENET, multiple_of=32)


class SmpSegmenter(NetworkBaseline):
    """A frozen network of segmentation_models_pytorch (extra ``smp``): Unet, FPN, DeepLabV3Plus, Segformer, ...

    One that was made with ``classes=1`` has two classes here: what is not class 1 is class 0. Its activation is left
    out, since logits are wanted.

    Args:
        checkpoint: A folder with ``config.json`` and ``model.safetensors``, or a hub id.
        prepare: The network's input; by default with ImageNet's mean and deviation and sides that 32 divides.

    Raises:
        InputError: The library or the checkpoint is missing, broken, or for other images than of three channels.
    """

    sha256: str

    def __init__(self, checkpoint: str, prepare: Preparation = AS_TRAINED) -> None:
        super().__init__()
        folder = find_checkpoint_folder(checkpoint, "baseline")
        settings = smp_settings(folder)
        if settings is None:
            raise InputError(f"{folder / 'config.json'} names no {MODEL_CLASS}; save the network by save_pretrained")
        self.name = str(settings.pop(MODEL_CLASS))
        self.model = _built(self.name, settings, folder)
        files = weight_files(folder)
        if not files:
            raise InputError(f"{folder} has no model.safetensors; save the network by save_pretrained")
        load_strictly(self.model, read_state_dict(*files), files[0], self.name)
        freeze(self)
        self.checkpoint = checkpoint
        self.sha256 = sha256_of_state(self.model)
        self.settings_sha256 = sha256_of_settings(folder)
        self.num_classes = max(2, int(settings.get("classes", 1)))
        self.prepare = prepare

    @property
    def identity(self) -> str | None:
        """Weights, configuration and input."""
        return identity_of(
            self, SmpSegmenter, weights=self.sha256, files=self.settings_sha256, prepare=asdict(self.prepare)
        )

    @property
    def network(self) -> Callable[[Tensor], object]:
        """The network on its device."""
        return self._logits

    def _logits(self, pixels: Tensor) -> object:
        given = self.model(pixels)
        # With a head for the whole image, that comes second.
        return given[0] if isinstance(given, tuple) else given


def smp_settings(folder: Path) -> dict[str, Any] | None:
    """Return what a folder's ``config.json`` says if it is of segmentation_models_pytorch, else None."""
    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return settings if isinstance(settings, dict) and isinstance(settings.get(MODEL_CLASS), str) else None


def _built(name: str, settings: dict[str, Any], folder: Path) -> nn.Module:
    try:
        import segmentation_models_pytorch as smp
    except ImportError as error:
        raise InputError(
            f"{folder} is of segmentation_models_pytorch, which is not installed; pip install 'lit_samseg[smp]'"
        ) from error
    kind = getattr(smp, name, None)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise InputError(f"{folder / 'config.json'} names the network {name!r}, which the library does not have")
    if settings.get("in_channels", 3) != 3:
        raise InputError(f"{folder} is for images of {settings['in_channels']} channels; give one for 3, RGB")
    # Its encoder's own weights would be fetched, and then replaced.
    options = settings | {"encoder_weights": None, "activation": None}
    try:
        network: nn.Module = kind(**{key: value for key, value in options.items() if not key.startswith("_")})
    except Exception as error:
        # Whatever the library raises for values it does not know.
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{folder / 'config.json'} cannot be used ({type(error).__name__}: {reason})") from error
    return network
