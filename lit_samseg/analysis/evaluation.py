"""The ladder and the region table of a whole run."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lit_samseg.analysis.ladder import LADDER, Ladder, refine_with_true_prompts, without_void
from lit_samseg.analysis.region_table import RegionTable, describe_regions
from lit_samseg.analysis.tags import tag_regions
from lit_samseg.metrics import PerImageCounts, count_pixels
from lit_samseg.refine import (
    Decision,
    Grid,
    LearnedGate,
    Region,
    Variant,
    all_of,
    find_regions_of_kinds,
    refine_by_all,
)
from lit_samseg.sam import Embedding, PromptableSegmenter


class ImageAnalysis(NamedTuple):
    """What the ground truth says of one image; ``V`` variants.

    Attributes:
        steps: int64 ``[V * len(LADDER), 3, C]``: each variant's counts at the steps of the ladder.
        regions: float64 ``[K, len(COLUMNS)]``: the regions of all variants.
    """

    steps: Tensor
    regions: Tensor


class Analysis(nn.Module):
    """Refines like ``refine``, and finds what the ground truth says of every step.

    Args:
        variants: The run's variants, at least one of them with a ladder.
        num_classes: Number of classes.
        background: Class that is never prompted, or None.
        ignore_index: Void label of the ground truth.

    Attributes:
        rows: Variants with a ladder, ``V`` of them, by their place among all rows.
        counts: int64 ``[V * len(LADDER), 3, C]`` per image, a variant's steps in the order of ``LADDER``.
        regions: The regions' table.
    """

    def __init__(
        self, variants: Sequence[Variant], num_classes: int, background: int | None, ignore_index: int
    ) -> None:
        super().__init__()
        self.variants = list(variants)
        self.rows = {row: variant for row, variant in enumerate(self.variants, start=1) if variant.has_ladder}
        self.num_classes, self.background, self.ignore_index = num_classes, background, ignore_index
        self.counts = PerImageCounts()
        self.regions = RegionTable()

    def begin(self) -> None:
        """Be ready to gather, even if no image comes."""
        self.counts.begin(len(self.rows) * len(LADDER), self.num_classes)
        self.regions.begin()

    def refine(
        self,
        label_map: Tensor,
        target: Tensor,
        position: int,
        embedding: Embedding,
        sam: PromptableSegmenter,
        regions: dict[str, list[Region]],
        grid: Grid | None = None,
        gate: LearnedGate | None = None,
        observe: Mapping[str, Callable[[Decision], None]] | None = None,
    ) -> tuple[dict[str, Tensor], ImageAnalysis]:
        """Refine one image by every variant; what is found is not added up yet.

        Args:
            label_map: The baseline's, integer ``[H, W]``.
            target: Ground truth, integer ``[H, W]``.
            position: The image's place among the run's.
            embedding: The image.
            sam: The promptable segmenter.
            regions: The label map's regions by kind.
            grid: As for ``refine_by_all``.
            gate: Likewise.
            observe: Likewise.

        Returns:
            Label maps ``[H, W]`` like ``label_map`` by variant name, and what was found.

        Raises:
            RuntimeError: A choice made by the ground truth is worse than one made without: a defect of this program.
        """
        target = target.long()
        true_map, unprompted = without_void(target, self.background, self.ignore_index)
        true_regions = find_regions_of_kinds(true_map, regions, unprompted)
        tags = {kind: tag_regions(found, target, self.ignore_index) for kind, found in regions.items()}
        analysed = list(self.rows.values())
        ladders = {v.name: Ladder(label_map, target, v, self.background, self.ignore_index) for v in analysed}
        refined = refine_by_all(
            label_map, regions, embedding, sam, self.variants, self.background, target, self.ignore_index,
            observe=all_of({name: ladder.observe for name, ladder in ladders.items()}, observe or {}), grid=grid,
            gate=gate,
        )  # fmt: skip
        prompted = refine_with_true_prompts(
            label_map, true_map, true_regions, embedding, sam, analysed, self.background
        )
        counts: list[Tensor] = []
        lines: list[Tensor] = []
        for row, variant in self.rows.items():
            ladder = ladders[variant.name]
            steps = ladder.maps() | {"prompts": prompted[variant.name]}
            counts += [count_pixels(steps[step], target, self.num_classes, self.ignore_index) for step in LADDER]
            lines.append(describe_regions(position, row, regions[variant.region], tags[variant.region], ladder))
        return refined, ImageAnalysis(torch.stack(counts), torch.cat(lines))

    def add(self, position: int, found: ImageAnalysis) -> None:
        """Add one image."""
        self.counts.update(position, found.steps)
        self.regions.update(found.regions)

    def check(self) -> None:
        """Assert that perfect choices are no worse, over all regions so far (on every run, at its end)."""
        lines = self.regions.compute()
        before, after, best = lines[:, 10], lines[:, 11], lines[:, 12]
        if (best < after).any():
            raise RuntimeError("a region's best candidate is worse than the one kept")
        if (torch.where(after > before, after, before) < before).any():
            raise RuntimeError("keep-or-reject by the ground truth is worse than the baseline's region")
