"""A checkpoint's own image processor, less what would lose pixels or belongs to labels."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lit_samseg.errors import InputError

PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
"""Where a checkpoint says how its images are prepared; the first found is read."""


class NetworkInput(NamedTuple):
    """What a network is given of one image.

    Attributes:
        pixels: float32 ``[N, 3, h, w]``: the image, or N windows of it.
        inside: Height and width of the image in it, top left; what is beyond is padding.
        starts: Where each window begins on the longer side; None where there are no windows.
    """

    pixels: Tensor
    inside: tuple[int, int]
    starts: tuple[int, ...] | None = None


class Preprocessing:
    """A checkpoint's image processor with these settings changed.

    - Label reduction is off: it belongs to labels, and processors have applied it to images.
    - Centre crops are off: the whole resized image goes in, at the scale of the processor's resize.
    - Padding to a fixed size is off where the network takes any size (Mask2Former, MaskFormer).
    - BEiT, Data2Vec: position tables fix the network's input, so the image is resized to the network's own size.
    - DPT: the head takes its tokens for a square, so the image is resized to the square of the processor's size,
      rounded down to whole patches, whatever it says of aspect ratio and padding.
    - EoMT: the network's input is a fixed square. With splitting on, the image's shorter side becomes that long and
      windows follow along the longer one; with splitting off, the image is fitted into the square and padded.

    Everything else is the checkpoint's: size, filter, mean and deviation, the order of channels (MobileViT's is BGR),
    and Mask2Former's and MaskFormer's stretching to a multiple of ``size_divisor``.

    Args:
        folder: The checkpoint's folder.
        config: Its ``PreTrainedConfig``.

    Attributes:
        name: Class of the processor; those ending in ``Pil`` resize with Pillow, the others with torchvision, and the
            pixels differ slightly.

    Raises:
        InputError: There is no processor, or its settings do not fit the network.
    """

    def __init__(self, folder: Path, config: Any) -> None:
        from transformers import AutoImageProcessor

        path, settings = read_settings(folder)
        with _named(folder):
            self.processor = AutoImageProcessor.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, config=config
            )
        self.name = type(self.processor).__name__
        declared = str(settings.get("image_processor_type") or settings.get("feature_extractor_type") or self.name)
        if declared.replace("FeatureExtractor", "ImageProcessor").removesuffix("Fast") != self.name.removesuffix("Pil"):
            # transformers takes another one then, and code from the checkpoint is never run.
            raise InputError(f"{path} asks for a {declared}, which transformers does not have; name one that it has")
        changes = {"do_reduce_labels": False, "do_center_crop": False, "pad_size": None}
        self.options = {key: value for key, value in changes.items() if hasattr(self.processor, key)}
        self.options |= _sizes(config, self.processor, folder)
        with _named(folder):  # What does not work is said now, not at the first image.
            self(torch.zeros(3, 20, 30, dtype=torch.uint8))

    def __call__(self, image: Tensor) -> NetworkInput:
        """Prepare one image, uint8 ``[3, H, W]``; the result is on its device."""
        given = self._run(image)
        pixels = given["pixel_values"].to(image.device)
        if self.options.get("do_split_image"):
            starts = tuple(int(start) for _, start, _ in given["patch_offsets"])
            return NetworkInput(pixels, tuple(pixels.shape[2:]), starts)
        if self.options.get("do_pad"):
            inside = self._run(image, do_pad=False)["pixel_values"].shape[2:]
            return NetworkInput(pixels, tuple(inside))
        return NetworkInput(pixels, tuple(pixels.shape[2:]))

    def _run(self, image: Tensor, **changes: Any) -> Any:
        if self.processor.backend == "pil":
            image = image.cpu()
        options = self.options | changes
        return self.processor(images=image, return_tensors="pt", input_data_format="channels_first", **options)


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # What transformers raises for settings it cannot use differs from case to case.
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{folder} has no usable image processor ({reason[0]}); download it again") from error


def read_settings(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Read how a checkpoint's images are prepared.

    Returns:
        The file it is in, and the image processor's settings.

    Raises:
        InputError: There is no such file, or it is no JSON object.
    """
    path = next((folder / name for name in PROCESSOR_FILES if (folder / name).is_file()), None)
    if path is None:
        raise InputError(
            f"baseline checkpoint has no {folder / PROCESSOR_FILES[0]}, which says how images are prepared; "
            "download the whole checkpoint"
        )
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        settings = settings.get("image_processor", settings)
        return path, dict(settings)
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is no JSON object of settings ({error}); download the checkpoint again") from error


def _sizes(config: Any, processor: Any, folder: Path) -> dict[str, Any]:
    """Return the options that bring an image to a size the network can take."""
    kind = config.model_type
    if kind in ("beit", "data2vec-vision"):
        return {"do_resize": True, "size": _square(config.image_size, folder)}
    if kind == "dpt":
        size = _square((processor.size.height, processor.size.width), folder)
        whole = max(1, size["height"] // config.patch_size) * config.patch_size
        changes = {"keep_aspect_ratio": False, "ensure_multiple_of": 1, "do_pad": False}
        return {"do_resize": True, "size": {"height": whole, "width": whole}} | changes
    if kind in ("eomt", "eomt_dinov3"):
        side = _square(config.image_size, folder)["height"]
        if processor.do_split_image:
            return {"do_resize": True, "size": {"shortest_edge": side}, "do_split_image": True, "do_pad": False}
        box = {"shortest_edge": side, "longest_edge": side}
        return {"do_resize": True, "size": box, "do_split_image": False, "do_pad": True}
    return {}


def _square(size: Any, folder: Path) -> dict[str, int]:
    height, width = size if isinstance(size, list | tuple) else (size, size)
    if height is None or height != width:
        raise InputError(f"{folder} has input size {height} x {width}; this network takes squares, give one side")
    return {"height": int(height), "width": int(width)}
