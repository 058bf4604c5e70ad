"""OneFormer (Jain et al., 2023) in the layout of transformers, tested as its authors do."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.baselines.bands import Rows, argmax_in_bands
from lit_samseg.baselines.configuration import read_configuration
from lit_samseg.baselines.finite import naming
from lit_samseg.baselines.interface import Baseline
from lit_samseg.baselines.preprocessing import read_settings
from lit_samseg.baselines.queries import log_likelihood, scores_of_queries
from lit_samseg.checkpoints.hub import find_checkpoint_folder
from lit_samseg.checkpoints.identity import identity_of, sha256_of_settings
from lit_samseg.checkpoints.pretrained import load_pretrained, read_config, refused_with
from lit_samseg.errors import InputError
from lit_samseg.runtime.transfer import to_device

SIZE_DIVISIBILITY = 32
"""``MODEL.ONE_FORMER.SIZE_DIVISIBILITY`` of the official configurations."""


class OneFormer(Baseline):
    """A frozen ``OneFormerForUniversalSegmentation`` with the task "semantic".

    The official evaluation, step by step: the image is resized by detectron2's ``ResizeShortestEdge`` (Pillow,
    bilinear, sizes ``int(x + 0.5)``), normalised with the checkpoint's mean and deviation, and padded right and below
    with 0 to a multiple of 32. Mask logits are brought to that size, cut to the image and brought to its own size;
    class scores are formed there (``oneformer_model.py``; ``sem_seg_postprocess_before_inference`` is true whenever
    panoptic or instance inference is on, and the configurations of ADE20K turn on both). The defaults are ADE20K's
    test sizes.

    transformers' ``OneFormerProcessor`` is not used: it downloads names of classes that only training needs, resizes
    with torchvision to sizes rounded down, pads to no multiple, and forms class scores at the masks' own size. The
    tokens of "the task is semantic" are what it would give: padded with 0 to the network's ``task_seq_len``.

    No tensor of the image's size with one channel per class or query is ever made; the largest are the network's own,
    bands of :data:`lit_samseg.baselines.bands.BAND_BYTES`, and what `predict` says of the classes, at most
    :data:`lit_samseg.baselines.queries.LONGEST` pixels wide or high.

    Args:
        checkpoint: A folder with ``config.json``, ``preprocessor_config.json``, ``model.safetensors`` and the tokenizer
            (``vocab.json`` and ``merges.txt``, or ``tokenizer.json``), or a hub id such as
            ``shi-labs/oneformer_ade20k_swin_tiny``.
        short_side: Length the image's shorter side is brought to, in pixels.
        long_side: Length the longer side does not exceed; where it would, the shorter one gets shorter.
        first_class: Class id of the checkpoint that is the data set's class 0; those below are never predicted.

    Raises:
        InputError: The checkpoint is missing, broken or of another architecture, or an option is out of range.
    """

    first_class: int
    mean: Tensor
    std: Tensor
    task: Tensor

    def __init__(self, checkpoint: str, short_side: int = 640, long_side: int = 2560, first_class: int = 0) -> None:
        super().__init__()
        from transformers import OneFormerForUniversalSegmentation

        if not 1 <= short_side <= long_side:
            raise InputError(
                f"baseline.short_side is {short_side} and long_side {long_side}; give pixels, the shorter first"
            )
        folder = find_checkpoint_folder(checkpoint, "baseline")
        settings = read_config(folder, "baseline")
        if settings["model_type"] != "oneformer":
            raise InputError(
                f"{folder / 'config.json'} describes {settings['model_type']!r}; OneFormer reads 'oneformer', "
                "use lit_samseg.baselines.HubSegmenter for others"
            )
        config, self.class_names, self.num_classes = read_configuration(folder, settings, first_class)
        # A checkpoint saved as in training would drop out at inference too and ask for the texts of a training image.
        config.is_training = False
        mean, std = _mean_and_deviation(folder)
        tokens = _task_tokens(folder, int(config.task_seq_len))
        self.model, self.sha256 = load_pretrained(OneFormerForUniversalSegmentation, folder, config, "OneFormer")
        # Not part of a state dict: they come from the checkpoint's other files.
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)
        self.register_buffer("task", tokens, persistent=False)
        self.settings_sha256 = sha256_of_settings(folder)
        self.name = "oneformer"
        self.checkpoint = checkpoint
        self.short_side, self.long_side = short_side, long_side
        self.first_class = first_class

    @property
    def identity(self) -> str | None:
        """Weights, configuration, tokenizer, sizes, first class."""
        return identity_of(
            self,
            OneFormer,
            weights=self.sha256,
            files=self.settings_sha256,
            sides=[self.short_side, self.long_side],
            first_class=self.first_class,
        )

    @torch.inference_mode()
    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        """Return class ids, int64 ``[H, W]``; ties go to the lower class id.

        Raises:
            InputError: A score is NaN or infinite.
        """
        with naming(self.checkpoint, image_id):
            return argmax_in_bands(self._scores(image))

    @torch.inference_mode()
    def predict(self, image: Tensor, image_id: str) -> tuple[Tensor, Tensor]:
        """Predict the label map and `log_likelihood`, float32 ``[C, h, w]``."""
        scores = self._scores(image)
        with naming(self.checkpoint, image_id):
            return argmax_in_bands(scores), log_likelihood(scores)

    @torch.inference_mode()
    def look_closer(self, image: Tensor, scale: float) -> Tensor:
        """Return `log_likelihood` of the image, resized to larger sides than usual."""
        return log_likelihood(self._scores(image, scale))

    def _scores(self, image: Tensor, scale: float = 1.0) -> Rows:
        height, width = image.shape[1:]
        short_side, long_side = (max(1, round(side * scale)) for side in (self.short_side, self.long_side))
        inside = resized_size(height, width, short_side, long_side)
        pixels = (_resize(image, *inside).float() - self.mean) / self.std
        padded = F.pad(pixels, (0, -inside[1] % SIZE_DIVISIBILITY, 0, -inside[0] % SIZE_DIVISIBILITY))
        output = self.model(pixel_values=padded[None], task_inputs=self.task)
        return scores_of_queries(
            output.masks_queries_logits[0],
            output.class_queries_logits[0],
            (padded.shape[1], padded.shape[2]),
            inside,
            (height, width),
            self.first_class,
            masks_to_size=True,
        )


def resized_size(height: int, width: int, short_side: int, long_side: int) -> tuple[int, int]:
    """Return the height and width that detectron2's ``ResizeShortestEdge`` brings an image to."""
    scale = short_side / min(height, width)
    new_height, new_width = (short_side, scale * width) if height < width else (scale * height, short_side)
    if max(new_height, new_width) > long_side:
        scale = long_side / max(new_height, new_width)
        new_height, new_width = new_height * scale, new_width * scale
    # Images over a thousand times as long as wide would get no pixel across.
    return max(1, int(new_height + 0.5)), max(1, int(new_width + 0.5))


def _resize(image: Tensor, height: int, width: int) -> Tensor:
    picture = Image.fromarray(image.permute(1, 2, 0).cpu().numpy())
    resized = np.array(picture.resize((width, height), Image.Resampling.BILINEAR))
    return to_device(torch.from_numpy(resized).permute(2, 0, 1), image.device)


def _mean_and_deviation(folder: Path) -> tuple[Tensor, Tensor]:
    """Read the pixel mean and deviation, each float32 ``[3, 1, 1]`` in units of 0..255."""
    path, settings = read_settings(folder)
    try:
        mean, std = (torch.tensor(settings[key], dtype=torch.float32) for key in ("image_mean", "image_std"))
        scale = float(settings.get("rescale_factor", 1 / 255))
        if mean.shape != (3,) or std.shape != (3,) or not scale > 0:
            raise ValueError("image_mean and image_std are not three numbers each")
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} does not give image_mean and image_std ({error}); download the whole checkpoint"
        ) from error
    return mean[:, None, None] / scale, std[:, None, None] / scale


def _task_tokens(folder: Path, length: int) -> Tensor:
    """Return the tokens of the task, int64 ``[1, length]``, padded with 0."""
    from transformers import CLIPTokenizer

    if not (folder / "tokenizer.json").is_file() and not all(
        (folder / name).is_file() for name in ("vocab.json", "merges.txt")
    ):
        raise InputError(f"{folder} has no tokenizer (vocab.json and merges.txt); download the whole checkpoint")
    with refused_with(f"{folder} has no usable tokenizer"):
        tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)  # nosec B615 # a folder on disk
        given = tokenizer(["the task is semantic"], padding="max_length", max_length=length, truncation=True)
        # The tokenizer's own padding is no 0, the network was trained with 0.
        return torch.tensor(given["input_ids"]) * torch.tensor(given["attention_mask"])
