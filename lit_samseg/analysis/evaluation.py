"""The ladder and the region table of a whole run."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lit_samseg.analysis.ladder import LADDER, Ladder, refine_with_true_prompts, without_void
from lit_samseg.analysis.region_table import RegionTable
from lit_samseg.analysis.tags import tag_regions
from lit_samseg.metrics import PerImageCounts, count_pixels
from lit_samseg.refine import Region, Variant, find_regions, refine
from lit_samseg.sam import Embedding, PromptableSegmenter


class Analysis(nn.Module):
    """Refines like ``refine``, and keeps what the ground truth says of every step.

    Args:
        variants: The run's variants.
        num_classes: Number of classes.
        background: Class that is never prompted, or None.
        ignore_index: Void label of the ground truth.

    Attributes:
        counts: int64 ``[V * len(LADDER), 3, C]`` per image, a variant's steps in the order of ``LADDER``.
        regions: The regions' table.
    """

    def __init__(
        self, variants: Sequence[Variant], num_classes: int, background: int | None, ignore_index: int
    ) -> None:
        super().__init__()
        self.variants = list(variants)
        self.num_classes, self.background, self.ignore_index = num_classes, background, ignore_index
        self.counts = PerImageCounts()
        self.regions = RegionTable()

    def refine(
        self,
        label_map: Tensor,
        target: Tensor,
        position: int,
        embedding: Embedding,
        sam: PromptableSegmenter,
        regions: dict[str, list[Region]],
    ) -> dict[str, Tensor]:
        """Refine one image by every variant.

        Args:
            label_map: The baseline's, int64 ``[H, W]``.
            target: Ground truth, integer ``[H, W]``.
            position: The image's place among the run's.
            embedding: The image.
            sam: The promptable segmenter.
            regions: The label map's regions by kind.

        Returns:
            Label maps int64 ``[H, W]`` by variant name.

        Raises:
            RuntimeError: A choice made by the ground truth is worse than one made without: a defect of this program.
        """
        target = target.long()
        true_map, unprompted = without_void(target, self.background, self.ignore_index)
        true_regions = {kind: find_regions(true_map, kind, unprompted) for kind in regions}
        tags = {kind: tag_regions(found, target, self.ignore_index) for kind, found in regions.items()}
        refined: dict[str, Tensor] = {}
        counts: list[Tensor] = []
        for row, variant in enumerate(self.variants, start=1):
            kind = variant.region
            ladder = Ladder(label_map, target, variant, self.background, self.ignore_index)
            refined[variant.name] = refine(
                label_map, regions[kind], embedding, sam, variant, self.background, target, self.ignore_index,
                observe=ladder.observe,
            )  # fmt: skip
            steps = ladder.maps()
            steps["prompts"] = refine_with_true_prompts(
                label_map, true_map, true_regions[kind], embedding, sam, variant, self.background
            )
            counts += [count_pixels(steps[step], target, self.num_classes, self.ignore_index) for step in LADDER]
            self.regions.update(position, row, regions[kind], tags[kind], ladder)
        if counts:
            self.counts.update(position, torch.stack(counts))
        return refined

    def check(self) -> None:
        """Assert that perfect choices are no worse, over all regions so far (on every run, at its end)."""
        lines = self.regions.compute()
        before, after, best = lines[:, 10], lines[:, 11], lines[:, 12]
        if (best < after).any():
            raise RuntimeError("a region's best candidate is worse than the one kept")
        if (torch.where(after > before, after, before) < before).any():
            raise RuntimeError("keep-or-reject by the ground truth is worse than the baseline's region")
