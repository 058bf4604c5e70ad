"""The baseline's class scores of every image, as `lit_samseg.baselines.ScoreFolder` reads them."""

import math
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Literal

import torch
from torch import Tensor

from lit_samseg.data import Sample
from lit_samseg.evaluation.label_maps import LabelMaps
from lit_samseg.formats.score_files import write_scores
from lit_samseg.formats.scores import LEAST_PROBABILITY
from lit_samseg.writing.folder_writer import FolderWriter

RULED_OUT = -1e4
"""Stands for minus infinity, which cannot be interpolated."""


class ScoreWriter(FolderWriter):
    """Writes ``scores/<id>.npz``: ``logits`` ``[C, h, w]``, of the size in which the baseline gives them."""

    folder = "scores"

    def files(self, image_id: str) -> list[str]:
        """Return the image's only file."""
        return [f"{image_id}.npz"]

    def add(self, sample: Sample, maps: LabelMaps) -> Sequence[Future[None]]:
        """Write the image's scores."""
        assert maps.scores is not None, "the module has seen that there are some"
        size = (sample.image.shape[1], sample.image.shape[2])
        logits = stored_scores(maps.scores, size, self.run.module.save_scores_dtype).cpu().numpy()
        return [self._submit(write_scores, self.pictures.partial / self.files(maps.id)[0], logits)]


def stored_scores(logits: Tensor, size: tuple[int, int], dtype: Literal["fp16", "fp32"]) -> Tensor:
    """Return what is written of class scores.

    In float16 a cell's largest score becomes 0, so that what is close to it is told from it down to 6e-8: as they are,
    scores around 20 would be whole 64ths, and of a real network's maps one pixel in 7000 would change its class. Where
    cells are pixels, classes a million times less likely than the pixel's likeliest are all as unlikely as that, which
    leaves half of the file.

    Args:
        logits: float32 ``[C, h, w]``.
        size: The image's height and width.
        dtype: ``fp32`` changes nothing but minus infinity, which becomes `RULED_OUT`.
    """
    if dtype == "fp32":
        return logits.clamp(min=RULED_OUT) if logits.isneginf().any() else logits
    relative = logits - logits.max(0).values
    return relative.clamp(min=math.log(LEAST_PROBABILITY) if relative.shape[1:] == size else RULED_OUT).to(torch.half)
