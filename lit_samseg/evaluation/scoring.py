"""What is counted of images, from label maps to scores: the same in an evaluation and while something learns."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lit_samseg.analysis import Analysis
from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.evaluation.image_counts import ImageCounts
from lit_samseg.evaluation.label_maps import LabelMaps
from lit_samseg.metrics import (
    Gathered,
    GatheredCounts,
    ImageFacts,
    ImageRows,
    Metric,
    Scores,
    TorchmetricsScores,
    VoidShare,
    always,
    count_others,
    score,
)

PIXELS = "pixels"
"""The word of the metric that differences, intervals and the check by torchmetrics are made of."""


class Scoring(nn.Module):
    """Counts every image and row by a list of metrics, and gathers the counts over processes.

    Args:
        rows: Names of the rows, the baseline's first.
        num_classes: Number of classes.
        ignore_index: Void label of the ground truth.
        analysis: What else is gathered, or None.
        others: Metrics beside those that every run has.

    Attributes:
        metrics: All metrics.
        others: Those that a run names.
        void_share: How much of the ground truth is void.
        resumed: Positions of images whose numbers an interrupted run left, the same on every process.

    Raises:
        InputError: A metric has the word of the analysis's own.
    """

    def __init__(
        self,
        rows: Sequence[str],
        num_classes: int,
        ignore_index: int,
        analysis: Analysis | None = None,
        others: Sequence[Metric] = (),
    ) -> None:
        super().__init__()
        self.rows, self.num_classes, self.ignore_index = list(rows), num_classes, ignore_index
        analysed = [] if analysis is None else [analysis.recognition]
        self.others, self.metrics = list(others), [*always(), *analysed, *others]
        if clash := next((m for m in others if any(m.word == own.word for own in analysed)), None):
            raise InputError(f"metric {type(clash).__name__}: the analysis has the word {clash.word!r}; rename it")
        self._counts = nn.ModuleList(GatheredCounts(metric, len(rows), num_classes) for metric in self.metrics)
        self.void_share = VoidShare()
        self.reference = TorchmetricsScores(rows, num_classes)
        self.analysis = analysis
        self.resumed: frozenset[int] = frozenset()

    @property
    def counts(self) -> dict[str, GatheredCounts]:
        """What gathers each metric's counts, by its word."""
        return {gathers.metric.word: gathers for gathers in self._counts if isinstance(gathers, GatheredCounts)}

    def begin(self) -> None:
        """Be ready to gather, even if this process gets no image."""
        for gathers in self.counts.values():
            gathers.begin()
        self.void_share.begin()
        if self.analysis is not None:
            self.analysis.begin()

    def forget(self) -> None:
        """Forget all images: an epoch has passed."""
        for gathers in self.counts.values():
            gathers.reset()
        self.void_share.reset()
        self.reference.reset()

    def count(self, sample: Sample, maps: LabelMaps) -> ImageCounts:
        """Count one image's label maps.

        Raises:
            InputError: There is no ground truth, or a metric of others fails.
        """
        target = sample.target
        if target is None:
            raise InputError(f"image {sample.id} has no ground truth to test against; use predict")
        facts = ImageFacts(sample.id, self.num_classes, self.ignore_index)
        image = ImageRows(facts, torch.stack(list(maps.rows.values())), target, maps.entropy, maps.likeliest)
        counted = {
            word: count_others(gathers.metric, image, gathers.blank)
            if gathers.metric in self.others
            else gathers.metric.count_rows(image)
            for word, gathers in self.counts.items()
        }
        if image.pairs is not None:
            self.reference.update(image.pairs)
        seen = int(counted[PIXELS]["pixels"][0, 1].sum())
        return ImageCounts(counted, maps.analysis, torch.tensor([target.numel() - seen, target.numel()]))

    def add(self, position: int, counts: ImageCounts) -> None:
        """Add one image's numbers to the run's: of an image just evaluated, or of one that an interrupted run was."""
        for word, gathers in self.counts.items():
            gathers.update(position, counts.metrics[word])
        self.void_share.update(*counts.areas)
        if self.analysis is not None and counts.analysis is not None:
            self.analysis.add(position, counts.analysis)

    def check(self) -> None:
        """Compare the counts with torchmetrics, and perfect choices with others; all processes take part.

        Raises:
            RuntimeError: They contradict each other: a defect of this program.
        """
        if self.analysis is not None:
            self.analysis.check()
        positions, counts = self.pixels()
        # Of what these processes evaluated themselves.
        if own := [n for n, position in enumerate(positions) if position not in self.resumed]:
            self.reference.check(counts[:, :, own])

    def gathered(self) -> dict[str, Gathered]:
        """Return each metric's counts of all images and processes so far, by its word; all processes take part."""
        return {word: gathers.compute() for word, gathers in self.counts.items()}

    def pixels(self) -> tuple[list[int], NDArray[np.int64]]:
        """Return the images' positions and the pixel counts of all, int64 ``[R, 3, N, C]``; all processes take part."""
        positions, counts = self.counts[PIXELS].compute()
        return positions, np.ascontiguousarray(counts["pixels"].transpose(0, 2, 1, 3))

    def scores(self) -> dict[str, Scores]:
        """Return each row's scores of pixels over all images and processes so far."""
        _, counts = self.pixels()
        return {row: score(own) for row, own in zip(self.rows, counts, strict=True)}

    def logged(self) -> dict[str, dict[str, float]]:
        """Return the numbers that loggers get, by row: those of pixels by their keys, others as ``word/key``."""
        values: dict[str, dict[str, float]] = {row: {} for row in self.rows}
        for metric in self.metrics:
            keys = [column.key for column in metric.columns if "log" in column.shown]
            if not keys:
                continue
            gathered = self.counts[metric.word].compute()
            for n, row in enumerate(self.rows):
                scores = metric.score_images(gathered.of_row(n))
                start = "" if metric.word == PIXELS else f"{metric.word}/"
                values[row] |= {f"{start}{key}": float(scores[key]) for key in keys}
        return values
