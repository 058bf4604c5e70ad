"""What is counted of images, from label maps to scores: the same in an evaluation and while something learns."""

from collections.abc import Sequence

import torch
from torch import nn

from lit_samseg.analysis import Analysis
from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.evaluation.image_counts import ImageCounts
from lit_samseg.evaluation.label_maps import LabelMaps
from lit_samseg.metrics import (
    BoundaryTruth,
    PerImageBoundaryCounts,
    PerImageCounts,
    Scores,
    TorchmetricsScores,
    VoidShare,
    count_pixels,
    score,
)


class Scoring(nn.Module):
    """Counts the pixels of every image and row, and gathers them over processes.

    Args:
        rows: Names of the rows, the baseline's first.
        num_classes: Number of classes.
        ignore_index: Void label of the ground truth.
        analysis: What else is gathered, or None.

    Attributes:
        pixels: Pixel counts of each image.
        boundary: Counts at borders of each image.
        void_share: How much of the ground truth is void.
        resumed: Positions of images whose numbers an interrupted run left, the same on every process.
    """

    def __init__(
        self, rows: Sequence[str], num_classes: int, ignore_index: int, analysis: Analysis | None = None
    ) -> None:
        super().__init__()
        self.rows, self.num_classes, self.ignore_index = list(rows), num_classes, ignore_index
        self.pixels = PerImageCounts()
        self.boundary = PerImageBoundaryCounts(len(rows), num_classes)
        self.void_share = VoidShare()
        self.reference = TorchmetricsScores(rows, num_classes)
        self.analysis = analysis
        self.resumed: frozenset[int] = frozenset()

    def begin(self) -> None:
        """Be ready to gather, even if this process gets no image."""
        self.pixels.begin(len(self.rows), self.num_classes)
        self.boundary.begin()
        self.void_share.begin()
        if self.analysis is not None:
            self.analysis.begin()

    def forget(self) -> None:
        """Forget all images: an epoch has passed."""
        self.pixels.reset()
        self.boundary.reset()
        self.void_share.reset()
        self.reference.reset()

    def count(self, sample: Sample, maps: LabelMaps) -> ImageCounts:
        """Count one image's label maps.

        Raises:
            InputError: There is no ground truth.
        """
        target = sample.target
        if target is None:
            raise InputError(f"image {sample.id} has no ground truth to test against; use predict")
        target = target.long()
        truth = BoundaryTruth(target.cpu().numpy(), self.num_classes, self.ignore_index)
        seen = (target != self.ignore_index).flatten().nonzero()[:, 0]
        seen_target = target.flatten()[seen]
        counts, borders = [], []
        # One copy from the device for all rows.
        on_host = torch.stack(list(maps.rows.values())).cpu().numpy()
        for (row, label_map), copied in zip(maps.rows.items(), on_host, strict=True):
            counts.append(count_pixels(label_map, target, self.num_classes, self.ignore_index))
            borders.append(truth.count(copied))
            self.reference.update(row, label_map.flatten()[seen], seen_target)
        areas = torch.tensor([target.numel() - len(seen), target.numel()])
        return ImageCounts(torch.stack(counts), borders, maps.analysis, areas)

    def add(self, position: int, counts: ImageCounts) -> None:
        """Add one image's numbers to the run's: of an image just evaluated, or of one that an interrupted run was."""
        self.pixels.update(position, counts.pixels)
        self.boundary.update(position, counts.boundary)
        self.void_share.update(*counts.areas.to(self.void_share.device))
        if self.analysis is not None and counts.analysis is not None:
            self.analysis.add(position, counts.analysis)

    def check(self) -> None:
        """Compare the counts with torchmetrics, and perfect choices with others; all processes take part.

        Raises:
            RuntimeError: They contradict each other: a defect of this program.
        """
        if self.analysis is not None:
            self.analysis.check()
        positions, counts = self.pixels.compute()
        # Of what these processes evaluated themselves.
        if own := [n for n, position in enumerate(positions) if position not in self.resumed]:
            self.reference.check(counts[:, :, own])

    def scores(self) -> dict[str, Scores]:
        """Return each row's scores over all images and processes so far."""
        _, counts = self.pixels.compute()
        return {row: score(c) for row, c in zip(self.rows, counts.cpu().numpy(), strict=True)}
