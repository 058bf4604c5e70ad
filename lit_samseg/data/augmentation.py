"""Other views of a training image: mirrored, resized, cropped, in other colours."""

import math
import os
import random
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError


@dataclass(frozen=True)
class Augmentation:
    """How far an augmented view of an image may be from the image.

    Attributes:
        flip: Probability of a horizontal flip, 0 to 1.
        scale: The image's sides are multiplied by a factor between these two, drawn uniformly on a logarithmic scale.
            None is 0.75 to 1.5; with ``crop_size`` it is 1, and the window has the image's own resolution.
        crop: Share of each side that a random crop keeps at least (to a pixel), above 0; 1 crops nothing. None is 0.75,
            and with ``crop_size`` 1.
        colour: How far brightness, contrast and saturation may each be from what they are, 0 to 1; 0 changes no colour.
        crop_size: Height and width in pixels of a window that is cut out of the resized image anywhere. An image that
            is smaller along a side keeps that side: nothing is padded. None cuts none out. Not with ``crop`` below 1.

    Raises:
        InputError: A value is out of its range, or ``crop`` and ``crop_size`` would both crop.
    """

    flip: float = 0.5
    scale: tuple[float, float] | None = None
    crop: float | None = None
    colour: float = 0.2
    crop_size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        where = "data.training.augmentation"
        refuse_nulls(self, where, besides=("scale", "crop", "crop_size"))
        for name, value in (("flip", self.flip), ("colour", self.colour)):
            if not 0 <= value <= 1:
                raise InputError(f"{where}.{name} is {value}; give 0 to 1")
        if not 0 < self.share <= 1:
            raise InputError(f"{where}.crop is {self.crop}; give more than 0, and 1 at most")
        if not 0 < self.factors[0] <= self.factors[1] < math.inf:
            raise InputError(f"{where}.scale is {list(self.factors)}; give two factors above 0, the smaller first")
        if self.crop_size is None:
            return
        if min(self.crop_size) < 1:
            raise InputError(f"{where}.crop_size is {list(self.crop_size)}; give height and width in pixels, 1 or more")
        if self.share < 1:
            raise InputError(
                f"{where}.crop keeps a share ({self.crop}) and {where}.crop_size a number of pixels "
                f"({list(self.crop_size)}); they exclude each other, leave one of them out"
            )

    @property
    def factors(self) -> tuple[float, float]:
        """What ``scale`` is, or stands for."""
        if self.scale is not None:
            return self.scale
        return (0.75, 1.5) if self.crop_size is None else (1.0, 1.0)

    @property
    def share(self) -> float:
        """What ``crop`` is, or stands for."""
        if self.crop is not None:
            return self.crop
        return 0.75 if self.crop_size is None else 1.0

    def apply(
        self, image: NDArray[np.uint8], target: NDArray[np.integer], seed: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.integer]]:
        """Draw one view; the same seed gives the same one in any process, and no other random numbers are touched.

        No step pads, so that the target needs no void of its own; its labels are moved, never mixed.

        Args:
            image: RGB, uint8 ``[H, W, 3]``.
            target: Labels, uint8 or int32 ``[H, W]``.
            seed: 0 or more.

        Returns:
            The view's image, uint8 ``[h, w, 3]``, and target, ``[h, w]`` like the target, both contiguous.

        Raises:
            InputError: albumentations is not installed.
        """
        return self.trace(image, target, seed)[:2]

    def trace(
        self, image: NDArray[np.uint8], target: NDArray[np.integer], seed: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.integer], NDArray[np.int64], NDArray[np.int64]]:
        """Draw a view as `apply` does, and tell where its pixels were.

        Args:
            image: As for `apply`.
            target: As for `apply`.
            seed: As for `apply`.

        Returns:
            The view's image and target; then the row of the image that each of its rows was, int64 ``[h]``, and the
            column of each of its columns, ``[w]``. The target is ``target[rows][:, columns]``.
        """
        draws = random.Random(seed)
        factor = math.exp(draws.uniform(*map(math.log, self.factors)))
        height, width = (max(1, round(side * factor)) for side in target.shape)
        # Every pixel's number goes the target's way.
        steps, more = self._steps(height, width), {"places": "mask"}
        compose = load_albumentations().Compose(steps, additional_targets=more)
        # Not its seed: every step would get the same one, and draw the same numbers.
        compose.set_random_state(np.random.default_rng(seed), draws)
        places = np.arange(target.size, dtype=np.int32).reshape(target.shape)
        view = compose(image=image, mask=target, places=places)
        rows, columns = view["places"][:, 0] // target.shape[1], view["places"][0] % target.shape[1]
        found = np.ascontiguousarray(view["image"]), np.ascontiguousarray(view["mask"])
        return *found, rows.astype(np.int64), columns.astype(np.int64)

    def _steps(self, height: int, width: int) -> list[Any]:
        """Make the steps for an image that is resized to ``height`` and ``width``."""
        import cv2

        albumentations = load_albumentations()
        colours = (1 - self.colour, 1 + self.colour)
        steps = [
            albumentations.HorizontalFlip(p=self.flip),
            albumentations.Resize(
                height,
                width,
                interpolation=cv2.INTER_LINEAR,
                # A smaller image has the mean of what was there, as a camera's would.
                area_for_downscale="image",
                # Plain INTER_NEAREST lies up to half a pixel beside the image.
                mask_interpolation=cv2.INTER_NEAREST_EXACT,
            ),
            self._crop(height, width),
        ]
        if self.colour:
            steps.append(albumentations.ColorJitter(colours, colours, colours, hue=(0, 0), p=1))
        return steps

    def _crop(self, height: int, width: int) -> Any:
        """Make the step that crops an image of this size."""
        albumentations = load_albumentations()
        if self.crop_size is not None:
            return albumentations.RandomCrop(min(self.crop_size[0], height), min(self.crop_size[1], width))
        border = (1 - self.share) / 2
        return albumentations.RandomCropFromBorders(border, border, border, border)


def refuse_nulls(options: Any, where: str, besides: tuple[str, ...] = ()) -> None:
    """Refuse None, which jsonargparse lets pass, as a value of a dataclass of options.

    Args:
        options: The dataclass.
        where: What the command line calls it.
        besides: Fields for which None means something.

    Raises:
        InputError: Another field is None.
    """
    for option in fields(options):
        if getattr(options, option.name) is None and option.name not in besides:
            raise InputError(f"{where}.{option.name} is null; give a value, or leave it out")


def load_albumentations() -> Any:
    """Return the module ``albumentations``.

    Raises:
        InputError: It is not installed.
    """
    # Else it asks PyPI for a newer version whenever it is imported.
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    try:
        import albumentations
    except ModuleNotFoundError as error:
        raise InputError(
            'augmented views need albumentations; install "lit_samseg[finetune]", or give --data.training.views 1'
        ) from error
    return albumentations
