"""The ladder and the region table of a whole run."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lit_samseg.analysis.image_truth import ImageTruth
from lit_samseg.analysis.ladder import LADDER, Ladder
from lit_samseg.analysis.recognition_metric import Recognition
from lit_samseg.analysis.region_facts import describe_kinds
from lit_samseg.analysis.region_table import COLUMNS, RegionTable
from lit_samseg.analysis.true_prompts import refine_with_true_boxes, refine_with_true_prompts, without_void
from lit_samseg.metrics import PerImageCounts, count_pixels
from lit_samseg.refine import ImageContext, Variant, all_of, refine_by_all
from lit_samseg.refine.refiner import Observers


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
        variants: The run's variants.
        num_classes: Number of classes.
        background: Class that is never prompted, or None.
        ignore_index: Void label of the ground truth.

    Attributes:
        rows: Variants with a ladder, ``V`` of them, by their place among all rows.
        counts: int64 ``[V * len(LADDER), 3, C]`` per image, a variant's steps in the order of ``LADDER``.
        regions: The regions' table.
        recognition: Counts what all rows, the baseline among them, would gain if they knew more of what is there.
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
        self.recognition = Recognition(background)

    def begin(self) -> None:
        """Be ready to gather, even if no image comes."""
        self.counts.begin(len(self.rows) * len(LADDER), self.num_classes)
        self.regions.begin()

    def refine(
        self, context: ImageContext, position: int, observe: Observers | None = None
    ) -> tuple[dict[str, Tensor], ImageAnalysis]:
        """Refine one image by every variant; what is found is not added up yet.

        Args:
            context: The image, with its ground truth.
            position: The image's place among the run's.
            observe: As for ``refine_by_all``.

        Returns:
            Label maps ``[H, W]`` like the image's by variant name, and what was found.

        Raises:
            RuntimeError: A choice made by the ground truth is worse than one made without: a defect of this program.
        """
        assert context.target is not None, "an analysis is of images with ground truth"
        target, label_map, analysed = context.target, context.label_map, list(self.rows.values())
        kinds = {variant.finder: context.regions(variant.finder) for variant in analysed}
        facts = describe_kinds(kinds, target, self.ignore_index)
        image = ImageTruth(label_map, target, self.background, self.ignore_index)
        ladders = {v.name: Ladder(image, v, facts[v.finder], self.background) for v in analysed}
        ours = {name: ladder.observe for name, ladder in ladders.items()}
        refined = refine_by_all(context, self.variants, all_of(ours, observe or {}))
        true_map, unprompted = without_void(target, label_map.dtype, self.background, self.ignore_index)
        true_context = context.on(true_map, unprompted, true_map)
        prompted = refine_with_true_prompts(context, true_context, analysed)
        boxed = refine_with_true_boxes(context, true_context, analysed, prompted)
        counts: list[Tensor] = []
        lines: list[Tensor] = []
        for row, variant in self.rows.items():
            maps, regions = ladders[variant.name].finish(refined[variant.name])
            maps |= {"true boxes": boxed[variant.name], "true prompts": prompted[variant.name]}
            steps = torch.stack([maps[step] for step in LADDER])
            counts.append(count_pixels(steps, target, self.num_classes, self.ignore_index))
            lines.append(F.pad(F.pad(regions, (1, 0), value=row), (1, 0), value=position))
        return refined, ImageAnalysis(torch.cat(counts), torch.cat(lines))

    def add(self, position: int, found: ImageAnalysis) -> None:
        """Add one image."""
        self.counts.update(position, found.steps)
        self.regions.update(found.regions)

    def check(self) -> None:
        """Assert that perfect choices are no worse, over all regions so far (on every run, at its end)."""
        lines = self.regions.compute()
        before, after, best = (lines[:, COLUMNS.index(name)] for name in ("before", "after", "best"))
        if (best < after).any():
            raise RuntimeError("a region's best candidate is worse than the one kept")
        if (torch.where(after > before, after, before) < before).any():
            raise RuntimeError("keep-or-reject by the ground truth is worse than the baseline's region")
