"""What both trainings share: scenes in turn."""

from __future__ import annotations

import argparse
from functools import cache

import torch
from torch import Tensor

from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene


@cache
def scene(split: str, index: int) -> tuple[Tensor, Tensor]:
    """One scene of a split: image uint8 [3, H, W], label uint8 [H, W]."""
    image, label = generate_scene(SPLIT_SEEDS[split], index)
    return torch.from_numpy(image).permute(2, 0, 1).contiguous(), torch.from_numpy(label)


def training_scene(step: int, args: argparse.Namespace) -> tuple[Tensor, Tensor]:
    """The scene of a training step: scenes in turn, every second time around mirrored."""
    image, label = scene("train", step % args.scenes)
    return (image.flip(-1), label.flip(-1)) if (step // args.scenes) % 2 else (image, label)
