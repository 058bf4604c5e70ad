"""The built-in world: generated scenes that need no file from outside."""

from pathlib import Path

import torch

from lit_samseg.data.datamodule import OnError, SegmentationDataModule
from lit_samseg.data.orientation import Exif
from lit_samseg.data.palettes import voc_palette
from lit_samseg.data.sample import Sample
from lit_samseg.data.scene_generator import CLASS_NAMES, SPLIT_SEEDS, generate_scene
from lit_samseg.data.training import Training
from lit_samseg.errors import InputError


class Scenes(SegmentationDataModule):
    """Small generated pictures of textured, overlapping, thin and compound things.

    Args:
        size: Number of scenes in a split.
        split: ``train``, ``val`` or ``test``; they share no scene.
        subset: Evaluate this many scenes drawn without replacement; None means all.
        subset_seed: Seed of the draw.
        ids: Evaluate exactly the ids in this text file.
        batch_size: Samples in a batch.
        num_workers: Processes that paint scenes.
        images: For ``predict``: a folder of pictures of your own instead of scenes.
        on_error: ``raise`` ends the run at an image that cannot be read; ``skip`` leaves it out and says so.
        training: For ``fit``: which images a network is trained on, and how.
        exif: How pictures in ``images`` are read: ``upright`` as their EXIF data say, ``ignore`` as their pixels lie.
    """

    name = "scenes"
    class_names = CLASS_NAMES
    background = 0
    palette = voc_palette()

    def __init__(
        self,
        size: int = 100,
        split: str = "test",
        subset: int | None = None,
        subset_seed: int = 0,
        ids: str | None = None,
        batch_size: int = 1,
        num_workers: int = 0,
        images: str | None = None,
        on_error: OnError = "raise",
        training: Training = Training(),
        exif: Exif = "upright",
    ) -> None:
        super().__init__(split, subset, subset_seed, ids, batch_size, num_workers, images, on_error, training, exif)
        for chosen in (split, training.split):
            if chosen not in SPLIT_SEEDS:
                raise InputError(f"scenes: no split {chosen!r}; there are {', '.join(SPLIT_SEEDS)}")
        if size < 0:
            raise InputError(f"scenes: data.size is {size}; it cannot be negative")
        self.size = size

    def find_ids(self) -> list[str]:
        """Return ``scene_00000`` and so on."""
        return [f"scene_{index:05d}" for index in range(self.size)]

    def image_key(self, image_id: str) -> str:
        """Return the split and the id: every split has a scene 0 of its own."""
        return f"{self.split}/{image_id}"

    def files(self, image_id: str, with_target: bool) -> list[Path]:
        """A scene needs no file."""
        return []

    def read(self, image_id: str, with_target: bool) -> Sample:
        """Paint one scene."""
        number = image_id.removeprefix("scene_")
        if not number.isdecimal() or image_id != f"scene_{int(number):05d}":
            raise InputError(f"scenes: {image_id!r} is no scene; ids look like scene_00042")
        image, target = generate_scene(SPLIT_SEEDS[self.split], int(number))
        return Sample(
            image_id,
            torch.from_numpy(image).permute(2, 0, 1),
            torch.from_numpy(target) if with_target else None,
        )
