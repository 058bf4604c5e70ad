"""A checkpoint's own image processor, less what would lose pixels or belongs to labels."""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lit_samseg.checkpoints.pretrained import PREPROCESSOR, read_processor_settings, refused_with
from lit_samseg.errors import InputError
from lit_samseg.runtime.transfer import to_device

LONGEST_RATIO = 4
"""What the longer side of a network's input may be of the processor's length for the shorter one."""

COARSEST_STRIDE = 32
"""Stride of the coarsest features of these networks; a smaller input may leave them nothing."""

CONVNEXT_WARPS_FROM = 384
"""``size.shortest_edge`` from which ``ConvNextImageProcessor`` makes the whole image a square; below, it crops."""


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

    - Where only the shorter side's length is given (MobileViT), the longer side becomes at most
      :data:`LONGEST_RATIO` times that: a longer image is scaled until it is, as a whole, its shorter side at least to
      :data:`COARSEST_STRIDE`. Images up to 4:1 are as the processor has them.

    Everything else is the checkpoint's: size, filter, mean and deviation, the order of channels (MobileViT's is BGR),
    and Mask2Former's and MaskFormer's stretching to a multiple of ``size_divisor``.

    Args:
        folder: The checkpoint's folder.
        config: Its ``PreTrainedConfig``.

    Attributes:
        name: Class of the processor; those ending in ``Pil`` resize with Pillow, the others with torchvision, and the
            pixels differ slightly.
        file: Where its settings were read.

    Raises:
        InputError: There is no processor, or its settings do not fit the network.
    """

    def __init__(self, folder: Path, config: Any) -> None:
        from transformers import AutoImageProcessor

        path, settings = read_settings(folder)
        self.file = path
        with refused_with(f"{folder} has no usable image processor"):
            self.processor = AutoImageProcessor.from_pretrained(  # nosec B615 # a folder on disk
                folder, local_files_only=True, trust_remote_code=False, config=config
            )
        self.name = type(self.processor).__name__
        declared = str(settings.get("image_processor_type") or settings.get("feature_extractor_type") or self.name)
        if declared.replace("FeatureExtractor", "ImageProcessor").removesuffix("Fast") != self.name.removesuffix("Pil"):
            # transformers takes another one then, and code from the checkpoint is never run.
            raise InputError(f"{path} asks for a {declared}, which transformers does not have; name one that it has")
        changes = {"do_reduce_labels": False, "do_center_crop": False, "pad_size": None}
        # A processor also has what its JSON says of options that it does not know.
        known = self.processor.valid_kwargs.__annotations__
        self.options = {key: value for key, value in changes.items() if key in known}
        self.options |= _sizes(config, self.processor, folder)
        self.squares = self.name.startswith("ConvNextImageProcessor")
        if self.squares and (self._edges[0] or CONVNEXT_WARPS_FROM) < CONVNEXT_WARPS_FROM:
            raise InputError(
                f"{path} makes {self.name} crop images; set its size.shortest_edge to {CONVNEXT_WARPS_FROM} or more"
            )
        # What does not work is said now, not at the first image.
        with refused_with(f"{folder} has no usable image processor"):
            self(torch.zeros(3, 20, 30, dtype=torch.uint8), "black")

    def __call__(self, image: Tensor, image_id: str) -> NetworkInput:
        """Prepare one image, uint8 ``[3, H, W]``; the result is on its device.

        Raises:
            InputError: The image is so thin that it would get no pixel across.
        """
        self._check_size(image.shape[1], image.shape[2], image_id)
        # There on every device: torchvision resizes uint8 in integers on a CPU and in floats on a GPU, to other pixels.
        here = image.cpu()
        given = self._run(here)
        pixels = to_device(given["pixel_values"], image.device)
        height, width = pixels.shape[2:]
        if self.options.get("do_split_image"):
            starts = tuple(int(start) for _, start, _ in given["patch_offsets"])
            return NetworkInput(pixels, (height, width), starts)
        if self.options.get("do_pad"):
            inside = self._run(here, do_pad=False)["pixel_values"].shape[2:]
            return NetworkInput(pixels, tuple(inside))
        return NetworkInput(pixels, (height, width))

    def _run(self, image: Tensor, **changes: Any) -> Any:
        options = self.options | self._bound(image.shape[1], image.shape[2]) | changes
        return self.processor(images=image, return_tensors="pt", input_data_format="channels_first", **options)

    @property
    def _edges(self) -> tuple[int | None, int | None]:
        """The lengths that an image's shorter side becomes and its longer one does not exceed; None without any."""
        size = self.options.get("size", self.processor.size)
        if not self.options.get("do_resize", self.processor.do_resize) or size is None:
            return None, None
        size = dict(size)
        return size.get("shortest_edge"), size.get("longest_edge")

    def _check_size(self, height: int, width: int, image_id: str) -> None:
        from transformers.image_transforms import get_size_with_aspect_ratio

        short, long = self._edges
        if short and long and min(get_size_with_aspect_ratio((height, width), short, long)) < 1:
            raise too_thin(image_id, height, width, f"{self.name} fits it into {long} pixels")

    def _bound(self, height: int, width: int) -> dict[str, Any]:
        """Return the size of a long image whose longer side would follow the shorter one without end."""
        short, long = self._edges
        ratio = max(height, width) / min(height, width)
        if not short or long or self.squares or self.options.get("do_split_image") or ratio <= LONGEST_RATIO:
            return {}
        long_side = LONGEST_RATIO * short
        short_side = max(min(short, COARSEST_STRIDE), round(long_side / ratio))
        tall = height > width
        return {"size": {"height": long_side if tall else short_side, "width": short_side if tall else long_side}}


def too_thin(image_id: str, height: int, width: int, reason: str) -> InputError:
    """Return the error for an image that a network cannot be given."""
    return InputError(
        f"image {image_id} of {width} x {height} pixels is too thin or small for the baseline ({reason}); "
        "leave it out of the data set"
    )


def read_settings(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Read how a checkpoint's images are prepared.

    Returns:
        The file it is in, and the image processor's settings.

    Raises:
        InputError: There is no such file, or it is no JSON object.
    """
    found = read_processor_settings(folder)
    if found is None:
        raise InputError(
            f"baseline checkpoint has no {folder / PREPROCESSOR}, which says how images are prepared; "
            "download the whole checkpoint"
        )
    return found


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
