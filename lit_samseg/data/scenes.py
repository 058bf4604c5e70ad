"""The built-in world: generated scenes that need no file from outside."""

from pathlib import Path
from typing import Any

import torch

from lit_samseg.data.datamodule import SegmentationDataModule
from lit_samseg.data.sample import Sample
from lit_samseg.data.scene_generator import CLASS_NAMES, SPLIT_SEEDS, generate_scene
from lit_samseg.errors import InputError
from lit_samseg.formats.palettes import voc_palette


class Scenes(SegmentationDataModule):
    """Small generated pictures of textured, overlapping, thin and compound things.

    Args:
        size: Number of scenes in a split.
        split: ``train``, ``val`` or ``test``; they share no scene.
        num_workers: Processes that paint scenes.
        options: Those of every data set (`SegmentationDataModule`).
    """

    name = "scenes"
    class_names = CLASS_NAMES
    background = 0
    palette = voc_palette()

    def __init__(
        self,
        size: int = 100,
        split: str = "test",
        num_workers: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(split, num_workers=num_workers, **options)
        for chosen in (split, self.training.split):
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
